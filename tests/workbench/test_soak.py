"""The soak's books: each way in which they may not balance is noticed; and one small soak that balances."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from workbench.sandbox.kafka_delivery import Ending
from workbench.soak.balance import Account, deliveries, payments, sheet, stale, tasks
from workbench.soak.bedrock_gate import Call
from workbench.soak.books import Books
from workbench.soak.functions import Line
from workbench.soak.ledger_gate import Store
from workbench.soak.run import soak
from workbench.soak.schedule import Kill, bedrock_fault, edits, happenings
from workbench.soak.shop import Published
from workbench.soak.stage import Plan

SAVED, DELETED = "saved", "deleted"
ACKNOWLEDGED = Ending("acknowledged", 200, "", 1)
LETTER = Ending("dead-lettered", 422, "answerrefused", 1)
CALL = Call("a1", "question", "fingerprint", False, "answered", 10.0, 11.0)
STORE = Store("a1", "fingerprint", 11.1, "kept")


def record(offset: int, version: int, type_: str = SAVED) -> Published:
    data = {"productId": "shirt", "version": version}
    return Published(("topic", 0, offset), f"event-{offset}", type_, data)


def line(offset: int, outcome: str, code: str = "") -> Line:
    kind = {"kind": "task", "task": "description", "outcome": outcome, "code": code}
    return Line("a1", 12.0, {"eventId": f"event-{offset}", **kind})


def expected(_task: str, data: dict[str, Any]) -> list[Any]:
    return [f"text {data['version']}"]


def shirt(text: str) -> dict[str, Any]:
    return {"enrichment": {"description": {"value": text}}}


BOOKS = Books(
    published=[record(0, 1), record(1, 2)],
    endings=[(("topic", 0, 0), ACKNOWLEDGED), (("topic", 0, 1), ACKNOWLEDGED)],
    dead_letters=0,
    lines=[line(0, "superseded"), line(1, "written")],
    calls=[CALL],
    stores=[STORE],
    leased=frozenset({"fingerprint"}),
    killed={},
    products={"shirt": shirt("text 2")},
    deleted=frozenset(),
    owed=lambda type_: ["description"] if type_ == SAVED else [],
    expected=expected,
)
REFUSED = {
    "endings": [BOOKS.endings[0], (("topic", 0, 1), LETTER)],
    "lines": [BOOKS.lines[0], line(1, "unusable", "answerrefused")],
    "dead_letters": 1,
}
SECOND = replace(CALL, caller="b1", begun=20.0, ended=21.0)
SECOND_STORE = replace(STORE, caller="b1", at=21.1)


def test_books_that_are_whole_balance() -> None:
    """Every record ended, the one question was paid once, the newest text stands: no account differs."""
    assert [account.wrong for account in sheet(BOOKS)] == [[]] * 4


@pytest.mark.parametrize(
    ("account", "change", "difference"),
    [
        (deliveries, {"endings": BOOKS.endings[:1]}, "has no end"),
        (deliveries, {"endings": [BOOKS.endings[0], (("topic", 0, 1), Ending("lost", 503))]}, "kind='lost'"),
        (
            deliveries,
            {**REFUSED, "endings": [BOOKS.endings[0], (("topic", 0, 1), replace(LETTER, code=""))]},
            "code=''",
        ),
        (deliveries, {**REFUSED, "dead_letters": 0}, "1 dead letters were sent, the topic has 0"),
        (deliveries, {"published": BOOKS.published[:1]}, "was never published"),
        (tasks, {"lines": BOOKS.lines[:1]}, "description has no terminal outcome"),
        (
            tasks,
            {"lines": [BOOKS.lines[0], line(1, "unavailable", "leaseheld")]},
            "description has no terminal outcome",
        ),
        (tasks, {"published": [record(0, 1), record(1, 2, DELETED)]}, "the deletion left no line"),
        (payments, {"calls": [CALL, SECOND], "stores": [STORE, SECOND_STORE]}, "answered and stored 2 times"),
        (payments, {"calls": [CALL, SECOND]}, "an answer was lost without a cause"),
        (payments, {"calls": [CALL, SECOND], "killed": {"b1": 60.0}}, "an answer was lost without a cause"),
        (payments, {"calls": [CALL, SECOND], "killed": {"a1": 21.01}}, "an answer was lost without a cause"),
        (payments, {"calls": [CALL, replace(SECOND, end="silent")]}, "asked again by b1 after it was stored"),
        (payments, {"leased": frozenset()}, "was asked and never leased"),
        (payments, {"calls": []}, "0 stored, 1 have one"),
        (payments, {"calls": [replace(CALL, question="other"), CALL]}, "names two questions"),
        (stale, {"products": {"shirt": shirt("text 1")}}, "version 2 is not what the shop has"),
        (stale, {"products": {"shirt": {"enrichment": {}}}}, "version 2 is not what the shop has"),
        (stale, {"products": {"shirt": None}}, "version 2 is not what the shop has"),
    ],
)
def test_difference_is_noticed(account: Callable[[Books], Account], change: dict[str, Any], difference: str) -> None:
    """What was lost, paid twice or left stale without a cause is named."""
    assert any(difference in wrong for wrong in account(replace(BOOKS, **change)).wrong)


@pytest.mark.parametrize(
    ("account", "change", "count"),
    [
        (
            payments,
            {
                "calls": [CALL, SECOND],
                "stores": [replace(STORE, end="failed"), SECOND_STORE],
            },
            "first calls: answer lost to a failed store",
        ),
        (
            payments,
            {"calls": [CALL, SECOND], "stores": [SECOND_STORE], "killed": {"a1": 11.02}},
            "first calls: answer lost to a kill",
        ),
        (stale, {**REFUSED, "products": {"shirt": shirt("text 1")}}, "dead letter: answerrefused"),
        (stale, {"products": {"shirt": {**shirt("text 1"), "protected": ["description"]}}}, "protected"),
        (stale, {"products": {"shirt": None}, "deleted": frozenset({"shirt"})}, "deleted"),
    ],
)
def test_difference_with_a_cause_is_counted(
    account: Callable[[Books], Account], change: dict[str, Any], count: str
) -> None:
    """A second answer after a kill or a failed store, and an old text with its reason, are no difference."""
    result = account(replace(BOOKS, **change))
    assert (result.wrong, result.counts[count]) == ([], 1)


def test_last_delivery_decides_over_earlier_ones() -> None:
    """A task that failed twice and was then written is written, and nothing else."""
    lines = [
        BOOKS.lines[0],
        line(1, "unavailable", "leaseheld"),
        line(1, "throttled", "modelthrottled"),
        BOOKS.lines[1],
    ]
    account = tasks(replace(BOOKS, lines=lines))
    assert account.wrong == []
    assert account.counts == {"owed": 2, "description: superseded": 1, "description: written": 1}


def test_seed_reproduces_the_schedule() -> None:
    """Edits, faults and happenings follow from the seed alone, and another seed gives others."""

    def schedule(seed: int) -> list[object]:
        faults = [bedrock_fault(seed, f"SK{number:06d}", turn=0, attempt=0) for number in range(300)]
        return [list(islice(edits(seed, 50), 300)), faults, happenings(seed, edits=1000, kills=10)]

    assert schedule(1) == schedule(1)
    assert all(one != other for one, other in zip(schedule(1), schedule(2), strict=True))


def test_schedule_holds_every_kill_within_its_edits() -> None:
    """All kills fall before the last edit, so that what they broke is edited on."""
    planned = happenings(3, edits=1000, kills=20)
    assert sum(isinstance(each, Kill) for happened in planned.values() for each in happened) == 20
    assert max(planned) < 1000


@pytest.mark.soak
def test_small_soak_balances(capsys: pytest.CaptureFixture[str]) -> None:
    """Two kills, a storm, a restart of the shop and a death of KafkaSource leave books that balance."""
    assert soak(Plan.short(1, seconds=20)) == 0, capsys.readouterr().out
