"""The Kafka client behind the KafkaSource stand-in: settings, where to start, polling. It commits nothing else.

Sources: the data plane's config-kafka-source-consumer.properties, and the control plane's offset initializer.
"""

import logging
from typing import cast

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, Message, TopicPartition

from workbench.sandbox.kafka_records import Record
from workbench.sandbox.kafka_source_spec import MAX_POLL_RECORDS, SourceSpec

log = logging.getLogger(__name__)


def consumer_of(spec: SourceSpec, bootstrap_servers: str, *, session_seconds: float) -> Consumer:
    """A member of the source's group, not subscribed yet."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": spec.consumer_group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "roundrobin",  # eager, as the data plane's: a rebalance revokes everything
            "session.timeout.ms": round(session_seconds * 1000),
            "heartbeat.interval.ms": round(session_seconds * 100),  # as long a rebalance may go unnoticed
            "max.poll.interval.ms": 86_400_000,  # the dispatcher computes one that slow answers never exceed
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )


def commit_initial_offsets(consumer: Consumer, spec: SourceSpec) -> None:
    """Commits where the group starts, as the control plane does before any consumer runs. Raises `KafkaException`."""
    partitions = []
    for topic in spec.topics:
        found = consumer.list_topics(topic, timeout=10).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        partitions += [TopicPartition(topic, number) for number in found.partitions]
    first = []
    for partition in consumer.committed(partitions, timeout=10):
        if partition.offset == OFFSET_INVALID:
            low, high = consumer.get_watermark_offsets(partition, timeout=10)
            offset = high if spec.initial_offset == "latest" else low
            first.append(TopicPartition(partition.topic, partition.partition, offset))
    if first:
        consumer.commit(offsets=first, asynchronous=False)


def poll(consumer: Consumer, seconds: float) -> list[Record]:
    """At most `MAX_POLL_RECORDS`; waits for the first of them."""
    first = consumer.poll(seconds)
    if first is None:
        return []
    messages = [first, *consumer.consume(MAX_POLL_RECORDS - 1, 0)]
    for message in messages:
        if message.error():
            log.warning("%s", message.error())  # the client tries again by itself
    return [_record(message) for message in messages if not message.error()]


def _record(message: Message) -> Record:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None  # noqa: S101, PT018 - no error: a record
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])  # as read they are a list, and not text
    return Record(topic, partition, offset, message.value(), message.key(), tuple(headers), message.timestamp()[1])
