"""Asking the model so that each distinct question is paid for once: look up and lease in one step, call, store.

A worker that finds the question taken waits for the answer. Calls that may have been paid without an answer are counted
before they start, so that a process which dies in the middle leaves its trace.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from handler.converse import Answer, Request, read_answer
from handler.deadline import Deadline
from handler.errors import (
    AnswerRefused,
    AnswerUnusable,
    EnrichmentError,
    InputTooLarge,
    LeaseHeld,
    LedgerUnavailable,
    ModelAnswerBroken,
    ModelAnswerLate,
    ModelTimeout,
)
from handler.ledger import Ledger, QuestionLease
from handler.models import ModelTable, Usage

MAX_PAID_ATTEMPTS = 3
MAX_INPUT_TOKENS = 8000
STORE_SECONDS = 10.0
"""How long a question's lease outlasts the model's read time-out: to store the answer."""
POLL_SECONDS = 0.2
REFUSALS = frozenset({"refusal", "content_filtered", "guardrail_intervened"})
"""Stop reasons with which the model, or a guardrail, declines. Claude's own `refusal` is not yet in Converse's list."""
COMPLETE = frozenset({"end_turn", "tool_use"})


class Model(Protocol):
    """Bedrock. Raises the model leaves of `handler.errors`."""

    @property
    def read_timeout(self) -> float:
        """Seconds that one call may wait for its answer."""
        ...

    def converse(
        self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
    ) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class Bill:
    """What one task of one event paid."""

    payer: str
    """The event; what it paid for is its own, also when it asks to pay again."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: Decimal = Decimal(0)
    calls: int = 0
    retries: int = 0
    """Calls that were made again because Bedrock throttled them, or stumbled."""
    unstored: int = 0
    """Answers that were paid and could not be stored: each may be paid a second time."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Puts requests to the model, or to the ledger where they were answered before."""

    ledger: Ledger
    model: Model
    models: ModelTable

    def ask(self, request: Request, bill: Bill, deadline: Deadline, *, anew: bool = False) -> tuple[Request, Answer]:
        """A complete answer, with the request that earned it: an answer that was cut off earns one with more room.

        `anew` passes over answers that other events paid for. Raises `AnswerRefused`, `AnswerUnusable`,
        `InputTooLarge`, and what `Model` and `Ledger` raise.
        """
        if (tokens := request.estimated_tokens()) > MAX_INPUT_TOKENS:
            raise InputTooLarge(f"about {tokens} tokens, at most {MAX_INPUT_TOKENS}")
        answer = self._answer(request, bill, deadline, anew=anew)
        if answer.stop_reason == "max_tokens" and not request.grown:
            request = request.longer()
            answer = self._answer(request, bill, deadline, anew=anew)
        if answer.stop_reason in REFUSALS:
            raise AnswerRefused(f"stop reason {answer.stop_reason}")
        if answer.stop_reason not in COMPLETE:
            raise AnswerUnusable(f"stop reason {answer.stop_reason[:50]}")
        return request, answer

    def _answer(self, request: Request, bill: Bill, deadline: Deadline, *, anew: bool) -> Answer:
        paid_by = bill.payer if anew else None
        while True:
            found = self.ledger.acquire_question(request.fingerprint, self._lease_seconds, paid_by=paid_by)
            if isinstance(found, QuestionLease):
                return self._pay(request, bill, deadline, found)
            if found is not None:
                return found
            if not deadline.pause(POLL_SECONDS):
                raise LeaseHeld("another worker is asking the same question")

    def _pay(self, request: Request, bill: Bill, deadline: Deadline, lease: QuestionLease) -> Answer:
        try:
            answer = self._call(request, bill, deadline, lease)
        except EnrichmentError as error:
            paid = isinstance(error, ModelAnswerLate | ModelAnswerBroken)
            self.ledger.release_question(lease, paid=paid)
            if paid and lease.attempts >= MAX_PAID_ATTEMPTS:
                raise ModelTimeout(f"{lease.attempts} paid calls ended without an answer") from error
            raise
        bill.calls += 1
        bill.usage += answer.usage
        bill.cost_usd += self.models.cost(request.model_id, answer.usage)
        return self._store(lease, answer, bill, deadline)

    def _call(self, request: Request, bill: Bill, deadline: Deadline, lease: QuestionLease) -> Answer:
        if lease.attempts > MAX_PAID_ATTEMPTS:
            raise ModelTimeout(f"{MAX_PAID_ATTEMPTS} paid calls ended without an answer")

        def before_retry() -> None:
            bill.retries += 1
            self._keep_lease(lease)  # the first call starts when the lease does

        body = request.body(self.models.find(request.model_id))
        response = self.model.converse(body, deadline=deadline, before_retry=before_retry)
        return read_answer(response, bill.payer)

    def _store(self, lease: QuestionLease, answer: Answer, bill: Bill, deadline: Deadline) -> Answer:
        """Stores what was paid for, trying until the deadline: nothing is published that is not stored."""
        while True:
            try:
                return self.ledger.keep_answer(lease, answer)
            except LedgerUnavailable:
                if not deadline.pause(POLL_SECONDS):
                    bill.unstored += 1
                    raise

    def _keep_lease(self, lease: QuestionLease) -> None:
        if not self.ledger.renew_question(lease, self._lease_seconds):
            raise LeaseHeld("the lease was lost while Bedrock was busy")

    @property
    def _lease_seconds(self) -> float:
        return self.model.read_timeout + STORE_SECONDS
