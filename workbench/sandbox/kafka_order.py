"""Which records may be in flight together, and which offset may be committed. No Kafka and no HTTP in here.

Sources: OrderedConsumerVerticle, UnorderedConsumerVerticle and OffsetManager of eventing-kafka-broker.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from workbench.sandbox.kafka_source_spec import MAX_POLL_RECORDS

Partition = tuple[str, int]
Work = Callable[[], bool]
"""Delivers a record; false: the dispatcher never finished it, so its place stays taken."""


class Order(Protocol):
    """Runs records on a pool of threads."""

    def wait_for_room(self, seconds: float) -> bool:
        """Whether to poll now; waits so long for it."""
        ...

    def offer(self, partition: Partition, work: Work) -> None:
        """Takes a polled record."""
        ...

    def revoke(self, partitions: Collection[Partition]) -> None:
        """Records of these that have not begun are dropped; what is in flight goes on."""
        ...


class Unordered:
    """Polls while fewer than `max.poll.records` are in flight, and a poll brings as many: up to 99 at once."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._in_flight = 0
        self._changed = threading.Condition()

    def wait_for_room(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight < MAX_POLL_RECORDS, seconds)

    def offer(self, partition: Partition, work: Work) -> None:  # noqa: ARG002 - of the protocol
        with self._changed:
            self._in_flight += 1
        self._pool.submit(self._run, work)

    def revoke(self, partitions: Collection[Partition]) -> None:
        """Nothing waits here."""

    def _run(self, work: Work) -> None:
        if work():
            with self._changed:
                self._in_flight -= 1
                self._changed.notify()


class Ordered:
    """One record in flight a partition: one that fails blocks what comes behind it, and no other partition.

    It reads ahead without bound. The dispatcher pauses partitions instead; nobody outside can tell.
    """

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._lanes: dict[Partition, deque[Work]] = {}  # the first of each is in flight

    def wait_for_room(self, seconds: float) -> bool:  # noqa: ARG002 - of the protocol
        return True

    def offer(self, partition: Partition, work: Work) -> None:
        with self._lock:
            lane = self._lanes.setdefault(partition, deque())
            lane.append(work)
            if len(lane) == 1:
                self._pool.submit(self._run, partition, lane)

    def revoke(self, partitions: Collection[Partition]) -> None:
        with self._lock:
            for partition in partitions:
                lane = self._lanes.pop(partition, None)
                if lane is not None:
                    lane.clear()

    def _run(self, partition: Partition, lane: deque[Work]) -> None:
        if not lane[0]():
            return
        with self._lock:
            if lane:  # else revoked meanwhile
                lane.popleft()
            if lane:
                self._pool.submit(self._run, partition, lane)


class Offsets:
    """One partition's offsets, from its assignment to its revocation; safe under threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._next = -1
        self._committed = -1

    def received(self, offset: int) -> None:
        with self._lock:
            self._open.add(offset)
            self._next = offset + 1

    def finished(self, offset: int) -> None:
        with self._lock:
            self._open.discard(offset)

    def to_commit(self) -> int | None:
        """Behind the highest offset that no unfinished one precedes; None: nothing new since it was `committed`."""
        with self._lock:
            offset = min(self._open, default=self._next)
        return offset if offset > self._committed else None

    def committed(self, offset: int) -> None:
        self._committed = offset
