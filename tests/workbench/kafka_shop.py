"""A topic of its own on the sandbox's broker, and a source that reads it: the stage of the KafkaSource tests."""

import threading
import uuid
from dataclasses import dataclass, field, replace
from queue import Queue
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from kafka_sink import PATIENCE, Answered, Posted, Sink

from workbench.sandbox.kafka import KafkaBroker, Publisher
from workbench.sandbox.kafka_source import KafkaSource, Outcome
from workbench.sandbox.kafka_source_spec import Delivery, SourceSpec

NEVER = 1e9
"""Seconds between commits: only closing commits."""


@dataclass
class Shop:
    """A topic of its own, its source's settings, and what came of its records."""

    kafka: KafkaBroker
    spec: SourceSpec
    publisher: Publisher
    outcomes: Queue[Outcome] = field(default_factory=Queue)
    partitions: list[int] = field(default_factory=list)
    """Of each record that was published."""

    def publish(self, *values: bytes, key: str = "p-1") -> None:
        for value in values:
            partition, _ = self.publisher.publish(self.spec.topics[0], value, key=key)
            self.partitions.append(partition)

    def source(
        self,
        sink: Sink,
        *,
        commit_seconds: float = NEVER,
        session_seconds: float = 1.5,
        **spec: Any,  # noqa: ANN401 - of SourceSpec
    ) -> KafkaSource:
        return KafkaSource(
            replace(self.spec, **spec),
            bootstrap_servers=self.kafka.bootstrap_servers,
            sink=sink.url,
            on_outcome=self.outcomes.put,
            commit_seconds=commit_seconds,
            session_seconds=session_seconds,
            publisher=self.publisher,
        )

    def outcome(self) -> Outcome:
        return self.outcomes.get(timeout=PATIENCE)

    def committed(self) -> dict[int, int]:
        """Partition to the group's offset, where there is one."""
        topic = self.spec.topics[0]
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": self.spec.consumer_group})
        partitions = [TopicPartition(topic, number) for number in consumer.list_topics(topic).topics[topic].partitions]
        found = consumer.committed(partitions)
        consumer.close()
        return {each.partition: each.offset for each in found if each.offset >= 0}


def shop_on(kafka: KafkaBroker, *, partitions: int = 1) -> Shop:
    """Read from the topic's beginning, unordered, no retries."""
    topic = str(uuid.uuid4())
    kafka.create_topic(topic, partitions=partitions)
    spec = SourceSpec("enrich", "shop", (topic,), topic, "earliest", "unordered", Delivery())
    return Shop(kafka, spec, Publisher(kafka.bootstrap_servers))


class Gate:
    """Holds requests with these bodies until it is opened; the others are answered at once."""

    def __init__(self, *bodies: bytes) -> None:
        self._bodies = bodies
        self.arrived, self._opened = threading.Semaphore(0), threading.Event()

    def __call__(self, posted: Posted) -> Answered:
        if posted.body in self._bodies:
            self.arrived.release()
            self._opened.wait(PATIENCE)
        return Answered()

    def open(self) -> None:
        self._opened.set()

    def wait(self) -> None:
        assert self.arrived.acquire(timeout=PATIENCE)
