"""Events that come late, again, in parallel or after an edit: what is superseded, paid again, written again."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from edges import GOOD_COPY, RANKING_COPY
from enricher import Edits, Enricher
from product_events import ATTRIBUTES, IMAGES, REGISTERED, product_event

from handler.deadline import Deadline
from handler.events import Order, ProductEvent
from handler.ledger import Written
from handler.outcomes import Outcome
from handler.results import TaskResult
from handler.tasks import Prompts

Edit = Callable[[Edits], Prompts]

NEW_COPY = "새로 쓴 글이에요. 편하게 입기 좋은 베이직 코튼 티셔츠예요."


# Order


def test_a_late_event_does_not_overtake_one_that_changed_nothing(enricher: Enricher) -> None:
    """v1 (A) is written, v3 (A) changes nothing, and v2 (B), which comes last, is superseded without a call."""
    assert enricher.run(product_event(1)).outcome is Outcome.WRITTEN
    assert enricher.run(product_event(3)).outcome is Outcome.UNCHANGED
    late = enricher.run(product_event(2, name=ATTRIBUTES, attributes={"소재": "린넨", "핏": "오버핏"}))
    assert late.outcome is Outcome.SUPERSEDED
    assert late.detail
    assert enricher.model.calls == 1
    assert len(enricher.copies) == 1


def test_a_late_event_does_not_overtake_one_that_failed(enricher: Enricher) -> None:
    """The newest event ended 422: an older one must still not write what is out of date."""
    enricher.run(product_event(1))
    enricher.say(RANKING_COPY, RANKING_COPY)
    assert enricher.run(product_event(3, attributes={"소재": "린넨", "핏": "오버핏"})).outcome is Outcome.REJECTED
    assert enricher.run(product_event(2, attributes={"소재": "울", "핏": "슬림핏"})).outcome is Outcome.SUPERSEDED
    assert len(enricher.copies) == 1


@pytest.mark.parametrize("name", ["protected", "category", "attributes"])
def test_every_newer_event_supersedes(enricher: Enricher, name: str) -> None:
    """Also one whose task is protected, held or short of facts raises what is latest."""
    newer: dict[str, Any] = {"protected": ["copy"], "category": ["신고대상"], "attributes": {}}
    enricher.run(product_event(3, **{name: newer[name]}))
    assert enricher.run(product_event(2)).outcome is Outcome.SUPERSEDED


def test_an_equal_version_is_processed(enricher: Enricher) -> None:
    """Two events of one version with different facts are both written: nobody can say which is newer."""
    enricher.run(product_event(5))
    assert enricher.run(product_event(5, attributes={"소재": "린넨", "핏": "오버핏"})).outcome is Outcome.WRITTEN
    assert len(enricher.copies) == 2


def test_orders_of_different_kinds_are_not_compared(enricher: Enricher) -> None:
    """A version, an `updatedAt` and a `time` say nothing about each other: every event is processed."""
    changes = [{"소재": "린넨", "핏": "오버핏"}, {"소재": "울", "핏": "슬림핏"}, {"소재": "실크", "핏": "A핏"}]
    events = [
        product_event(9, attributes=changes[0]),
        product_event(None, updatedAt="2020-01-01T00:00:00Z", attributes=changes[1]),
        product_event(None, time=datetime(2019, 1, 1, tzinfo=UTC), attributes=changes[2]),
    ]
    assert [enricher.run(event).outcome for event in events] == [Outcome.WRITTEN] * 3


@pytest.mark.parametrize("kind", ["updatedAt", "time"])
def test_moments_order_events_without_a_version(enricher: Enricher, kind: str) -> None:
    """Where there is no version, `updatedAt` and else the CloudEvent's `time` decide, to the microsecond."""

    def at(microsecond: int, attributes: dict[str, str]) -> ProductEvent:
        moment = datetime(2026, 11, 22, 9, 0, 0, microsecond, tzinfo=UTC)
        if kind == "time":
            return product_event(None, time=moment, attributes=attributes)
        return product_event(None, updatedAt=moment.isoformat(), attributes=attributes)

    assert enricher.run(at(2, {"소재": "린넨", "핏": "오버핏"})).outcome is Outcome.WRITTEN
    assert enricher.run(at(1, {"소재": "울", "핏": "슬림핏"})).outcome is Outcome.SUPERSEDED


def test_an_event_without_any_order_is_processed(enricher: Enricher) -> None:
    """It raises nothing, supersedes nothing, and leaves the decision to the product service."""
    enricher.run(product_event(9))
    unordered = enricher.run(product_event(None, attributes={"소재": "린넨", "핏": "오버핏"}))
    assert unordered.outcome is Outcome.WRITTEN
    assert enricher.shop.writes[-1]["source"]["version"] is None
    assert enricher.written() == Written(None, unordered.fingerprint, unordered.edition)
    assert enricher.latest() == Order("version", 9)


