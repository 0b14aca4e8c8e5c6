"""The ledger: what is known of products and questions, so that nothing is paid twice and nothing stale is written.

By slot: `latest`, `written` and the writer's lease. By question: the answer, the payer's lease and its attempts. The
ledger remembers what the model said, never our output: checks and code mapping run again on every use.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from handler.converse import Answer
from handler.events import Order, OrderKind

ANSWER_SECONDS = 180 * 86_400
"""How long an answer is remembered."""
ATTEMPT_SECONDS = 86_400
"""How long paid attempts without an answer count: a day later a dead letter may be tried anew."""
IN_DOUBT = "in doubt"
"""The token that a released lease leaves behind where its write may have taken place."""


class Slot(NamedTuple):
    """One enriched field: what a newer event supersedes."""

    product_id: str
    task: str
    language: str


class Written(NamedTuple):
    """What was written back last. An edition is the digest of all that shapes the output but not the question."""

    order: Order | None
    fingerprint: str
    edition: str


class SlotState(NamedTuple):
    """What is known of a slot."""

    latest: tuple[Order, ...] = ()
    """The newest order of each kind."""
    written: Written | None = None
    writes: int = 0
    """How many were recorded: that numbers the next one."""
    in_doubt: bool = False
    """Whether a write has begun whose end is not known, by a worker that is at it or died of it: `written` may be
    outdated."""

    def supersedes(self, order: Order | None) -> bool:
        """Whether a newer order of the same kind is known; without an order nothing is."""
        return order is not None and any(known.kind == order.kind and known > order for known in self.latest)


class SlotLease(NamedTuple):
    """The right to be the only writer of a slot until it expires; `token` fences whoever lost it."""

    slot: Slot
    token: str
    state: SlotState
    """As of the moment that it was taken."""


class QuestionLease(NamedTuple):
    """The right to be the only payer of a question until it expires; `token` fences whoever lost it."""

    fingerprint: str
    token: str
    attempts: int
    """Calls that may have been paid without an answer, the one that this lease is for included."""


class Ledger(Protocol):
    """The port. Every method raises `LedgerUnavailable` where the store fails, but for the two that give up a lease:
    one that cannot be given up expires."""

    def raise_latest(self, slot: Slot, order: Order | None) -> SlotState:
        """Remembers `order` unless a newer one of its kind is known; returns what is known then."""
        ...

    def acquire_slot(self, slot: Slot, seconds: float) -> SlotLease | None:
        """The writer's lease, or None while another worker holds it."""
        ...

    def record_written(self, lease: SlotLease, written: Written) -> None:
        """Records what was written and gives the lease up; nothing happens where it was lost."""
        ...

    def release_slot(self, lease: SlotLease, *, in_doubt: bool) -> None:
        """Gives the lease up without recording a write, which leaves the slot `in_doubt` where one may have taken place
        all the same; nothing happens where the lease was lost."""
        ...

    def acquire_question(
        self, fingerprint: str, seconds: float, *, paid_by: str | None = None
    ) -> Answer | QuestionLease | None:
        """The answer where there is one (of this payer, if one is given), else the payer's lease; None while another
        worker holds that. One step, so that nobody leases what was answered a moment ago. A lease counts an attempt, so
        that a process which dies in the middle of a call leaves its trace."""
        ...

    def renew_question(self, lease: QuestionLease, seconds: float) -> bool:
        """Whether the lease is still held; then it lasts `seconds` from now."""
        ...

    def keep_answer(self, lease: QuestionLease, answer: Answer) -> Answer:
        """Stores the answer, forgets the attempts, gives the lease up. Where the lease was lost, an answer that another
        worker stored stands. Returns the one that is stored: only that may be used."""
        ...

    def release_question(self, lease: QuestionLease, *, paid: bool) -> None:
        """Gives the lease up without an answer; an attempt that was certainly not `paid` is taken back."""
        ...

    def forget(self, product_id: str) -> None:
        """Clears what is known of a product. Answers stay: they belong to questions."""
        ...


