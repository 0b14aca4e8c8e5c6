"""What every ledger store must do. The tests use the port and an injected clock only: a new store joins `STORES`."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from edges import Clock

from handler.converse import Answer
from handler.events import Order, OrderKind
from handler.ledger import (
    ANSWER_SECONDS,
    ATTEMPT_SECONDS,
    Lease,
    Ledger,
    MemoryLedger,
    Slot,
    Written,
    question_key,
    slot_key,
)
from handler.models import Usage

STORES: Mapping[str, Callable[[Clock], Ledger]] = {"memory": MemoryLedger}

SLOT = Slot("shirt", "copy", "ko")
OTHER_SLOTS = (Slot("shirt", "tags", ""), Slot("shirt", "copy", "en"), Slot("skirt", "copy", "ko"))
FINGERPRINT = "0a" * 32
QUESTION = question_key(FINGERPRINT)
DAY = 86_400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
def ledger(request: pytest.FixtureRequest, clock: Clock) -> Ledger:
    """An empty ledger of each store."""
    return STORES[request.param](clock)


def version(value: int) -> Order:
    return Order("version", value)


def answer(text: str = "편한 티셔츠예요.", paid_by: str = "/shop event-1") -> Answer:
    tool_use = {"toolUseId": "t", "name": "record_attributes", "input": {"Color": ["white"], "Print": []}}
    return Answer("end_turn", text, tool_use, Usage(input=7, output=5, cache_read=3, cache_write=2), paid_by)


def held(lease: Lease | None) -> Lease:
    """The lease, which must have been given."""
    assert lease is not None
    return lease


# latest


def test_the_first_order_is_the_newest(ledger: Ledger) -> None:
    """A slot that nobody has seen has no latest order; the first one raised is it."""
    assert ledger.latest(SLOT, "version") is None
    assert ledger.raise_latest(SLOT, version(3)) == version(3)
    assert ledger.latest(SLOT, "version") == version(3)


def test_a_newer_order_raises_latest(ledger: Ledger) -> None:
    """A newer order is remembered and returned."""
    ledger.raise_latest(SLOT, version(9))
    assert ledger.raise_latest(SLOT, version(10)) == version(10)
    assert ledger.latest(SLOT, "version") == version(10)


@pytest.mark.parametrize("late", [0, 1, 9])
def test_an_older_order_never_lowers_latest(ledger: Ledger, late: int) -> None:
    """An older order learns of the newest one and changes nothing; 9 is older than 10 though not as a word."""
    ledger.raise_latest(SLOT, version(10))
    assert ledger.raise_latest(SLOT, version(late)) == version(10)
    assert ledger.latest(SLOT, "version") == version(10)


def test_an_equal_order_is_the_newest(ledger: Ledger) -> None:
    """A redelivery of the newest event is as new as itself."""
    ledger.raise_latest(SLOT, version(10))
    assert ledger.raise_latest(SLOT, version(10)) == version(10)


def test_latest_is_kept_for_each_kind(ledger: Ledger) -> None:
    """Orders of different kinds cannot be compared, so that neither hides the other."""
    kinds: tuple[OrderKind, ...] = ("version", "updatedAt", "time")
    for value, kind in zip((2**62, 5, 1), kinds, strict=True):
        assert ledger.raise_latest(SLOT, Order(kind, value)) == Order(kind, value)
    assert [ledger.latest(SLOT, kind) for kind in kinds] == [
        Order("version", 2**62),
        Order("updatedAt", 5),
        Order("time", 1),
    ]


def test_latest_is_kept_for_each_slot(ledger: Ledger) -> None:
    """Product, task and language each make a slot of their own."""
    ledger.raise_latest(SLOT, version(10))
    for slot in OTHER_SLOTS:
        assert ledger.latest(slot, "version") is None
        assert ledger.raise_latest(slot, version(1)) == version(1)


def test_the_largest_version_keeps_its_value(ledger: Ledger) -> None:
    """The largest version that an event may have, and zero, come back exactly."""
    ledger.raise_latest(SLOT, version(0))
    assert ledger.latest(SLOT, "version") == version(0)
    ledger.raise_latest(SLOT, version(2**63 - 1))
    assert ledger.raise_latest(SLOT, version(2**63 - 2)) == version(2**63 - 1)


def test_latest_does_not_expire(ledger: Ledger, clock: Clock) -> None:
    """An event that slept for years in a topic is still superseded."""
    ledger.raise_latest(SLOT, version(10))
    clock.sleep(3650 * DAY)
    assert ledger.latest(SLOT, "version") == version(10)


def test_concurrent_orders_leave_the_newest(ledger: Ledger) -> None:
    """Whatever the interleaving of raises, the newest order stands at the end."""
    orders = [version((value * 37) % 100) for value in range(100)]
    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda order: (order, ledger.raise_latest(SLOT, order)), orders))
    assert ledger.latest(SLOT, "version") == version(99)
    assert all(newest >= order for order, newest in seen)


# written


@pytest.mark.parametrize("order", [version(3), Order("time", 1_700_000_000_000_000), None])
def test_what_was_written_is_remembered(ledger: Ledger, order: Order | None) -> None:
    """Order, fingerprint and edition of the last write-back come back as they were, also where there was no order."""
    assert ledger.written(SLOT) is None
    ledger.record_written(SLOT, Written(order, FINGERPRINT, "edition-1"))
    assert ledger.written(SLOT) == Written(order, FINGERPRINT, "edition-1")
    assert all(ledger.written(slot) is None for slot in OTHER_SLOTS)


def test_the_last_write_replaces_the_one_before(ledger: Ledger, clock: Clock) -> None:
    """Only what was written last counts, however long ago; another edition is another write."""
    ledger.record_written(SLOT, Written(version(1), FINGERPRINT, "edition-1"))
    ledger.record_written(SLOT, Written(version(1), FINGERPRINT, "edition-2"))
    clock.sleep(3650 * DAY)
    assert ledger.written(SLOT) == Written(version(1), FINGERPRINT, "edition-2")


# answers


def test_an_answer_comes_back_as_it_was(ledger: Ledger) -> None:
    """Text, tool use, usage and payer survive the store; another fingerprint has no answer."""
    assert ledger.answer(FINGERPRINT) is None
    ledger.keep_answer(FINGERPRINT, answer())
    assert ledger.answer(FINGERPRINT) == answer()
    assert ledger.answer("0b" * 32) is None


def test_an_answer_without_tool_use_comes_back(ledger: Ledger) -> None:
    """A refusal has neither tool use nor text, and is remembered all the same."""
    refusal = Answer("refusal", "", None, Usage(input=7), "/shop event-1")
    ledger.keep_answer(FINGERPRINT, refusal)
    assert ledger.answer(FINGERPRINT) == refusal


def test_a_later_answer_replaces_the_first(ledger: Ledger) -> None:
    """Who pays again replaces the answer."""
    ledger.keep_answer(FINGERPRINT, answer("첫 번째"))
    ledger.keep_answer(FINGERPRINT, answer("두 번째", paid_by="/shop event-2"))
    assert ledger.answer(FINGERPRINT) == answer("두 번째", paid_by="/shop event-2")


def test_an_answer_expires_after_180_days(ledger: Ledger, clock: Clock) -> None:
    """An answer serves for 180 days and not a second longer."""
    assert ANSWER_SECONDS == 180 * DAY
    ledger.keep_answer(FINGERPRINT, answer())
    clock.sleep(180 * DAY - 1)
    assert ledger.answer(FINGERPRINT) == answer()
    clock.sleep(1)
    assert ledger.answer(FINGERPRINT) is None


# leases


def test_one_worker_holds_a_lease(ledger: Ledger) -> None:
    """While it is held nobody else gets it; other keys are free."""
    lease = held(ledger.acquire(QUESTION, 60))
    assert lease.key == QUESTION
    assert lease.attempts == 0
    assert ledger.acquire(QUESTION, 60) is None
    assert ledger.acquire(slot_key(SLOT), 30) is not None


def test_a_released_lease_is_free(ledger: Ledger) -> None:
    """Who releases lets the next one in at once, with a token of its own."""
    first = held(ledger.acquire(QUESTION, 60))
    ledger.release(first)
    assert held(ledger.acquire(QUESTION, 60)).token != first.token


def test_a_lease_ends_with_its_time(ledger: Ledger, clock: Clock) -> None:
    """A worker that died holds its lease until it expires, and not longer."""
    held(ledger.acquire(QUESTION, 60))
    clock.sleep(59)
    assert ledger.acquire(QUESTION, 60) is None
    clock.sleep(1)
    assert ledger.acquire(QUESTION, 60) is not None


def test_renewal_counts_from_now(ledger: Ledger, clock: Clock) -> None:
    """A renewed lease lasts the given time from the renewal."""
    lease = held(ledger.acquire(QUESTION, 60))
    clock.sleep(50)
    assert ledger.renew(lease, 60)
    clock.sleep(59)
    assert ledger.acquire(QUESTION, 60) is None
    clock.sleep(1)
    assert ledger.acquire(QUESTION, 60) is not None


@pytest.fixture
def lost(ledger: Ledger, clock: Clock) -> Lease:
    """A lease that expired and that another worker holds now."""
    lease = held(ledger.acquire(QUESTION, 60))
    clock.sleep(60)
    held(ledger.acquire(QUESTION, 60))
    return lease


def test_a_lost_lease_cannot_be_renewed(ledger: Ledger, clock: Clock, lost: Lease) -> None:
    """The renewal says so, and does not lengthen the new holder's time."""
    assert not ledger.renew(lost, 600)
    clock.sleep(60)
    assert ledger.acquire(QUESTION, 60) is not None


