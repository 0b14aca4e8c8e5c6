"""The contract out: the bodies that are PUT to the product service, and what its answers mean. Pure.

`docs/product-service.openapi.yaml` is the same contract, written for those who implement it.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from handler.converse import digest
from handler.errors import (
    EnrichmentError,
    ProductServiceUnauthorized,
    ProductServiceUnavailable,
    ProductUnknown,
    WriteBackRejected,
)
from handler.events import ProductEvent
from handler.ledger import Slot, Written
from handler.outcomes import Outcome
from handler.question import Judgement
from handler.results import Contract, ReportedViolation, TaskResult
from handler.tasks import Task

FAILURES_PATH = "/api/v1/products/{productId}/enrichment-failures/{task}"


class Source(Contract):
    """The event that an output comes from; `version` is what the product service checks."""

    event_id: str
    event_source: str
    version: int | None
    updated_at: datetime | None

    @classmethod
    def of(cls, event: ProductEvent) -> "Source":
        product = event.product
        return cls(
            event_id=event.origin.id,
            event_source=event.origin.source,
            version=product.version,
            updated_at=product.updated_at,
        )


class Generator(Contract):
    """How an output was made; `ai` is what labelling duties ask for."""

    task: str
    edition: str
    model: str
    fingerprint: str
    generated_at: datetime
    ai: Literal[True] = True


class FailureReport(Contract):
    """An entry of the planner's work list."""

    code: str
    detail: str
    violations: tuple[ReportedViolation, ...] = ()
    source: Source
    generator: Generator


class Provenance(Contract):
    """What every PUT says beside its output."""

    source: Source
    generator: Generator


class Put(NamedTuple):
    """One PUT, ready to send."""

    path: str
    body: bytes
    idempotency_key: str
    traceparent: str


def put_output(
    event: ProductEvent,
    task: Task,
    slot: Slot,
    judgement: Judgement,
    *,
    step: tuple[int, Written],
    generator: Generator,
) -> Put:
    """The PUT of a task's output. `step` is how many writes came before and what is written now.

    The idempotency key names the step, not only its end: an edit that is taken back, however often, is a write of its
    own. Who asks to write again wants another write, too.
    """
    key = [slot, *step, [event.origin.source, event.origin.id] if event.product.rewrite else None]
    target = task.file.write_back
    body = Provenance(source=Source.of(event), generator=generator).model_dump(mode="json", by_alias=True)
    extent = {"language": slot.language} if task.file.output == "text" else {"outcomes": dict(judgement.outcomes)}
    return Put(
        path=target.path.replace("{productId}", quote(slot.product_id, safe="")),
        body=_encoded({target.field: judgement.output, **extent, **body}),
        idempotency_key=digest(key),
        traceparent=event.origin.traceparent,
    )


def put_failure(event: ProductEvent, task: Task, result: TaskResult, generator: Generator) -> Put:
    """The PUT of a failure report."""
    report = FailureReport(
        code=result.code,
        detail=result.detail or ", ".join(dict.fromkeys(violation.code for violation in result.judgement.violations)),
        violations=tuple(map(ReportedViolation.of, result.judgement.violations)),
        source=Source.of(event),
        generator=generator,
    )
    product_id = event.product.product_id
    key = [product_id, task.name, event.order, report.code, result.fingerprint, result.edition]
    path = FAILURES_PATH.replace("{productId}", quote(product_id, safe="")).replace("{task}", quote(task.name, safe=""))
    return Put(path, _encoded(report.model_dump(mode="json", by_alias=True)), digest(key), event.origin.traceparent)


def outcome_of_status(status: int) -> Outcome:
    """What the product service's answer means; raises the leaf that says what to do where nothing was written."""
    if 200 <= status < 300:
        return Outcome.WRITTEN
    match status:
        case 409 | 412:
            return Outcome.SUPERSEDED
        case 423:
            return Outcome.PROTECTED
        case _:
            raise _error(status)


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _error(status: int) -> EnrichmentError:
    detail = f"the product service answers {status}"
    if status in {401, 403}:
        return ProductServiceUnauthorized(detail)
    if status in {408, 425, 429} or status >= 500:
        return ProductServiceUnavailable(detail)
    return ProductUnknown(detail) if status == 404 else WriteBackRejected(detail)