# Nothing paid twice


def test_a_redelivery_changes_nothing(enricher: Enricher) -> None:
    """The same event again: no call, no PUT."""
    event = product_event()
    enricher.run(event)
    assert enricher.run(event).outcome is Outcome.UNCHANGED
    assert (enricher.model.calls, len(enricher.shop.puts)) == (1, 1)


def test_edits_back_and_forth_are_all_written(enricher: Enricher) -> None:
    """A, then B, then A again: the third is written from the first one's answer, without a call."""
    enricher.say("첫 번째 글이에요. 편하게 입기 좋은 티셔츠예요.", "두 번째 글이에요. 편하게 입기 좋은 티셔츠예요.")
    outcomes = [
        enricher.run(product_event(1)).outcome,
        enricher.run(product_event(2, attributes={"소재": "린넨", "핏": "오버핏"})).outcome,
        enricher.run(product_event(3)).outcome,
    ]
    assert outcomes == [Outcome.WRITTEN, Outcome.WRITTEN, Outcome.REUSED]
    assert enricher.model.calls == 2
    assert [text[:4] for text in enricher.copies] == ["첫 번째", "두 번째", "첫 번째"]


def test_identical_products_share_one_call(enricher: Enricher) -> None:
    """The question does not hold the product's id: one call, and both products are written."""
    assert enricher.run(product_event(productId="one")).outcome is Outcome.WRITTEN
    assert enricher.run(product_event(productId="two")).outcome is Outcome.REUSED
    assert enricher.model.calls == 1
    assert [put.path.split("/")[4] for put in enricher.shop.puts] == ["one", "two"]


def test_noise_is_no_change(enricher: Enricher) -> None:
    """What the facts drop asks nothing again and writes nothing again."""
    enricher.run(product_event(1))
    noisy = product_event(
        2,
        name=ATTRIBUTES,
        attributes={
            "소재": "<b>면 100%</b>",
            "핏": "레귤러핏 ★",
            "제조국": "상세페이지 참조",
            "배송 안내": "내일 도착",
        },
    )
    assert enricher.run(noisy).outcome is Outcome.UNCHANGED


def test_thirty_deliveries_of_one_event_pay_one_call(enricher: Enricher) -> None:
    """However often the event comes at the same time: one call and one PUT a task."""
    enricher.new_deadline = lambda: Deadline(60)
    event = product_event(name=REGISTERED)
    start = threading.Barrier(30)

    def deliver(_: int) -> list[TaskResult]:
        start.wait()
        return enricher.deliver(event)

    with ThreadPoolExecutor(30) as pool:
        deliveries = list(pool.map(deliver, range(30)))
    outcomes = [[result.outcome for result in results] for results in deliveries]
    assert {outcome for tasks in outcomes for outcome in tasks} <= {
        Outcome.WRITTEN,
        Outcome.REUSED,
        Outcome.UNCHANGED,
    }
    assert enricher.model.calls == 2  # one a task
    assert enricher.copies == [GOOD_COPY]
    assert len(enricher.tags) == 1
    # Who paid need not be who writes.
    assert sum(outcome is not Outcome.UNCHANGED for tasks in outcomes for outcome in tasks) == 2
    assert [result.outcome for result in enricher.deliver(event)] == [Outcome.UNCHANGED] * 2


def test_rewrite_ask_pays_for_the_re_ask_too(enricher: Enricher) -> None:
    """The model breaks the same rule in the same words: what it mended for another event is passed over as well."""
    enricher.say(RANKING_COPY, GOOD_COPY, RANKING_COPY, NEW_COPY)
    enricher.run(product_event(1))
    assert enricher.run(product_event(2, rewrite="ask")).outcome is Outcome.WRITTEN
    assert enricher.copies == [GOOD_COPY, NEW_COPY]


# Planners edit


CODE_EDIT = {"tags/codes.yaml": ('white: {code: "02"', 'white: {code: "77"')}
TARGET_EDIT = {"tags/task.yaml": ("field: attributes", 'field: attributes, join: ":"')}


