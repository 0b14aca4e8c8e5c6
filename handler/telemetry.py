"""What is told of each event: one JSON line for each task, and counters for `/metrics`. No seller text in either.

The line is the money record: it stands for every task that ended, failures included, and adds up to the Bedrock bill.
"""

import logging
import threading
import traceback
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

from pydantic_core import to_json

from handler.errors import EnrichmentError
from handler.events import Origin, ProductEvent
from handler.results import TaskResult

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
MAX_FOREIGN_TYPES = 100
MAX_TYPE_LENGTH = 100
"""So many event types are counted by name, and so much of it: a sender must not be able to fill the memory."""

METRICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "enricher_requests": ("Requests answered, by HTTP status", ("status",)),
    "enricher_tasks": ("Tasks that ended", ("task", "outcome", "code")),
    "enricher_violations": ("Rules that final answers broke", ("task", "code")),
    "enricher_foreign_events": ("Events of a type that no task listens to", ("type",)),
    "enricher_model_calls": ("Model calls that were paid", ("task", "model")),
    "enricher_model_retries": ("Calls that Bedrock throttled or failed, and that were made again", ("task", "model")),
    "enricher_model_tokens": ("Tokens that were paid", ("task", "model", "kind")),
    "enricher_model_cost_usd": ("USD that was paid, by the dated table of prices", ("task", "model")),
    "enricher_unstored_answers": ("Paid answers that could not be stored: each may be paid again", ("task",)),
}


class Telemetry:
    """Writes the lines of one process to `stream`, and counts. Safe to share between threads."""

    def __init__(self, stream: BinaryIO, level: str = "INFO") -> None:
        """`stream` is unbuffered, and takes a line by one write."""
        self._stream = stream
        self._level = logging.getLevelNamesMapping()[level]
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in METRICS}

    def task_ended(self, event: ProductEvent, result: TaskResult, seconds: float = 0.0) -> None:
        """The money record of one task, which took so many seconds."""
        bill, error = result.bill, result.error
        code = error.code if error else ""
        model = result.model
        self._count("enricher_tasks", result.task, result.outcome.value, code)
        for violation in result.judgement.violations:
            self._count("enricher_violations", result.task, violation.code)
        if bill.calls:
            self._count("enricher_model_calls", result.task, model, by=bill.calls)
            self._count("enricher_model_cost_usd", result.task, model, by=float(bill.cost_usd))
            for kind, tokens in bill.usage.model_dump().items():
                self._count("enricher_model_tokens", result.task, model, kind, by=tokens)
        if bill.retries:
            self._count("enricher_model_retries", result.task, model, by=bill.retries)
        if bill.unstored:
            self._count("enricher_unstored_answers", result.task, by=bill.unstored)
        self._write(
            _severity(error),
            "task",
            **_ids(event.origin),
            type=event.type,
            productId=event.product.product_id,
            version=event.product.version,
            task=result.task,
            outcome=result.outcome.value,
            code=code,
            detail=result.detail,
            violations=[violation.code for violation in result.judgement.violations],
            seconds=round(seconds, 3),
            calls=bill.calls,
            retries=bill.retries,
            usage=bill.usage.model_dump(by_alias=True),
            costUsd=float(bill.cost_usd),
            model=model,
            edition=result.edition,
            fingerprint=result.fingerprint,
            traceback=_traceback(error),
        )

    def event_failed(self, error: EnrichmentError, origin: Origin | None) -> None:
        """An event that came to no task."""
        ids = _ids(origin) if origin else {}
        self._write(
            _severity(error),
            "event",
            **ids,
            productId=error.product_id,
            code=error.code,
            detail=error.detail,
            traceback=_traceback(error),
        )

    def product_forgotten(self, origin: Origin, product_id: str) -> None:
        self._write(logging.INFO, "deletion", **_ids(origin), productId=product_id)

    def foreign(self, event_type: str) -> None:
        counts, name = self._counts["enricher_foreign_events"], event_type[:MAX_TYPE_LENGTH]
        known = (name,) in counts or len(counts) < MAX_FOREIGN_TYPES
        self._count("enricher_foreign_events", name if known else "other")

    def request_answered(self, status: int) -> None:
        self._count("enricher_requests", str(status))

    def exposition(self) -> bytes:
        """The counters as OpenMetrics text."""
        # Loaded by the first scrape: start-up does not pay for it.
        from prometheus_client.metrics_core import CounterMetricFamily
        from prometheus_client.openmetrics.exposition import generate_latest
        from prometheus_client.registry import CollectorRegistry

        with self._lock:
            counts = {name: dict(counter) for name, counter in self._counts.items()}

        class _Counters:
            def collect(self) -> list[CounterMetricFamily]:
                families = []
                for name, (documentation, labels) in METRICS.items():
                    family = CounterMetricFamily(name, documentation, labels=labels)
                    for values, count in counts[name].items():
                        family.add_metric(list(values), count)
                    families.append(family)
                return families

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Counters())
        text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # its only untyped function
        return text

    def _count(self, metric: str, *labels: str, by: float = 1) -> None:
        with self._lock:
            self._counts[metric][labels] += by  # type: ignore[assignment]  # Counter adds floats as well as it does ints

    def _write(self, level: int, kind: str, **fields: Any) -> None:  # noqa: ANN401 - whatever JSON can say
        if level < self._level and not fields.get("calls"):  # what was paid is always on record
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "severity": logging.getLevelName(level),
            "kind": kind,
            **{name: value for name, value in fields.items() if value not in (None, "", [])},
        }
        rest = to_json(line) + b"\n"
        # No lock: a pipe keeps 4,096 bytes together (write(2), PIPE_BUF), and longer lines too unless it is full. Under
        # one each thread would wait for the interpreter within it, and at full load all of them mostly for each other.
        while rest:
            rest = rest[self._stream.write(rest) :]


def _ids(origin: Origin) -> dict[str, str]:
    return {"eventId": origin.id, "eventSource": origin.source, "traceparent": origin.traceparent}


def _severity(error: EnrichmentError | None) -> int:
    """What somebody on call should look at is an error; what Kafka or a planner mends is a warning."""
    if error is None:
        return logging.INFO
    return logging.ERROR if error.status == 500 or error.code in _FOR_ON_CALL else logging.WARNING


_FOR_ON_CALL = frozenset({"modelmisconfigured", "productserviceunauthorized"})


def _traceback(error: EnrichmentError | None) -> str:
    """Only a bug's: for the rest, code and detail say it all."""
    if error is None or error.status != 500 or error.__cause__ is None:
        return ""
    return "".join(traceback.format_exception(error.__cause__))
