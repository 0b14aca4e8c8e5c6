"""What every ledger store must do. The tests use the port and an injected clock only: a new store joins `stores`."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from edges import Clock
from stores import Store

from handler.converse import Answer
from handler.events import Order, OrderKind
from handler.ledger import (
    ANSWER_SECONDS,
    ATTEMPT_SECONDS,
    Ledger,
    MemoryLedger,
    QuestionLease,
    Slot,
    SlotLease,
    Written,
)
from handler.models import Usage

SLOT = Slot("shirt", "copy", "ko")
OTHER_SLOTS = (Slot("shirt", "tags", ""), Slot("shirt", "copy", "en"), Slot("skirt", "copy", "ko"))
FINGERPRINT = "0a" * 32
OTHER_FINGERPRINT = "0b" * 32
NOBODY = "/shop nobody"
"""Has paid for nothing."""
DAY = 86_400

L = TypeVar("L", SlotLease, QuestionLease)


def version(value: int) -> Order:
    return Order("version", value)


def wrote(value: int | None = 1, *, fingerprint: str = FINGERPRINT, edition: str = "edition-1") -> Written:
    return Written(None if value is None else version(value), fingerprint, edition)


def answer(text: str = "편한 티셔츠예요.", paid_by: str = "/shop event-1") -> Answer:
    tool_use = {"toolUseId": "t", "name": "record_attributes", "input": {"Color": ["white"], "Print": []}}
    return Answer("end_turn", text, tool_use, Usage(input=7, output=5, cache_read=3, cache_write=2), paid_by)


def held(lease: L | Answer | None) -> L:
    """The lease, which must have been given."""
    assert lease is not None
    assert not isinstance(lease, Answer)
    return lease


def write(ledger: Ledger, slot: Slot, written: Written) -> None:
    ledger.record_written(held(ledger.acquire_slot(slot, 30)), written)


def keep(ledger: Ledger, fingerprint: str, said: Answer) -> Answer:
    return ledger.keep_answer(take(ledger, fingerprint), said)


def take(ledger: Ledger, fingerprint: str = FINGERPRINT) -> QuestionLease:
    """The payer's lease, whatever answer there is."""
    return held(ledger.acquire_question(fingerprint, 60, paid_by=NOBODY))


def known(ledger: Ledger, fingerprint: str = FINGERPRINT) -> Answer | None:
    """What anybody who asks is answered."""
    found = ledger.acquire_question(fingerprint, 1)
    if isinstance(found, QuestionLease):
        ledger.release_question(found, paid=False)
        return None
    return found


def latest(ledger: Ledger, slot: Slot = SLOT) -> set[Order]:
    """What is known without raising anything."""
    return set(ledger.raise_latest(slot, None).latest)


def written(ledger: Ledger, slot: Slot = SLOT) -> Written | None:
    return ledger.raise_latest(slot, None).written


def attempts(ledger: Ledger, fingerprint: str = FINGERPRINT) -> int:
    """What is counted of a question that nobody asks at the moment."""
    lease = take(ledger, fingerprint)
    ledger.release_question(lease, paid=False)
    return lease.attempts - 1


# latest


def test_a_slot_that_nobody_has_seen_is_empty(ledger: Ledger) -> None:
    """Nothing is known, nothing is in doubt, and looking creates no order."""
    for _ in range(2):
        state = ledger.raise_latest(SLOT, None)
        assert (state.latest, state.written, state.in_doubt) == ((), None, False)


def test_the_first_order_is_the_newest(ledger: Ledger) -> None:
    """The first one raised is the latest, and is not superseded by itself."""
    state = ledger.raise_latest(SLOT, version(3))
    assert state.latest == (version(3),)
    assert not state.supersedes(version(3))
    assert latest(ledger) == {version(3)}


def test_a_newer_order_raises_latest(ledger: Ledger) -> None:
    """A newer order is remembered and returned."""
    ledger.raise_latest(SLOT, version(9))
    assert ledger.raise_latest(SLOT, version(10)).latest == (version(10),)
    assert latest(ledger) == {version(10)}


