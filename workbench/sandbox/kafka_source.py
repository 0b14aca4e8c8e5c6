"""Knative's KafkaSource for sandbox and tests: reads topics with a consumer group and POSTs each record to a sink.

What it keeps of eventing-kafka-broker is in `kafka_records` (the requests), `kafka_delivery` (attempts, dead letters),
`kafka_order` (in-flight limits, offsets) and `kafka_source_spec` (settings and their defaults); this module ties them
to a consumer. One instance is one real consumer, whatever the manifest's `consumers` says.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from workbench.sandbox.kafka import Publisher
from workbench.sandbox.kafka_consumer import commit_initial_offsets, consumer_of, poll
from workbench.sandbox.kafka_delivery import Delivering, Ending, StoppedError, StuckError
from workbench.sandbox.kafka_http import CONNECTIONS
from workbench.sandbox.kafka_order import Offsets, Order, Ordered, Partition, Unordered
from workbench.sandbox.kafka_records import CloudEvent, Record, cloud_events
from workbench.sandbox.kafka_source_spec import SourceSpec

COMMIT_SECONDS = 5.0
SESSION_SECONDS = 10.0
"""Real brokers take no less than six. The sandbox's lets every rebalance but a group's first last a second less."""
POLL_SECONDS = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How one delivery of one record ended. A record that is replayed has several."""

    record: Record
    ending: Ending


class KafkaSource:
    """Delivers while its context is open: `with KafkaSource(spec, bootstrap_servers=..., sink=url): ...`.

    What is published once the context is entered is delivered, whatever `initial_offset` says. `on_outcome` is called
    on the delivering threads. `wait` sleeps between attempts and returns whether to stop. `publisher` writes the dead
    letters of a KafkaSink; one of its own unless given.
    """

    def __init__(
        self,
        spec: SourceSpec,
        *,
        bootstrap_servers: str,
        sink: str,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
        backoff_factor: float = 1.0,
        commit_seconds: float = COMMIT_SECONDS,
        session_seconds: float = SESSION_SECONDS,
        wait: Callable[[float], bool] | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        self._spec = spec
        self._bootstrap_servers = bootstrap_servers
        self._on_outcome = on_outcome
        self._commit_seconds = commit_seconds
        self._session_seconds = session_seconds
        self._stopping = threading.Event()
        self._commits = True
        self._failures: list[BaseException] = []
        self._offsets: dict[Partition, Offsets] = {}
        self._delivering = Delivering(
            spec,
            sink=sink,
            publisher=publisher or Publisher(bootstrap_servers),
            wait=wait or self._stopping.wait,
            backoff_factor=backoff_factor,
        )

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="kafka-source")
        self._order: Order = (Ordered if self._spec.ordering == "ordered" else Unordered)(self._pool)
        self._consumer = consumer_of(self._spec, self._bootstrap_servers, session_seconds=self._session_seconds)
        self._thread = threading.Thread(target=self._run, name="kafka-source")
        try:
            commit_initial_offsets(self._consumer, self._spec)
        except BaseException:
            self._consumer.close()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops as the dispatcher does: what is in flight is not awaited, what is finished is committed.

        Raises what broke inside, if anything did.
        """
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._delivering.abort()
        self._pool.shutdown()
        if self._failures:
            raise self._failures.pop()

    def kill(self) -> None:
        """Stops as a crash does: nothing is committed any more. The group learns of it at once, though."""
        self._commits = False
        self.close()

    def _run(self) -> None:
        try:
            self._consumer.subscribe(list(self._spec.topics), on_revoke=self._revoke, on_lost=self._lose)
            next_commit = time.monotonic() + self._commit_seconds
            while not self._stopping.is_set():
                if self._order.wait_for_room(POLL_SECONDS):
                    self._take(poll(self._consumer, POLL_SECONDS))
                if time.monotonic() >= next_commit:
                    self._commit(set(self._offsets))
                    next_commit = time.monotonic() + self._commit_seconds
        except BaseException as error:  # noqa: BLE001 - raised again by whoever closes
            self._failures.append(error)
        finally:
            self._consumer.close()  # revokes, and so commits

    def _take(self, batch: list[Record]) -> None:
        for record, event in cloud_events(batch, source=self._spec.source, overrides=self._spec.ce_overrides):
            partition = (record.topic, record.partition)
            offsets = self._offsets.setdefault(partition, Offsets())
            offsets.received(record.offset)
            self._order.offer(partition, partial(self._deliver, record, event, offsets))

    def _deliver(self, record: Record, event: CloudEvent | None, offsets: Offsets) -> bool:
        """On a thread of the pool; false where the record is not done with."""
        try:
            ending = self._delivering.deliver(event) if event else Ending("lost")
            offsets.finished(record.offset)
            self._on_outcome(Outcome(record, ending))
        except StoppedError:
            return False
        except StuckError as error:
            log.warning("%s is never finished: %s is no extension's name", record, error)
            return False
        except BaseException as error:  # noqa: BLE001 - raised again by whoever closes
            self._failures.append(error)
            self._stopping.set()
            return False
        return True

    def _commit(self, partitions: set[Partition]) -> None:
        trackers = {each: self._offsets[each] for each in partitions & self._offsets.keys()}
        new = {each: offset for each, tracker in trackers.items() if (offset := tracker.to_commit()) is not None}
        if not new or not self._commits:
            return
        try:
            self._consumer.commit(
                offsets=[TopicPartition(*each, offset) for each, offset in new.items()], asynchronous=False
            )
        except KafkaException as error:  # the next commit covers it
            log.warning("offsets not committed: %s", error)
            return
        for each, offset in new.items():
            trackers[each].committed(offset)

    def _revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """What is finished is committed. What is in flight goes on; whoever gets the partition delivers it again."""
        revoked = {(each.topic, each.partition) for each in partitions}
        self._commit(revoked)
        self._forget(revoked)

    def _lose(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget({(each.topic, each.partition) for each in partitions})

    def _forget(self, partitions: set[Partition]) -> None:
        self._order.revoke(partitions)
        for each in partitions:
            self._offsets.pop(each, None)
