"""What the caller is told: which failure speaks for the event, the reply, and the problem document."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from enricher import Enricher
from hypothesis import given
from hypothesis import strategies as st
from product_events import IMAGES, REGISTERED, product_event

from handler.asking import Bill
from handler.checks import Violation
from handler.errors import (
    AnswerRejected,
    Defect,
    EnrichmentError,
    ImageGone,
    ModelUnavailable,
    SchemaViolated,
    Throttled,
)
from handler.models import Usage
from handler.outcomes import Outcome, outcome_of
from handler.question import Judgement
from handler.results import MAX_PROBLEM_BYTES, Reply, Result, TaskResult, problem, speaking_failure


def result(error: EnrichmentError | None = None, *, task: str = "copy") -> TaskResult:
    """How a task ended that asked once."""
    return TaskResult(
        task=task,
        outcome=outcome_of(error) if error else Outcome.WRITTEN,
        detail="",
        edition="e1",
        model="m1",
        fingerprint="f1",
        judgement=Judgement("글"),
        bill=Bill("/shop 1", Usage(input=10, output=20, cache_read=30, cache_write=40), Decimal("0.000123"), 1),
        error=error,
    )


# What the planner's work list is told


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_result_is_partial_where_something_was_left_out(outcome: Outcome) -> None:
    """Only what was written can be partial, and only where an attribute was rejected."""
    for outcomes, left_out in (({"Color": "rejected"}, True), ({"Color": "unknown", "Print": "not_applicable"}, False)):
        partly = result()._replace(outcome=outcome, judgement=Judgement({}, outcomes))
        assert partly.is_partial == (left_out and outcome in {Outcome.WRITTEN, Outcome.REUSED})


def test_a_result_has_the_code_of_what_is_wrong() -> None:
    """The error's own; `answerrejected` for a part that was left out; else the outcome."""
    assert result(ImageGone()).code == "imagegone"
    assert result()._replace(judgement=Judgement({}, {"Color": "rejected"})).code == "answerrejected"
    assert result()._replace(outcome=Outcome.INSUFFICIENT).code == "insufficient"
    assert result().code == "written"


# Who speaks


def test_no_failure_speaks_where_all_is_well() -> None:
    """An event without failures, or without tasks, has none."""
    assert speaking_failure([]) is None
    assert speaking_failure([result(), result()]) is None


BY_PRECEDENCE = [ModelUnavailable(), Throttled(), Defect(), ImageGone()]


@pytest.mark.parametrize("stronger", range(4))
def test_what_a_redelivery_can_heal_speaks_first(stronger: int) -> None:
    """503 before 429 before 500 before 422 before success, in whatever order the tasks ended."""
    for weaker in [*BY_PRECEDENCE[stronger + 1 :], None]:
        results = [result(weaker, task="a"), result(BY_PRECEDENCE[stronger], task="b")]
        for order in (results, results[::-1]):
            speaking = speaking_failure(order)
            assert speaking
            assert (speaking.task, speaking.error) == ("b", BY_PRECEDENCE[stronger])


def test_of_equal_failures_the_first_speaks() -> None:
    """Two failures of one status: the earlier task's."""
    first, second = result(ImageGone(), task="a"), result(AnswerRejected(), task="b")
    assert speaking_failure([first, second]) is first


# The reply


def test_a_result_has_the_contract_fields() -> None:
    """Exactly the documented names, usage as Bedrock names it, cost as a number, violations in Korean."""
    violation = Violation("offtable", "teal", "must be …", "‘teal’ 코드표에 없는 값입니다.", "Color")
    judgement = Judgement({"Print": ["01"]}, {"Color": "rejected"}, (violation,))
    reported = Result.of(result()._replace(judgement=judgement)).model_dump(mode="json", by_alias=True)
    assert reported == {
        "task": "copy",
        "outcome": "written",
        "detail": "",
        "output": {"Print": ["01"]},
        "outcomes": {"Color": "rejected"},
        "violations": [
            {"code": "offtable", "attribute": "Color", "excerpt": "teal", "message": "‘teal’ 코드표에 없는 값입니다."}
        ],
        "fingerprint": "f1",
        "edition": "e1",
        "model": "m1",
        "usage": {
            "inputTokens": 10,
            "outputTokens": 20,
            "cacheReadInputTokens": 30,
            "cacheWriteInputTokens": 40,
        },
        "costUsd": 0.000123,
    }


def test_a_reply_tells_every_task(enricher: Enricher) -> None:
    """Product, version and one result a task, ready for JSON."""
    event = product_event(7, name=REGISTERED)
    reply = Reply.of(event.product, enricher.deliver(event)).model_dump(mode="json", by_alias=True)
    assert (reply["productId"], reply["version"]) == ("shirt", 7)
    assert [each["task"] for each in reply["results"]] == ["copy", "tags"]
    assert json.loads(json.dumps(reply)) == reply


def test_a_reply_without_a_version_says_null(enricher: Enricher) -> None:
    """The version is what the event had: none."""
    event = product_event(None, name=IMAGES)
    assert Reply.of(event.product, enricher.deliver(event)).model_dump(by_alias=True)["version"] is None


# The problem document


def leaves(error: type[EnrichmentError] = EnrichmentError) -> Iterator[type[EnrichmentError]]:
    """Every error that can be raised."""
    children = error.__subclasses__()
    if not children:
        yield error
    for child in children:
        yield from leaves(child)


@pytest.mark.parametrize("leaf", list(leaves()), ids=lambda leaf: leaf.__name__)
def test_a_problem_names_its_failure(leaf: type[EnrichmentError]) -> None:
    """RFC 9457's members and our own, for every leaf of the error tree."""
    assert json.loads(problem(leaf("무엇이 틀렸다"), product_id="A/1", task="copy")) == {
        "type": f"urn:product-enricher:{leaf.code}",
        "title": leaf.title,
        "status": leaf.status,
        "detail": "무엇이 틀렸다",
        "code": leaf.code,
        "productId": "A/1",
        "task": "copy",
    }


def test_a_problem_leaves_out_what_is_not_known() -> None:
    """Before an event is read there is neither product nor task, and nothing stands for them."""
    assert json.loads(problem(Throttled())).keys() == {"type", "title", "status", "code"}


@given(st.text(max_size=3000), st.text(max_size=128))
def test_a_problem_always_fits_the_dead_letter(detail: str, product_id: str) -> None:
    """However long its detail and whatever the id: at most 1,024 bytes of JSON that still name the failure."""
    body = problem(SchemaViolated(detail), product_id=product_id, task="description")
    assert len(body) <= MAX_PROBLEM_BYTES == 1024
    read = json.loads(body)
    assert (read["status"], read["code"], read["task"]) == (422, "schemaviolated", "description")
    assert detail.startswith(read.get("detail", ""))


def test_a_long_detail_is_cut_and_keeps_the_product() -> None:
    """The detail gives way first."""
    read = json.loads(problem(SchemaViolated("가" * 3000), product_id="가" * 128))
    assert 0 < len(read["detail"]) < 3000
    assert read["productId"] == "가" * 128


def test_an_id_that_alone_is_too_long_gives_way() -> None:
    """Quotation marks double in JSON and pictographs take four bytes: the code still arrives."""
    read = json.loads(problem(SchemaViolated("x"), product_id="😀" * 250))
    assert "productId" not in read
    assert read["code"] == "schemaviolated"