@pytest.mark.parametrize("late", [0, 1, 9])
def test_an_older_order_never_lowers_latest(ledger: Ledger, late: int) -> None:
    """An older order learns of the newest one and changes nothing; 9 is older than 10 though not as a word."""
    ledger.raise_latest(SLOT, version(10))
    state = ledger.raise_latest(SLOT, version(late))
    assert state.latest == (version(10),)
    assert state.supersedes(version(late))
    assert latest(ledger) == {version(10)}


def test_an_equal_order_is_the_newest(ledger: Ledger) -> None:
    """A redelivery of the newest event is as new as itself."""
    ledger.raise_latest(SLOT, version(10))
    state = ledger.raise_latest(SLOT, version(10))
    assert (state.latest, state.supersedes(version(10))) == ((version(10),), False)


def test_latest_is_kept_for_each_kind(ledger: Ledger) -> None:
    """Orders of different kinds cannot be compared, so that neither hides or supersedes the other."""
    kinds: tuple[OrderKind, ...] = ("version", "updatedAt", "time")
    orders = [Order(kind, value) for value, kind in zip((2**62, 5, 1), kinds, strict=True)]
    for order in orders:
        assert not ledger.raise_latest(SLOT, order).supersedes(order)
    state = ledger.raise_latest(SLOT, None)
    assert set(state.latest) == set(orders)
    for kind, value in (("updatedAt", 4), ("time", 0)):
        assert ledger.raise_latest(SLOT, Order(kind, value)).supersedes(Order(kind, value))  # type: ignore[arg-type]
    assert latest(ledger) == set(orders)


def test_without_an_order_nothing_is_superseded(ledger: Ledger) -> None:
    """An event without any order learns what is known, changes nothing and is not held back."""
    ledger.raise_latest(SLOT, version(10))
    state = ledger.raise_latest(SLOT, None)
    assert (state.latest, state.supersedes(None)) == ((version(10),), False)
    assert latest(ledger) == {version(10)}


def test_latest_is_kept_for_each_slot(ledger: Ledger) -> None:
    """Product, task and language each make a slot of their own."""
    ledger.raise_latest(SLOT, version(10))
    for slot in OTHER_SLOTS:
        assert latest(ledger, slot) == set()
        assert ledger.raise_latest(slot, version(1)).latest == (version(1),)


def test_the_largest_version_keeps_its_value(ledger: Ledger) -> None:
    """The largest version that an event may have, and zero, come back exactly, and neighbours are told apart."""
    assert ledger.raise_latest(SLOT, version(0)).latest == (version(0),)
    ledger.raise_latest(SLOT, version(2**63 - 1))
    state = ledger.raise_latest(SLOT, version(2**63 - 2))
    assert state.latest == (version(2**63 - 1),)
    assert state.supersedes(version(2**63 - 2))


def test_moments_are_exact_to_the_microsecond(ledger: Ledger) -> None:
    """Neighbouring microseconds are told apart, in this century and before 1970."""
    for kind, moment in (("updatedAt", 1_795_000_000_123_456), ("time", -62_135_596_800_000_000)):
        order = Order(kind, moment)  # type: ignore[arg-type]
        ledger.raise_latest(SLOT, order)
        assert ledger.raise_latest(SLOT, order._replace(value=moment - 1)).supersedes(order._replace(value=moment - 1))
        assert order in latest(ledger)
        assert order._replace(value=moment + 1) in ledger.raise_latest(SLOT, order._replace(value=moment + 1)).latest


def test_latest_does_not_expire(ledger: Ledger, clock: Clock) -> None:
    """An event that slept for years in a topic is still superseded."""
    ledger.raise_latest(SLOT, version(10))
    clock.sleep(3650 * DAY)
    assert latest(ledger) == {version(10)}


def test_concurrent_orders_leave_the_newest(ledger: Ledger) -> None:
    """Whatever the interleaving of raises, the newest order stands at the end."""
    orders = [version((value * 37) % 100) for value in range(100)]
    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda order: (order, ledger.raise_latest(SLOT, order)), orders))
    assert latest(ledger) == {version(99)}
    assert all(state.latest[0] >= order for order, state in seen)


# written


