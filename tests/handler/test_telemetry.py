"""The log lines, which are the money record, and the counters."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from edges import RANKING_COPY, Saying, response
from enricher import Enricher
from product_events import ATTRIBUTES, IMAGES, REGISTERED, product_event
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from handler.asking import Bill
from handler.checks import Violation
from handler.errors import (
    AnswerRejected,
    Defect,
    EnrichmentError,
    ModelAnswerLate,
    ModelMisconfigured,
    ProductServiceUnauthorized,
    SchemaViolated,
    Throttled,
)
from handler.events import Origin
from handler.models import Usage
from handler.outcomes import Outcome, outcome_of
from handler.question import Judgement
from handler.results import TaskResult
from handler.telemetry import MAX_FOREIGN_TYPES, MAX_TYPE_LENGTH, METRICS, Telemetry

MONEY = {"calls", "usage", "costUsd", "model", "task", "outcome"}
USAGE = {"inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"}
MARK = "판매자의말"
ORIGIN = Origin("event-1", "/shop", None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01")


@pytest.fixture
def log() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def telemetry(log: io.BytesIO) -> Telemetry:
    return Telemetry(log)


def lines(log: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def counters(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    """(metric, label values in the order of METRICS...) -> value, as the OpenMetrics parser reads the exposition."""
    parse: Callable[[str], Iterator[Metric]] = text_string_to_metric_families
    return {
        (family.name, *(sample.labels[label] for label in METRICS[family.name][1])): sample.value
        for family in parse(telemetry.exposition().decode())
        for sample in family.samples
    }


def failed(error: EnrichmentError) -> TaskResult:
    bill = Bill("/shop event-1", Usage(input=10, output=2), Decimal("0.5"), calls=2, unstored=1)
    return TaskResult("copy", outcome_of(error), error.detail, "e1", "m", "f1", Judgement(None), bill, error)


SAYINGS: dict[str, list[Saying]] = {
    "written": [],
    "answerrejected": [RANKING_COPY, RANKING_COPY],
    "answerrefused": [response("아니요", "refusal")],
    "modelanswerlate": [ModelAnswerLate("no answer within 50 s")],
    "modelthrottled": [Throttled("Bedrock answers 429")],
}


@pytest.mark.parametrize("end", SAYINGS)
@pytest.mark.parametrize("event_type", [ATTRIBUTES, IMAGES, REGISTERED])
def test_every_task_leaves_one_line_with_its_money(
    enricher: Enricher, telemetry: Telemetry, log: io.BytesIO, end: str, event_type: str
) -> None:
    """However a task ends, its line has all that was paid, and nothing that the seller typed."""
    enricher.say(*SAYINGS[end])
    plain = product_event(name=event_type, brand=MARK, attributes={MARK: MARK, "소재": f"{MARK} 면"})
    event = plain._replace(product=plain.product.model_copy(update={"name": f"{MARK} 티셔츠"}))

    results = enricher.deliver(event)
    for result in results:
        telemetry.task_ended(event, result)

    written = lines(log)
    assert [line["task"] for line in written] == [result.task for result in results]
    for line, result in zip(written, results, strict=True):
        assert line.keys() >= MONEY
        assert line["usage"].keys() == USAGE
        assert (line["calls"], line["costUsd"]) == (result.bill.calls, float(result.bill.cost_usd))
        assert (line["outcome"], line.get("code", "")) == (result.outcome, result.error.code if result.error else "")
        assert (line["eventId"], line["productId"], line["version"]) == (event.origin.id, "shirt", 1)
    assert MARK not in log.getvalue().decode()
    if end in {"written", "answerrejected", "answerrefused"}:
        assert sum(line["costUsd"] for line in written) > 0


def test_time_and_retries_are_told(telemetry: Telemetry, log: io.BytesIO) -> None:
    """Whoever looks why an event took so long sees how long, and how often Bedrock turned it away."""
    telemetry.task_ended(product_event(), failed(Throttled(""))._replace(bill=Bill("", retries=3)), 1.23456)
    [line] = lines(log)
    assert (line["seconds"], line["retries"]) == (1.235, 3)
    assert counters(telemetry)["enricher_model_retries", "copy", line["model"]] == 3


def test_line_says_when_what_and_why(telemetry: Telemetry, log: io.BytesIO) -> None:
    """One JSON object a line; the codes of broken rules are in it, their excerpts are not."""
    violation = Violation("superlative", f"최고의 {MARK}", "en", "ko")
    event = product_event(traceparent=ORIGIN.traceparent)
    result = TaskResult(
        "copy", Outcome.WRITTEN, "", "e1", "m", "f1", Judgement("글", violations=(violation,)), Bill("")
    )

    telemetry.task_ended(event, result)

    (line,) = lines(log)
    assert datetime.fromisoformat(line["time"]).tzinfo
    assert (line["severity"], line["kind"], line["violations"]) == ("INFO", "task", ["superlative"])
    assert (line["fingerprint"], line["edition"], line["traceparent"]) == ("f1", "e1", ORIGIN.traceparent)
    assert MARK not in log.getvalue().decode()


@pytest.mark.parametrize(
    ("error", "severity"),
    [
        (AnswerRejected("superlative"), "WARNING"),
        (Throttled(""), "WARNING"),
        (ModelMisconfigured(""), "ERROR"),
        (ProductServiceUnauthorized(""), "ERROR"),
        (Defect("KeyError"), "ERROR"),
    ],
)
def test_severity_says_who_must_look(
    telemetry: Telemetry, log: io.BytesIO, error: EnrichmentError, severity: str
) -> None:
    """What nobody but an operator can mend is an error; the rest is Kafka's or a planner's business."""
    telemetry.task_ended(product_event(), failed(error))
    telemetry.event_failed(error, ORIGIN)
    assert [line["severity"] for line in lines(log)] == [severity, severity]


def test_only_a_bug_has_a_traceback(telemetry: Telemetry, log: io.BytesIO) -> None:
    """For every other failure, code and detail say it all."""
    for error in (Defect("KeyError"), ModelAnswerLate("no answer")):
        try:
            try:
                raise KeyError("size")
            except KeyError as cause:
                raise error from cause
        except EnrichmentError as raised:
            telemetry.event_failed(raised, ORIGIN)
    bug, late = lines(log)
    assert "KeyError: 'size'" in bug["traceback"]
    assert "\n" in bug["traceback"]
    assert "traceback" not in late


def test_event_that_could_not_be_opened_has_no_ids(telemetry: Telemetry, log: io.BytesIO) -> None:
    """What is not known is left out of the line."""
    telemetry.event_failed(SchemaViolated("name: too long"), None)
    (line,) = lines(log)
    assert line.keys() == {"time", "severity", "kind", "code", "detail"}


def test_deletion_is_a_line(telemetry: Telemetry, log: io.BytesIO) -> None:
    """What was forgotten can be looked up."""
    telemetry.product_forgotten(ORIGIN, "GD-1")
    (line,) = lines(log)
    assert (line["kind"], line["productId"], line["eventId"]) == ("deletion", "GD-1", "event-1")


@pytest.mark.parametrize(("level", "kept"), [("DEBUG", 3), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_level_leaves_out_what_is_less_severe(log: io.BytesIO, level: str, kept: int) -> None:
    """LOG_LEVEL is the least severe line; counters count all the same."""
    telemetry = Telemetry(log, level)
    telemetry.product_forgotten(ORIGIN, "GD-1")
    telemetry.task_ended(product_event(), failed(Throttled(""))._replace(bill=Bill("")))
    telemetry.task_ended(product_event(), failed(Defect(""))._replace(bill=Bill("")))
    assert len(lines(log)) == kept
    assert counters(telemetry)["enricher_tasks", "copy", "throttled", "modelthrottled"] == 1


def test_what_was_paid_is_on_record_at_every_level(log: io.BytesIO) -> None:
    """The lines of paid tasks add up to the bill, whatever LOG_LEVEL says."""
    telemetry = Telemetry(log, "ERROR")
    telemetry.task_ended(product_event(), failed(Throttled("")))
    (line,) = lines(log)
    assert line["calls"] == 2


def test_counters_add_up_to_the_bill(telemetry: Telemetry) -> None:
    """Calls, tokens, dollars and doubtful payments are summed over tasks, failures included."""
    violated = Judgement(None, violations=(Violation("superlative", "", "", ""),))
    telemetry.task_ended(product_event(), failed(AnswerRejected("")))
    telemetry.task_ended(product_event(), failed(ModelAnswerLate("")))
    telemetry.task_ended(
        product_event(), TaskResult("copy", Outcome.WRITTEN, "", "e", "m", "f", violated, Bill(""), None)
    )
    telemetry.request_answered(200)

    assert counters(telemetry) == {
        ("enricher_requests", "200"): 1,
        ("enricher_tasks", "copy", "rejected", "answerrejected"): 1,
        ("enricher_tasks", "copy", "unavailable", "modelanswerlate"): 1,
        ("enricher_tasks", "copy", "written", ""): 1,
        ("enricher_violations", "copy", "superlative"): 1,
        ("enricher_model_calls", "copy", "m"): 4,
        ("enricher_model_cost_usd", "copy", "m"): 1,
        ("enricher_model_tokens", "copy", "m", "input"): 20,
        ("enricher_model_tokens", "copy", "m", "output"): 4,
        ("enricher_model_tokens", "copy", "m", "cache_read"): 0,
        ("enricher_model_tokens", "copy", "m", "cache_write"): 0,
        ("enricher_unstored_answers", "copy"): 2,
    }


def test_metrics_are_all_there_before_the_first_event(telemetry: Telemetry) -> None:
    """Every family is named and explained from the start."""
    text = telemetry.exposition().decode()
    assert all(f"# HELP {name} " in text for name in METRICS)
    assert text.endswith("# EOF\n")


def test_foreign_types_cannot_fill_the_memory(telemetry: Telemetry) -> None:
    """A hundred types are counted by name, and go on being counted; later ones together, long ones shortened."""
    telemetry.foreign("x" * 10_000)
    for number in range(MAX_FOREIGN_TYPES + 10):
        telemetry.foreign(f'type "{number}"\n')
    telemetry.foreign('type "0"\n')
    foreign = {key[1]: value for key, value in counters(telemetry).items()}
    assert len(foreign) == MAX_FOREIGN_TYPES + 1
    assert foreign["x" * MAX_TYPE_LENGTH] == 1
    assert foreign['type "0"\n'] == 2
    assert foreign["other"] == 11


def test_lines_of_threads_do_not_mix(telemetry: Telemetry, log: io.BytesIO) -> None:
    """Each line stays whole, and no count is lost."""
    with ThreadPoolExecutor(8) as pool:
        for _ in range(400):
            pool.submit(telemetry.task_ended, product_event(), failed(Throttled("")))
    assert len(lines(log)) == 400
    assert counters(telemetry)["enricher_model_calls", "copy", "m"] == 800


def test_no_line_waits_for_another() -> None:
    """While one thread writes, others write and count: each in a write of its own."""

    class Meeting(io.BytesIO):
        """Lets nobody go before two are in it."""

        here = threading.Barrier(2, timeout=30)

        def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
            self.here.wait()
            assert data.endswith(b"}\n")
            return len(data)

    telemetry = Telemetry(Meeting())
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(telemetry.task_ended, product_event(), failed(Throttled(""))) for _ in range(2)]:
            future.result()


def test_a_line_that_is_taken_in_parts_is_whole() -> None:
    """A signal may cut a write short: the rest follows."""

    class Narrow(io.BytesIO):
        def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
            return super().write(data[:10])

    log = Narrow()
    Telemetry(log).product_forgotten(ORIGIN, "GD-1")
    assert lines(log)[0]["productId"] == "GD-1"
