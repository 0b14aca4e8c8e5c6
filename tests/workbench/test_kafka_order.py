"""What KafkaSource lets be in flight together, and which offsets it commits."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Queue

import pytest

from workbench.sandbox.kafka_order import Offsets, Ordered, Unordered

PATIENCE = 30
LEFT, RIGHT = ("products", 0), ("products", 1)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(100) as pool:
        yield pool


def held(release: threading.Semaphore) -> Callable[[], bool]:
    return lambda: release.acquire(timeout=PATIENCE)


def telling(seen: Queue[str], name: str, wait: Callable[[], bool] = lambda: True) -> Callable[[], bool]:
    def run() -> bool:
        seen.put(name)
        return wait()

    return run


def test_unordered_polls_below_fifty_in_flight_so_ninety_nine_may_be(pool: ThreadPoolExecutor) -> None:
    """A poll brings up to `max.poll.records` = 50 on top of 49; at 50 and above nothing is polled."""
    order, release = Unordered(pool), threading.Semaphore(0)
    for _ in range(49):
        order.offer(LEFT, held(release))
    assert order.wait_for_room(0)
    for _ in range(50):
        order.offer(LEFT, held(release))
    assert not order.wait_for_room(0)
    release.release(49)
    assert not order.wait_for_room(0.1)
    release.release()
    assert order.wait_for_room(PATIENCE)
    release.release(49)


def test_a_record_that_never_ends_keeps_its_place(pool: ThreadPoolExecutor) -> None:
    """An unordered slot leaks where the dispatcher never finishes a record."""
    order, ran = Unordered(pool), threading.Barrier(51)

    def stuck() -> bool:
        ran.wait(PATIENCE)
        return False

    for _ in range(50):
        order.offer(LEFT, stuck)
    ran.wait(PATIENCE)
    pool.shutdown()
    assert not order.wait_for_room(0)


def test_ordered_has_one_in_flight_a_partition(pool: ThreadPoolExecutor) -> None:
    """A record that is not done blocks its partition, and only that one."""
    order, release, seen = Ordered(pool), threading.Semaphore(0), Queue[str]()
    work = partial(telling, seen)
    order.offer(LEFT, work("left 1", held(release)))
    order.offer(LEFT, work("left 2"))
    assert seen.get(timeout=PATIENCE) == "left 1"
    order.offer(RIGHT, work("right 1"))
    assert seen.get(timeout=PATIENCE) == "right 1"
    assert seen.empty()
    release.release()
    assert seen.get(timeout=PATIENCE) == "left 2"


def test_a_revoked_partitions_waiting_records_are_dropped() -> None:
    """What is in flight goes on, what waits behind it belongs to the next owner; the partition may come back."""
    release, seen = threading.Semaphore(0), Queue[str]()
    work = partial(telling, seen)
    with ThreadPoolExecutor(1) as pool:  # one thread: all that is submitted runs in its order
        order = Ordered(pool)
        order.offer(LEFT, work("in flight", held(release)))
        order.offer(LEFT, work("dropped"))
        order.revoke([LEFT])
        order.offer(LEFT, work("after"))
        release.release()
        assert [seen.get(timeout=PATIENCE) for _ in range(2)] == ["in flight", "after"]
        pool.submit(seen.put, "the end")
        assert seen.get(timeout=PATIENCE) == "the end"


def test_the_highest_contiguous_finished_offset_is_committed() -> None:
    """One slow record holds back the commits of everything behind it."""
    offsets = Offsets()
    assert offsets.to_commit() is None
    for offset in (5, 6, 9):  # a compacted topic has gaps
        offsets.received(offset)
    assert offsets.to_commit() == 5
    offsets.committed(5)
    offsets.finished(6)
    offsets.finished(9)
    assert offsets.to_commit() is None
    offsets.finished(5)
    assert offsets.to_commit() == 10
    offsets.committed(10)
    assert offsets.to_commit() is None