def test_a_lost_lease_releases_nothing(ledger: Ledger, lost: Lease) -> None:
    """The new holder keeps what the old one gives up."""
    ledger.release(lost)
    assert ledger.acquire(QUESTION, 60) is None


def test_a_lost_lease_counts_nothing(ledger: Ledger, clock: Clock, lost: Lease) -> None:
    """Neither adds to the new holder's attempts nor takes one away."""
    ledger.count_attempt(lost, +1)
    clock.sleep(60)
    lease = held(ledger.acquire(QUESTION, 60))
    assert lease.attempts == 0
    ledger.count_attempt(lease, +1)
    ledger.count_attempt(lost, -1)
    ledger.release(lease)
    assert held(ledger.acquire(QUESTION, 60)).attempts == 1


@pytest.mark.parametrize("attempts", [0, 1])
def test_a_released_lease_is_lost(ledger: Ledger, attempts: int) -> None:
    """After its release a lease can neither be renewed nor count, whether or not attempts keep its record."""
    lease = held(ledger.acquire(QUESTION, 60))
    for _ in range(attempts):
        ledger.count_attempt(lease, +1)
    ledger.release(lease)
    assert not ledger.renew(lease, 60)
    ledger.count_attempt(lease, +1)
    ledger.release(lease)
    assert held(ledger.acquire(QUESTION, 60)).attempts == attempts