@pytest.mark.parametrize("order", [version(3), Order("time", 1_700_000_000_000_000), None])
def test_what_was_written_is_remembered(ledger: Ledger, order: Order | None) -> None:
    """Order, fingerprint and edition of the last write-back come back as they were, also where there was no order."""
    said = Written(order, FINGERPRINT, "edition-1")
    write(ledger, SLOT, said)
    assert written(ledger) == said
    assert ledger.raise_latest(SLOT, version(3)).written == said
    assert held(ledger.acquire_slot(SLOT, 30)).state.written == said
    assert all(written(ledger, slot) is None for slot in OTHER_SLOTS)


def test_the_last_write_replaces_the_one_before(ledger: Ledger, clock: Clock) -> None:
    """Only what was written last counts, however long ago; another edition is another write."""
    write(ledger, SLOT, wrote(edition="edition-1"))
    write(ledger, SLOT, wrote(edition="edition-2"))
    clock.sleep(3650 * DAY)
    assert written(ledger) == wrote(edition="edition-2")


# the writer's lease


def test_one_worker_writes_a_slot(ledger: Ledger) -> None:
    """While its lease is held nobody else gets it; other slots are free."""
    ledger.raise_latest(SLOT, version(7))
    lease = held(ledger.acquire_slot(SLOT, 30))
    assert (lease.slot, set(lease.state.latest), lease.state.written) == (SLOT, {version(7)}, None)
    assert not lease.state.in_doubt
    assert ledger.acquire_slot(SLOT, 30) is None
    assert all(ledger.acquire_slot(slot, 30) for slot in OTHER_SLOTS)


def test_a_lease_needs_no_record_before(ledger: Ledger) -> None:
    """A slot without a single order, or of a product just forgotten, can be written."""
    write(ledger, SLOT, wrote(None))
    assert (latest(ledger), written(ledger)) == (set(), wrote(None))


def test_a_lease_knows_what_came_before_it(ledger: Ledger) -> None:
    """Orders raised until the lease was taken are in its state: who holds it decides by them."""
    ledger.raise_latest(SLOT, version(1))
    write(ledger, SLOT, wrote(1))
    ledger.raise_latest(SLOT, version(2))
    state = held(ledger.acquire_slot(SLOT, 30)).state
    assert state.supersedes(version(1))
    assert not state.supersedes(version(2))
    assert (state.written, state.writes, state.in_doubt) == (wrote(1), 1, False)


def test_writes_are_numbered(ledger: Ledger) -> None:
    """Every recorded write counts, equal ones too; what was given up does not, and a deletion begins anew."""
    for number in range(3):
        lease = held(ledger.acquire_slot(SLOT, 30))
        assert lease.state.writes == number
        ledger.release_slot(lease, in_doubt=number == 1)
        write(ledger, SLOT, wrote(1))
    assert ledger.raise_latest(SLOT, version(1)).writes == 3
    assert ledger.raise_latest(OTHER_SLOTS[0], version(1)).writes == 0
    ledger.forget("shirt")
    assert ledger.raise_latest(SLOT, version(1)).writes == 0


def test_recording_gives_the_lease_up(ledger: Ledger) -> None:
    """The next writer need not wait, and the recorder's lease is over: it can record nothing more."""
    lease = held(ledger.acquire_slot(SLOT, 30))
    ledger.record_written(lease, wrote(1))
    ledger.record_written(lease, wrote(2))
    assert written(ledger) == wrote(1)
    assert held(ledger.acquire_slot(SLOT, 30)).token != lease.token


@pytest.mark.parametrize("in_doubt", [False, True])
def test_a_released_slot_is_free(ledger: Ledger, in_doubt: bool) -> None:
    """Who releases without a write lets the next one in at once and changes nothing of what was written."""
    write(ledger, SLOT, wrote(1))
    lease = held(ledger.acquire_slot(SLOT, 30))
    ledger.release_slot(lease, in_doubt=in_doubt)
    assert written(ledger) == wrote(1)
    ledger.record_written(lease, wrote(2))  # too late
    assert held(ledger.acquire_slot(SLOT, 30)).state.written == wrote(1)


