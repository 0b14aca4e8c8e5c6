"""The ledger: what is known of products and questions, so that nothing is paid twice and nothing stale is written.

Four kinds of record: `latest` and `written` by slot, answers and leases by key. The ledger remembers what the model
said, never our output: checks and code mapping run again on every use.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from handler.converse import Answer
from handler.events import Order, OrderKind

ANSWER_SECONDS = 180 * 86_400
"""How long an answer is remembered."""
ATTEMPT_SECONDS = 86_400
"""How long paid attempts without an answer are counted: a day later a dead letter may be tried anew."""


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


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to be the only worker at `key` until it expires; `token` fences whoever lost it."""

    key: str
    token: str
    attempts: int
    """Calls for this key that may have been paid without an answer."""


class Ledger(Protocol):
    """The port. Every method raises `LedgerUnavailable` where the store fails."""

    def raise_latest(self, slot: Slot, order: Order) -> Order:
        """Remembers `order` unless a newer one of its kind is known; returns the newest."""
        ...

    def latest(self, slot: Slot, kind: OrderKind) -> Order | None: ...

    def written(self, slot: Slot) -> Written | None: ...

    def record_written(self, slot: Slot, written: Written) -> None: ...

    def answer(self, fingerprint: str) -> Answer | None: ...

    def keep_answer(self, fingerprint: str, answer: Answer) -> None:
        """Remembers the answer and forgets the attempts."""
        ...

    def acquire(self, key: str, seconds: float) -> Lease | None:
        """The lease of `key`, or None while another worker holds it."""
        ...

    def renew(self, lease: Lease, seconds: float) -> bool:
        """Whether the lease is still held; then it lasts `seconds` from now."""
        ...

    def release(self, lease: Lease) -> None:
        """Gives the lease up; nothing happens where it was lost."""
        ...

    def count_attempt(self, lease: Lease, change: int) -> None:
        """Counts a call that may be paid (+1), or takes it back (-1) where it certainly was not."""
        ...

    def forget(self, product_id: str) -> None:
        """Clears what is known of a product. Answers stay: they belong to questions."""
        ...


@dataclass(slots=True)
class _LeaseRecord:
    token: str = ""
    expires: float = 0.0
    attempts: int = 0
    attempts_expire: float = 0.0


class MemoryLedger:
    """The ledger of one process: for tests, the sandbox, and development. It dies with the process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: dict[Slot, dict[OrderKind, Order]] = {}
        self._written: dict[Slot, Written] = {}
        self._answers: dict[str, tuple[float, Answer]] = {}
        self._leases: dict[str, _LeaseRecord] = {}

    def raise_latest(self, slot: Slot, order: Order) -> Order:
        with self._lock:
            known = self._latest.setdefault(slot, {})
            newest = max(known.get(order.kind, order), order)
            known[order.kind] = newest
            return newest

    def latest(self, slot: Slot, kind: OrderKind) -> Order | None:
        with self._lock:
            return self._latest.get(slot, {}).get(kind)

    def written(self, slot: Slot) -> Written | None:
        with self._lock:
            return self._written.get(slot)

    def record_written(self, slot: Slot, written: Written) -> None:
        with self._lock:
            self._written[slot] = written

    def answer(self, fingerprint: str) -> Answer | None:
        with self._lock:
            expires, answer = self._answers.get(fingerprint, (0.0, None))
            return answer if expires > self._clock() else None

    def keep_answer(self, fingerprint: str, answer: Answer) -> None:
        with self._lock:
            self._answers[fingerprint] = (self._clock() + ANSWER_SECONDS, answer)
            if record := self._leases.get(question_key(fingerprint)):
                record.attempts = 0

    def acquire(self, key: str, seconds: float) -> Lease | None:
        with self._lock:
            now = self._clock()
            record = self._leases.setdefault(key, _LeaseRecord())
            if record.expires > now:
                return None
            record.token, record.expires = secrets.token_hex(8), now + seconds
            if record.attempts_expire <= now:
                record.attempts = 0
            return Lease(key, record.token, record.attempts)

    def renew(self, lease: Lease, seconds: float) -> bool:
        with self._lock:
            if not (record := self._held(lease)):
                return False
            record.expires = self._clock() + seconds
            return True

    def release(self, lease: Lease) -> None:
        with self._lock:
            if not (record := self._held(lease)):
                return
            if record.attempts:
                record.token, record.expires = "", 0.0
            else:
                del self._leases[lease.key]

    def count_attempt(self, lease: Lease, change: int) -> None:
        with self._lock:
            if record := self._held(lease):
                record.attempts += change
                record.attempts_expire = self._clock() + ATTEMPT_SECONDS

    def forget(self, product_id: str) -> None:
        with self._lock:
            self._latest = {slot: order for slot, order in self._latest.items() if slot.product_id != product_id}
            self._written = {slot: written for slot, written in self._written.items() if slot.product_id != product_id}

    def _held(self, lease: Lease) -> _LeaseRecord | None:
        record = self._leases.get(lease.key)
        return record if record and record.token == lease.token else None


def question_key(fingerprint: str) -> str:
    """The lease of who pays for a question."""
    return f"question#{fingerprint}"


def slot_key(slot: Slot) -> str:
    """The lease of who writes a slot."""
    return f"slot#{slot.task}#{slot.language}#{slot.product_id}"