def test_of_fifty_threads_one_wins(ledger: Ledger) -> None:
    """Exactly one of many that ask at the same moment gets the lease."""
    start = threading.Barrier(50)

    def acquire(_: int) -> Lease | None:
        start.wait()
        return ledger.acquire(QUESTION, 60)

    with ThreadPoolExecutor(50) as pool:
        leases = list(pool.map(acquire, range(50)))
    assert sum(lease is not None for lease in leases) == 1


def test_keys_tell_slots_and_questions_apart() -> None:
    """No two slots and no question share a lease, whatever characters a product id has."""
    slots = [
        SLOT,
        *OTHER_SLOTS,
        Slot("ko#shirt", "copy", ""),
        Slot("#shirt", "copy", "ko"),
        Slot("copy#ko#shirt", "", ""),
    ]
    assert len({*map(slot_key, slots), QUESTION}) == len(slots) + 1


# attempts


def test_attempts_outlive_the_lease(ledger: Ledger, clock: Clock) -> None:
    """A call that may be paid stays counted, whether its worker released the lease or died."""
    first = held(ledger.acquire(QUESTION, 60))
    ledger.count_attempt(first, +1)
    ledger.release(first)
    second = held(ledger.acquire(QUESTION, 60))
    assert second.attempts == 1
    ledger.count_attempt(second, +1)
    clock.sleep(60)
    assert held(ledger.acquire(QUESTION, 60)).attempts == 2


def test_an_attempt_is_taken_back(ledger: Ledger) -> None:
    """A call that was certainly not paid leaves no trace."""
    lease = held(ledger.acquire(QUESTION, 60))
    ledger.count_attempt(lease, +1)
    ledger.count_attempt(lease, -1)
    ledger.release(lease)
    assert held(ledger.acquire(QUESTION, 60)).attempts == 0