def test_a_slot_that_is_being_written_is_in_doubt(ledger: Ledger) -> None:
    """Until the write is recorded or given up, what was written last may be outdated."""
    write(ledger, SLOT, wrote(1))
    lease = held(ledger.acquire_slot(SLOT, 30))
    for order in (None, version(1), version(2)):
        assert ledger.raise_latest(SLOT, order).in_doubt
    ledger.record_written(lease, wrote(2))
    assert not ledger.raise_latest(SLOT, version(2)).in_doubt


def test_a_write_that_certainly_failed_leaves_no_doubt(ledger: Ledger) -> None:
    """Who releases without a write, and knows it, leaves the slot as it was."""
    write(ledger, SLOT, wrote(1))
    ledger.release_slot(held(ledger.acquire_slot(SLOT, 30)), in_doubt=False)
    assert not ledger.raise_latest(SLOT, None).in_doubt


def test_a_write_that_may_have_happened_leaves_doubt(ledger: Ledger) -> None:
    """Until somebody records a write, nobody may rely on what was written; the next holder is told."""
    ledger.release_slot(held(ledger.acquire_slot(SLOT, 30)), in_doubt=True)
    assert ledger.raise_latest(SLOT, version(1)).in_doubt
    lease = held(ledger.acquire_slot(SLOT, 30))
    assert lease.state.in_doubt
    ledger.record_written(lease, wrote(1))
    assert not ledger.raise_latest(SLOT, None).in_doubt
    assert not held(ledger.acquire_slot(SLOT, 30)).state.in_doubt


def test_a_writer_that_died_leaves_doubt(ledger: Ledger, clock: Clock, store: Store) -> None:
    """Its lease ends, and the doubt does not, however long nobody comes: it may have written before it died."""
    write(ledger, SLOT, wrote(1))
    held(ledger.acquire_slot(SLOT, 30))
    clock.sleep(30 + store.slack + 365 * DAY)
    assert ledger.raise_latest(SLOT, None).in_doubt
    assert held(ledger.acquire_slot(SLOT, 30)).state.in_doubt


def test_a_slot_lease_ends_with_its_time(ledger: Ledger, clock: Clock, store: Store) -> None:
    """A worker that died holds the slot until its lease expires, and not longer."""
    held(ledger.acquire_slot(SLOT, 30))
    clock.sleep(29)
    assert ledger.acquire_slot(SLOT, 30) is None
    clock.sleep(1 + store.slack)
    assert ledger.acquire_slot(SLOT, 30) is not None


def test_a_lost_slot_lease_can_do_nothing(ledger: Ledger, clock: Clock, store: Store) -> None:
    """Who lost the lease neither records its write, nor gives up or settles what another worker holds."""
    write(ledger, SLOT, wrote(1))
    lost = held(ledger.acquire_slot(SLOT, 30))
    clock.sleep(30 + store.slack)
    holder = held(ledger.acquire_slot(SLOT, 30))
    ledger.record_written(lost, wrote(2))
    ledger.release_slot(lost, in_doubt=False)
    ledger.release_slot(lost, in_doubt=True)
    state = ledger.raise_latest(SLOT, None)
    assert (state.written, state.in_doubt) == (wrote(1), True)
    assert ledger.acquire_slot(SLOT, 30) is None
    ledger.record_written(holder, wrote(3))
    assert written(ledger) == wrote(3)


def test_of_fifty_writers_one_wins(ledger: Ledger) -> None:
    """Exactly one of many that come at the same moment gets the slot."""
    start = threading.Barrier(50)

    def acquire(_: int) -> SlotLease | None:
        start.wait()
        return ledger.acquire_slot(SLOT, 30)

    with ThreadPoolExecutor(50) as pool:
        leases = list(pool.map(acquire, range(50)))
    assert sum(lease is not None for lease in leases) == 1


def test_raising_goes_on_while_a_slot_is_written(ledger: Ledger) -> None:
    """A lease holds up writers only; recording keeps what was raised meanwhile."""
    lease = held(ledger.acquire_slot(SLOT, 30))
    ledger.raise_latest(SLOT, version(9))
    ledger.record_written(lease, wrote(8))
    assert ledger.raise_latest(SLOT, version(8)).supersedes(version(8))