@pytest.mark.parametrize(
    ("edits", "written"),
    [(CODE_EDIT, {"Color": ["77"], "Print": ["01"]}), (TARGET_EDIT, {"Color": "02", "Print": "01"})],
    ids=["code", "write_back"],
)
def test_a_corrected_table_is_written_without_a_call(
    enricher: Enricher, edit: Edit, edits: Edits, written: dict[str, Any]
) -> None:
    """A new code or target is judged again from the remembered answer and written for the same version."""
    event = product_event(name=IMAGES)
    before = enricher.run(event)
    enricher.prompts = edit(edits)
    after = enricher.run(event)
    assert after.outcome is Outcome.REUSED
    assert (after.fingerprint, after.edition == before.edition) == (before.fingerprint, False)
    assert enricher.tags[-1] == written
    assert enricher.model.calls == 1
    assert enricher.run(event).outcome is Outcome.UNCHANGED
    keys = [put.idempotency_key for put in enricher.shop.puts]
    assert len(keys) == len(set(keys)) == 2


def test_a_table_that_is_taken_back_is_written_each_time(enricher: Enricher, edit: Edit) -> None:
    """Edit codes, re-send, take back, re-send, and all again: a shop that honours idempotency keys shows each."""
    before, after = enricher.prompts, edit(CODE_EDIT)
    event = product_event(name=IMAGES)
    for prompts, code in ((before, "02"), (after, "77")) * 3:
        enricher.prompts = prompts
        assert enricher.run(event).outcome is not Outcome.UNCHANGED
        assert enricher.run(event).outcome is Outcome.UNCHANGED
        (shown,) = enricher.shop.shown.values()
        assert shown["attributes"]["Color"] == [code]
    assert (enricher.model.calls, len(enricher.shop.puts)) == (1, 6)


def test_edits_without_an_order_are_written_each_time(enricher: Enricher) -> None:
    """A, B, A, B without version or time: no PUT is taken for the one before last."""
    facts = [{"소재": "면 100%", "핏": "레귤러핏"}, {"소재": "린넨", "핏": "오버핏"}]
    enricher.say(NEW_COPY, GOOD_COPY)
    for copy, attributes in ((NEW_COPY, facts[0]), (GOOD_COPY, facts[1])) * 2:
        enricher.run(product_event(None, attributes=attributes))
        (shown,) = enricher.shop.shown.values()
        assert shown["description"] == copy


def test_a_stricter_rule_judges_the_remembered_answer(enricher: Enricher, edit: Edit) -> None:
    """The answer that passed breaks the new rule: it is re-asked, not paid for again from the start."""
    enricher.say("오늘도 편안하게 입는 베이직 코튼 티셔츠예요. 코디를 마무리해 보세요.")
    event = product_event()
    enricher.run(event)
    enricher.prompts = edit({"shared/claims-ko.yaml": ("match: '최고", "match: '편안|최고")})
    enricher.say(GOOD_COPY)
    assert enricher.run(event).outcome is Outcome.WRITTEN
    assert enricher.copies[-1] == GOOD_COPY
    assert [len(body["messages"]) for body in enricher.model.bodies] == [1, 3]


def test_a_publish_map_that_opens_writes_what_was_made(enricher: Enricher, edit: Edit) -> None:
    """From shadow to live: what was asked and shown is written without a call."""
    enricher.prompts = edit({"copy/task.yaml": ('"**": live', '"**": shadow')})
    event = product_event()
    assert enricher.run(event).outcome is Outcome.SHADOW
    enricher.prompts = edit({"copy/task.yaml": ('"**/검토대상/**": shadow', '"**/검토대상/**": live')})
    assert enricher.run(event).outcome is Outcome.REUSED
    assert (enricher.model.calls, enricher.copies) == (1, [GOOD_COPY])


def test_a_changed_prompt_asks_again(enricher: Enricher, edit: Edit) -> None:
    """Another prompt is another question, in the same edition."""
    event = product_event()
    before = enricher.run(event)
    enricher.prompts = edit({"copy/system.md.j2": ("Claim nothing", "Claim simply nothing")})
    after = enricher.run(event)
    assert after.outcome is Outcome.WRITTEN
    assert (after.edition, after.fingerprint == before.fingerprint) == (before.edition, False)
    assert enricher.model.calls == 2


def test_a_product_that_moves_to_a_shadow_category_is_shown(enricher: Enricher, edit: Edit) -> None:
    """Its codes are what was written before, but in the new category nothing is `unchanged`: it is shown."""
    enricher.prompts = edit({"tags/task.yaml": ('"**": live', '"여성의류/**": shadow\n  "**": live')})
    stated = {"색상": "블랙", "무늬": "무지"}
    assert enricher.run(product_event(1, name=IMAGES, attributes=stated)).outcome is Outcome.REUSED
    moved = product_event(2, name=IMAGES, attributes=stated, category=["여성의류", "티셔츠"])
    assert enricher.run(moved).outcome is Outcome.SHADOW
    assert len(enricher.tags) == 1