def test_an_answer_clears_the_attempts(ledger: Ledger) -> None:
    """What was answered at last starts anew when it is asked again, also for who holds the lease."""
    lease = held(ledger.acquire(QUESTION, 60))
    ledger.count_attempt(lease, +1)
    ledger.keep_answer(FINGERPRINT, answer())
    ledger.release(lease)
    assert held(ledger.acquire(QUESTION, 60)).attempts == 0


def test_attempts_are_forgotten_a_day_after_the_last(ledger: Ledger, clock: Clock) -> None:
    """A dead letter may be tried again a day later; the day starts with the last attempt."""
    assert ATTEMPT_SECONDS == DAY
    for _ in range(2):
        lease = held(ledger.acquire(QUESTION, 60))
        ledger.count_attempt(lease, +1)
        ledger.release(lease)
        clock.sleep(DAY - 1)
    lease = held(ledger.acquire(QUESTION, 60))
    assert lease.attempts == 2
    ledger.release(lease)
    clock.sleep(1)
    assert held(ledger.acquire(QUESTION, 60)).attempts == 0


def test_attempts_belong_to_one_question(ledger: Ledger) -> None:
    """Neither counting nor an answer for one question touches another's attempts."""
    other = question_key("0b" * 32)
    for key in (QUESTION, other):
        lease = held(ledger.acquire(key, 60))
        ledger.count_attempt(lease, +1)
        ledger.release(lease)
    ledger.keep_answer(FINGERPRINT, answer())
    assert held(ledger.acquire(QUESTION, 60)).attempts == 0
    assert held(ledger.acquire(other, 60)).attempts == 1


# forget


def test_a_deleted_product_is_forgotten(ledger: Ledger) -> None:
    """All its slots are cleared, in every task and language, and a re-creation starts at version 1 again."""
    slots = [SLOT, *OTHER_SLOTS[:2]]
    for slot in slots:
        ledger.raise_latest(slot, version(9))
        ledger.raise_latest(slot, Order("time", 9))
        ledger.record_written(slot, Written(version(9), FINGERPRINT, "edition-1"))
    ledger.forget("shirt")
    for slot in slots:
        assert ledger.written(slot) is None
        assert ledger.latest(slot, "time") is None
        assert ledger.raise_latest(slot, version(1)) == version(1)


def test_forgetting_touches_no_other_product(ledger: Ledger) -> None:
    """Products whose ids merely begin alike keep their records."""
    slots = [Slot("shirt2", "copy", "ko"), Slot("shir", "copy", "ko"), Slot("shirt#", "copy", "ko")]
    for slot in slots:
        ledger.raise_latest(slot, version(9))
        ledger.record_written(slot, Written(version(9), FINGERPRINT, "edition-1"))
    ledger.forget("shirt")
    for slot in slots:
        assert ledger.latest(slot, "version") == version(9)
        assert ledger.written(slot) == Written(version(9), FINGERPRINT, "edition-1")


def test_forgetting_keeps_answers_and_attempts(ledger: Ledger) -> None:
    """Answers and attempts belong to questions, which the same product may ask again."""
    ledger.keep_answer(FINGERPRINT, answer())
    lease = held(ledger.acquire(question_key("0b" * 32), 60))
    ledger.count_attempt(lease, +1)
    ledger.release(lease)
    ledger.forget("shirt")
    assert ledger.answer(FINGERPRINT) == answer()
    assert held(ledger.acquire(question_key("0b" * 32), 60)).attempts == 1


def test_a_product_that_nobody_knows_is_forgotten_quietly(ledger: Ledger) -> None:
    """A tombstone for an unknown product is no error."""
    ledger.forget("nobody")
    assert ledger.latest(SLOT, "version") is None


def test_memory_ledgers_share_nothing() -> None:
    """Each is the ledger of its own process, and works on the wall clock where it is given none."""
    one, other = MemoryLedger(), MemoryLedger()
    one.keep_answer(FINGERPRINT, answer())
    held(one.acquire(QUESTION, 60))
    assert one.acquire(QUESTION, 60) is None
    assert one.answer(FINGERPRINT) == answer()
    assert other.answer(FINGERPRINT) is None