def test_odd_names_make_slots_of_their_own(ledger: Ledger) -> None:
    """No two slots and no question share a record, whatever characters a product id has."""
    ids = ["shirt", "ko#shirt", "#shirt", "copy#ko#shirt", "product#shirt", f"question#{FINGERPRINT}", "셔츠 A/1 %?#😀"]
    slots = [Slot(product_id, *rest) for product_id in ids for rest in (("copy", "ko"), ("tags", ""))]
    for number, slot in enumerate(slots):
        ledger.raise_latest(slot, version(number))
    assert [latest(ledger, slot) for slot in slots] == [{version(number)} for number in range(len(slots))]
    assert ledger.acquire_question(FINGERPRINT, 60)
    assert all(ledger.acquire_slot(slot, 30) for slot in slots)


# answers


def test_an_answer_comes_back_as_it_was(ledger: Ledger) -> None:
    """Text, tool use, usage and payer survive the store; another fingerprint has no answer."""
    assert known(ledger) is None
    assert keep(ledger, FINGERPRINT, answer()) == answer()
    assert known(ledger) == answer()
    assert known(ledger, OTHER_FINGERPRINT) is None


def test_an_answer_without_tool_use_comes_back(ledger: Ledger) -> None:
    """A refusal has neither tool use nor text, and is remembered all the same."""
    refusal = Answer("refusal", "", None, Usage(input=7), "/shop event-1")
    keep(ledger, FINGERPRINT, refusal)
    assert known(ledger) == refusal


def test_who_pays_again_replaces_the_answer(ledger: Ledger) -> None:
    """The holder of the lease decides, whatever was there."""
    keep(ledger, FINGERPRINT, answer("첫 번째"))
    lease = take(ledger)
    second = answer("두 번째", paid_by="/shop event-2")
    assert ledger.keep_answer(lease, second) == second
    assert known(ledger) == second


def test_an_answer_expires_after_180_days(ledger: Ledger, clock: Clock) -> None:
    """An answer serves for 180 days and not a second longer, nor does a lease bring it back."""
    assert ANSWER_SECONDS == 180 * DAY
    keep(ledger, FINGERPRINT, answer())
    clock.sleep(180 * DAY - 1)
    assert known(ledger) == answer()
    clock.sleep(1)
    assert known(ledger) is None
    assert ledger.acquire_question(FINGERPRINT, 60, paid_by=answer().paid_by) is not None  # a lease, of its payer too
    assert known(ledger) is None


def test_an_answer_that_is_kept_again_lasts_anew(ledger: Ledger, clock: Clock) -> None:
    """The 180 days start with the answer that stands."""
    keep(ledger, FINGERPRINT, answer())
    clock.sleep(170 * DAY)
    keep(ledger, FINGERPRINT, answer("두 번째"))
    clock.sleep(170 * DAY)
    assert known(ledger) == answer("두 번째")


def test_an_answer_serves_while_another_is_paid(ledger: Ledger) -> None:
    """A lease, given up with or without a payment, takes nothing away from others."""
    keep(ledger, FINGERPRINT, answer())
    lease = take(ledger)
    assert known(ledger) == answer()
    ledger.release_question(lease, paid=True)
    assert known(ledger) == answer()


def test_an_answer_is_found_instead_of_a_lease(ledger: Ledger) -> None:
    """Who asks what was answered gets the answer, holds nothing and counts nothing."""
    keep(ledger, FINGERPRINT, answer())
    for _ in range(2):
        assert ledger.acquire_question(FINGERPRINT, 60) == answer()
    assert attempts(ledger) == 0


def test_an_answer_is_found_though_attempts_count(ledger: Ledger) -> None:
    """Attempts that somebody made to pay anew hide it from nobody."""
    keep(ledger, FINGERPRINT, answer())
    ledger.release_question(take(ledger), paid=True)
    assert ledger.acquire_question(FINGERPRINT, 60) == answer()
    assert attempts(ledger) == 1


