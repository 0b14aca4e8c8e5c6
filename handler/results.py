"""What a task came to, and what the caller is told of it: the reply event, or a problem (RFC 9457). Pure."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from handler.asking import Bill
from handler.checks import Violation
from handler.codes import REJECTED
from handler.errors import AnswerRejected, EnrichmentError
from handler.events import ProductData
from handler.models import Usage
from handler.outcomes import Outcome
from handler.question import Judgement

REPLY_TYPE = "ProductEnrichedEvent"
MAX_PROBLEM_BYTES = 1024
"""KafkaSource copies this much of a failure's body to the dead letter (eventing-kafka-broker, RecordDispatcherImpl)."""

_PRECEDENCE = (503, 429, 500, 422)
"""Which failure speaks for an event of several tasks: first what delivering again can heal."""


class TaskResult(NamedTuple):
    """How one task of one event ended."""

    task: str
    outcome: Outcome
    detail: str
    edition: str
    model: str
    fingerprint: str
    judgement: Judgement
    bill: Bill
    error: EnrichmentError | None = None

    @property
    def is_partial(self) -> bool:
        """Whether it was written without an attribute that broke the table."""
        return self.outcome in {Outcome.WRITTEN, Outcome.REUSED} and REJECTED in self.judgement.outcomes.values()

    @property
    def code(self) -> str:
        """What the planner's work list calls it."""
        if self.error:
            return self.error.code
        return AnswerRejected.code if self.is_partial else self.outcome.value


def speaking_failure(results: Sequence[TaskResult]) -> TaskResult | None:
    """The failure whose status answers for the whole event; None where every task ended well."""
    failures = [(_PRECEDENCE.index(result.error.status), result) for result in results if result.error]
    return min(failures, key=lambda failure: failure[0])[1] if failures else None


class Contract(BaseModel):
    """Base of what goes out as JSON."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class ReportedViolation(Contract):
    """One broken rule, said for the planner."""

    code: str
    attribute: str
    excerpt: str
    message: str

    @classmethod
    def of(cls, violation: Violation) -> "ReportedViolation":
        return cls(code=violation.code, attribute=violation.attribute, excerpt=violation.excerpt, message=violation.ko)


class Result(Contract):
    """One task in the reply."""

    task: str
    outcome: Outcome
    detail: str
    output: Any
    outcomes: dict[str, str]
    violations: tuple[ReportedViolation, ...]
    fingerprint: str
    edition: str
    model: str
    usage: Usage
    cost_usd: float

    @classmethod
    def of(cls, result: TaskResult) -> "Result":
        return cls(
            task=result.task,
            outcome=result.outcome,
            detail=result.detail,
            output=result.judgement.output,
            outcomes=dict(result.judgement.outcomes),
            violations=tuple(map(ReportedViolation.of, result.judgement.violations)),
            fingerprint=result.fingerprint,
            edition=result.edition,
            model=result.model,
            usage=result.bill.usage,
            cost_usd=float(result.bill.cost_usd),
        )


class Reply(Contract):
    """The data of a `ProductEnrichedEvent`."""

    product_id: str
    version: int | None
    results: tuple[Result, ...]

    @classmethod
    def of(cls, product: ProductData, results: Sequence[TaskResult]) -> "Reply":
        return cls(product_id=product.product_id, version=product.version, results=tuple(map(Result.of, results)))


def problem(error: EnrichmentError, *, product_id: str = "", task: str = "") -> bytes:
    """A failure as problem+json, never longer than what reaches the dead letter."""
    body = {
        "type": f"urn:product-enricher:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "productId": product_id,
        "task": task,
    }
    while (
        len(encoded := json.dumps({k: v for k, v in body.items() if v}, ensure_ascii=False).encode())
        > MAX_PROBLEM_BYTES
    ):
        body["detail"] = str(body["detail"])[: len(str(body["detail"])) // 2]
        if not body["detail"]:
            body["productId"] = ""
    return encoded