@dataclass(slots=True)
class _SlotRecord:
    latest: dict[OrderKind, Order] = field(default_factory=dict)
    written: Written | None = None
    writes: int = 0
    token: str = ""
    lease_until: float = 0.0

    def state(self) -> SlotState:
        return SlotState(tuple(self.latest.values()), self.written, self.writes, in_doubt=bool(self.token))


@dataclass(slots=True)
class _QuestionRecord:
    answer: Answer | None = None
    answer_until: float = 0.0
    token: str = ""
    lease_until: float = 0.0
    attempts: int = 0
    attempts_until: float = 0.0


class MemoryLedger:
    """The ledger of one process: for tests, the sandbox and development. It dies with the process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # held for no system call: whoever makes one gives the interpreter away
        self._slots: dict[Slot, _SlotRecord] = {}
        self._questions: dict[str, _QuestionRecord] = {}

    def raise_latest(self, slot: Slot, order: Order | None) -> SlotState:
        with self._lock:
            record = self._slots.setdefault(slot, _SlotRecord())
            if order is not None:
                record.latest[order.kind] = max(record.latest.get(order.kind, order), order)
            return record.state()

    def acquire_slot(self, slot: Slot, seconds: float) -> SlotLease | None:
        token = new_token()
        with self._lock:
            record = self._slots.setdefault(slot, _SlotRecord())
            now, state = self._clock(), record.state()
            if record.lease_until > now:
                return None
            record.token, record.lease_until = token, now + seconds
            return SlotLease(slot, record.token, state)

    def record_written(self, lease: SlotLease, written: Written) -> None:
        with self._lock:
            if record := self._held_slot(lease):
                record.written, record.token, record.lease_until = written, "", 0.0
                record.writes += 1

    def release_slot(self, lease: SlotLease, *, in_doubt: bool) -> None:
        with self._lock:
            if record := self._held_slot(lease):
                record.token, record.lease_until = (IN_DOUBT if in_doubt else ""), 0.0

    def acquire_question(
        self, fingerprint: str, seconds: float, *, paid_by: str | None = None
    ) -> Answer | QuestionLease | None:
        token = new_token()
        with self._lock:
            now = self._clock()
            record = self._questions.setdefault(fingerprint, _QuestionRecord())
            if (known := self._known(record)) and paid_by in (None, known.paid_by):
                return known
            if record.lease_until > now:
                return None
            record.token, record.lease_until = token, now + seconds
            record.attempts = record.attempts + 1 if record.attempts_until > now else 1
            record.attempts_until = now + ATTEMPT_SECONDS
            return QuestionLease(fingerprint, record.token, record.attempts)

    def renew_question(self, lease: QuestionLease, seconds: float) -> bool:
        with self._lock:
            if record := self._held_question(lease):
                record.lease_until = self._clock() + seconds
            return record is not None

    def keep_answer(self, lease: QuestionLease, answer: Answer) -> Answer:
        with self._lock:
            record = self._questions.setdefault(lease.fingerprint, _QuestionRecord())
            if record.token != lease.token and (known := self._known(record)):
                return known
            self._questions[lease.fingerprint] = _QuestionRecord(answer, self._clock() + ANSWER_SECONDS)
            return answer

    def release_question(self, lease: QuestionLease, *, paid: bool) -> None:
        with self._lock:
            if record := self._held_question(lease):
                record.token, record.lease_until = "", 0.0
                record.attempts -= not paid

    def forget(self, product_id: str) -> None:
        with self._lock:
            self._slots = {slot: record for slot, record in self._slots.items() if slot.product_id != product_id}

    def _known(self, record: _QuestionRecord) -> Answer | None:
        return record.answer if record.answer_until > self._clock() else None

    def _held_slot(self, lease: SlotLease) -> _SlotRecord | None:
        record = self._slots.get(lease.slot)
        return record if record and record.token == lease.token else None

    def _held_question(self, lease: QuestionLease) -> _QuestionRecord | None:
        record = self._questions.get(lease.fingerprint)
        return record if record and record.token == lease.token else None


def new_token() -> str:
    """A name for one holder of a lease that no other ever has."""
    return secrets.token_hex(8)