def test_a_payer_finds_what_it_paid_for(ledger: Ledger) -> None:
    """Who pays anew passes over the answers of others, once: then there is its own, also while others pay."""
    keep(ledger, FINGERPRINT, answer("첫 번째", paid_by="/shop event-1"))
    lease = held(ledger.acquire_question(FINGERPRINT, 60, paid_by="/shop event-2"))
    assert ledger.acquire_question(FINGERPRINT, 60, paid_by="/shop event-2") is None
    second = ledger.keep_answer(lease, answer("두 번째", paid_by="/shop event-2"))
    assert ledger.acquire_question(FINGERPRINT, 60, paid_by="/shop event-2") == second
    take(ledger)
    assert ledger.acquire_question(FINGERPRINT, 60, paid_by="/shop event-2") == second
    assert ledger.acquire_question(FINGERPRINT, 60, paid_by="/shop event-1") is None


# the payer's lease


def test_one_worker_pays_a_question(ledger: Ledger) -> None:
    """While its lease is held nobody else gets it; other questions are free."""
    lease = held(ledger.acquire_question(FINGERPRINT, 60))
    assert (lease.fingerprint, lease.attempts) == (FINGERPRINT, 1)
    assert ledger.acquire_question(FINGERPRINT, 60) is None
    assert held(ledger.acquire_question(OTHER_FINGERPRINT, 60)).attempts == 1


@pytest.mark.parametrize("paid", [False, True])
def test_a_released_question_is_free(ledger: Ledger, paid: bool) -> None:
    """Who releases lets the next one in at once, with a token of its own."""
    first = held(ledger.acquire_question(FINGERPRINT, 60))
    ledger.release_question(first, paid=paid)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).token != first.token


def test_an_answer_gives_the_lease_up(ledger: Ledger) -> None:
    """Who stored its answer holds nothing any more."""
    lease = held(ledger.acquire_question(FINGERPRINT, 60))
    ledger.keep_answer(lease, answer())
    assert not ledger.renew_question(lease, 60)
    take(ledger)


def test_a_question_lease_ends_with_its_time(ledger: Ledger, clock: Clock, store: Store) -> None:
    """A worker that died holds its lease until it expires, and not longer."""
    held(ledger.acquire_question(FINGERPRINT, 60))
    clock.sleep(59)
    assert ledger.acquire_question(FINGERPRINT, 60) is None
    clock.sleep(1 + store.slack)
    assert ledger.acquire_question(FINGERPRINT, 60) is not None


def test_renewal_counts_from_now(ledger: Ledger, clock: Clock, store: Store) -> None:
    """A renewed lease lasts the given time from the renewal, and is no attempt."""
    lease = held(ledger.acquire_question(FINGERPRINT, 60))
    clock.sleep(50)
    assert ledger.renew_question(lease, 60)
    clock.sleep(59)
    assert ledger.acquire_question(FINGERPRINT, 60) is None
    clock.sleep(1 + store.slack)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).attempts == 2


def test_an_expired_lease_that_nobody_took_is_still_held(ledger: Ledger, clock: Clock) -> None:
    """Who is late but alone may go on: it renews, and stores its answer."""
    lease = held(ledger.acquire_question(FINGERPRINT, 60))
    clock.sleep(600)
    assert ledger.renew_question(lease, 60)
    assert ledger.acquire_question(FINGERPRINT, 60) is None


@pytest.fixture
def lost(ledger: Ledger, clock: Clock, store: Store) -> QuestionLease:
    """A lease that expired and that another worker holds now."""
    lease = held(ledger.acquire_question(FINGERPRINT, 60))
    clock.sleep(60 + store.slack)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).attempts == 2
    return lease


def test_a_lost_lease_cannot_be_renewed(ledger: Ledger, clock: Clock, store: Store, lost: QuestionLease) -> None:
    """The renewal says so, and does not lengthen the new holder's time."""
    assert not ledger.renew_question(lost, 600)
    clock.sleep(60 + store.slack)
    assert ledger.acquire_question(FINGERPRINT, 60) is not None


@pytest.mark.parametrize("paid", [False, True])
def test_a_lost_lease_releases_nothing(
    ledger: Ledger, clock: Clock, store: Store, lost: QuestionLease, paid: bool
) -> None:
    """The new holder keeps what the old one gives up, and its attempt stays counted."""
    ledger.release_question(lost, paid=paid)
    assert ledger.acquire_question(FINGERPRINT, 60) is None
    clock.sleep(60 + store.slack)
    assert attempts(ledger) == 2


def test_an_answer_of_who_lost_the_lease_yields_to_one_that_is_there(
    ledger: Ledger, clock: Clock, store: Store
) -> None:
    """Two workers paid: the first stored answer is the one for both, so that nobody publishes another."""
    lost = held(ledger.acquire_question(FINGERPRINT, 60))
    clock.sleep(60 + store.slack)
    keep(ledger, FINGERPRINT, answer("새 주인"))
    assert ledger.keep_answer(lost, answer("늦은 답")) == answer("새 주인")
    assert known(ledger) == answer("새 주인")


def test_an_answer_of_who_lost_the_lease_serves_where_there_is_none(ledger: Ledger, lost: QuestionLease) -> None:
    """What was paid is used: the one that asks now finds it when it stores its own."""
    assert ledger.keep_answer(lost, answer("늦은 답")) == answer("늦은 답")
    assert known(ledger) == answer("늦은 답")


def test_the_new_payer_yields_to_a_late_answer(ledger: Ledger, clock: Clock, store: Store) -> None:
    """The late worker stored first: its answer stands, and the new holder uses it."""
    late = held(ledger.acquire_question(FINGERPRINT, 60))
    clock.sleep(60 + store.slack)
    new = held(ledger.acquire_question(FINGERPRINT, 60))
    ledger.keep_answer(late, answer("늦은 답"))
    assert ledger.keep_answer(new, answer("새 답")) == answer("늦은 답")


def test_an_expired_answer_yields_to_a_late_one(ledger: Ledger, clock: Clock) -> None:
    """An answer past its time does not stand in the way of one that was paid today."""
    keep(ledger, FINGERPRINT, answer("옛 답"))
    clock.sleep(180 * DAY)
    lease = held(ledger.acquire_question(FINGERPRINT, 60))
    ledger.release_question(lease, paid=True)
    assert ledger.keep_answer(lease, answer("새 답")) == answer("새 답")
    assert known(ledger) == answer("새 답")


@pytest.mark.parametrize("paid", [False, True])
def test_a_released_lease_is_lost(ledger: Ledger, paid: bool) -> None:
    """After its release a lease can neither be renewed nor released again, whatever was counted."""
    lease = held(ledger.acquire_question(FINGERPRINT, 60))
    ledger.release_question(lease, paid=paid)
    assert not ledger.renew_question(lease, 60)
    ledger.release_question(lease, paid=False)
    assert attempts(ledger) == int(paid)


def test_of_fifty_payers_one_wins(ledger: Ledger) -> None:
    """Exactly one of many that ask at the same moment gets the lease, and one attempt is counted."""
    start = threading.Barrier(50)

    def acquire(_: int) -> Answer | QuestionLease | None:
        start.wait()
        return ledger.acquire_question(FINGERPRINT, 60)

    with ThreadPoolExecutor(50) as pool:
        leases = [held(lease) for lease in pool.map(acquire, range(50)) if lease]
    assert [lease.attempts for lease in leases] == [1]


# attempts


def test_attempts_outlive_the_lease(ledger: Ledger, clock: Clock, store: Store) -> None:
    """A call that may be paid stays counted, whether its worker released the lease or died."""
    first = held(ledger.acquire_question(FINGERPRINT, 60))
    ledger.release_question(first, paid=True)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).attempts == 2
    clock.sleep(60 + store.slack)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).attempts == 3


def test_an_attempt_is_taken_back(ledger: Ledger) -> None:
    """A call that was certainly not paid leaves no trace, neither the first nor one after paid ones."""
    for paid in (False, False, True, False, False):
        ledger.release_question(held(ledger.acquire_question(FINGERPRINT, 60)), paid=paid)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).attempts == 2


def test_an_answer_clears_the_attempts(ledger: Ledger) -> None:
    """What was answered at last starts anew when it is asked again."""
    ledger.release_question(held(ledger.acquire_question(FINGERPRINT, 60)), paid=True)
    keep(ledger, FINGERPRINT, answer())
    assert take(ledger).attempts == 1


def test_attempts_are_forgotten_a_day_after_the_last(ledger: Ledger, clock: Clock) -> None:
    """A dead letter may be tried again a day later; the day starts with the last attempt."""
    assert ATTEMPT_SECONDS == DAY
    for count in (1, 2, 3):
        lease = held(ledger.acquire_question(FINGERPRINT, 60))
        assert lease.attempts == count
        ledger.release_question(lease, paid=True)
        clock.sleep(DAY - 1)
    clock.sleep(1)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).attempts == 1


def test_an_attempt_taken_back_after_a_day_leaves_none(ledger: Ledger, clock: Clock) -> None:
    """Counting from one again, and taking back, ends at none and not below."""
    ledger.release_question(held(ledger.acquire_question(FINGERPRINT, 60)), paid=True)
    clock.sleep(DAY)
    ledger.release_question(held(ledger.acquire_question(FINGERPRINT, 60)), paid=False)
    assert held(ledger.acquire_question(FINGERPRINT, 60)).attempts == 1


def test_attempts_belong_to_one_question(ledger: Ledger) -> None:
    """Neither counting nor an answer for one question touches another's attempts."""
    for fingerprint in (FINGERPRINT, OTHER_FINGERPRINT):
        ledger.release_question(held(ledger.acquire_question(fingerprint, 60)), paid=True)
    keep(ledger, FINGERPRINT, answer())
    assert attempts(ledger) == 0
    assert attempts(ledger, OTHER_FINGERPRINT) == 1


# forget


def test_a_deleted_product_is_forgotten(ledger: Ledger) -> None:
    """All its slots are cleared, in every task and language, and a re-creation starts at version 1 again."""
    slots = [SLOT, *OTHER_SLOTS[:2]]
    for slot in slots:
        ledger.raise_latest(slot, version(9))
        ledger.raise_latest(slot, Order("time", 9))
        write(ledger, slot, wrote(9))
    ledger.release_slot(held(ledger.acquire_slot(SLOT, 30)), in_doubt=True)
    ledger.forget("shirt")
    for slot in slots:
        state = ledger.raise_latest(slot, version(1))
        assert (state.latest, state.written, state.in_doubt) == ((version(1),), None, False)


def test_a_writer_of_a_product_that_was_deleted_records_nothing(ledger: Ledger) -> None:
    """Its lease is gone with the product, which starts anew: neither recording nor releasing brings anything back."""
    for in_doubt in (False, True):
        lease = held(ledger.acquire_slot(SLOT, 30))
        ledger.forget("shirt")
        ledger.record_written(lease, wrote(9))
        ledger.release_slot(lease, in_doubt=in_doubt)
        state = ledger.raise_latest(SLOT, None)
        assert (state.latest, state.written, state.in_doubt) == ((), None, False)


def test_forgetting_touches_no_other_product(ledger: Ledger) -> None:
    """Products whose ids merely begin alike keep their records."""
    slots = [Slot("shirt2", "copy", "ko"), Slot("shir", "copy", "ko"), Slot("shirt#", "copy", "ko")]
    for slot in slots:
        ledger.raise_latest(slot, version(9))
        write(ledger, slot, wrote(9))
    ledger.forget("shirt")
    for slot in slots:
        assert (latest(ledger, slot), written(ledger, slot)) == ({version(9)}, wrote(9))


def test_forgetting_keeps_answers_and_attempts(ledger: Ledger) -> None:
    """Answers and attempts belong to questions, which the same product may ask again."""
    keep(ledger, FINGERPRINT, answer())
    ledger.release_question(held(ledger.acquire_question(OTHER_FINGERPRINT, 60)), paid=True)
    ledger.forget("shirt")
    assert known(ledger) == answer()
    assert attempts(ledger, OTHER_FINGERPRINT) == 1


def test_a_product_that_nobody_knows_is_forgotten_quietly(ledger: Ledger) -> None:
    """A tombstone for an unknown product is no error."""
    ledger.forget("nobody")
    assert latest(ledger) == set()


def test_memory_ledgers_share_nothing() -> None:
    """Each is the ledger of its own process, and works on the wall clock where it is given none."""
    one, other = MemoryLedger(), MemoryLedger()
    keep(one, FINGERPRINT, answer())
    held(one.acquire_question(OTHER_FINGERPRINT, 60))
    assert one.acquire_question(OTHER_FINGERPRINT, 60) is None
    assert (known(one), known(other)) == (answer(), None)
