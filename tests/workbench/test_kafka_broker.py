"""The sandbox's Kafka: what other parts of the sandbox and the tests rely on."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from workbench.sandbox.kafka import KafkaBroker, PartitionFullError, Publisher
from workbench.sandbox.product_topic import publish_to


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaBroker]:
    with KafkaBroker() as broker:
        yield broker


def read(kafka: KafkaBroker, topic: str, count: int) -> list[tuple[bytes | None, bytes, dict[str, str | bytes | None]]]:
    """Key, value and headers of so many records."""
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    messages = consumer.consume(count, 30)
    consumer.close()
    return [(each.key(), each.value() or b"", dict(each.headers() or [])) for each in messages]


def test_another_process_can_use_it(kafka: KafkaBroker) -> None:
    """It listens on loopback and speaks the real protocol."""
    script = (
        f"from workbench.sandbox.kafka import Publisher; Publisher({kafka.bootstrap_servers!r}).publish('far', b'x')"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert read(kafka, "far", 1) == [(None, b"x", {})]


def test_a_topic_has_the_partitions_that_were_asked_for(kafka: KafkaBroker) -> None:
    """A topic is made once; a key is in the partition where Java's producer puts it (UtilsTest.testMurmur2)."""
    kafka.create_topic("wide", partitions=12)
    publisher = Publisher(kafka.bootstrap_servers)
    expected = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
    places = {key: publisher.publish("wide", b"x", key=key)[0] for key in expected}
    assert places == {key: (murmur2 & 0x7FFFFFFF) % 12 for key, murmur2 in expected.items()}
    with pytest.raises(KafkaException):
        kafka.create_topic("wide")


def test_a_record_is_there_once_publish_returns(kafka: KafkaBroker) -> None:
    """Many threads publish at once; each learns its record's own place."""
    kafka.create_topic("places", partitions=2)
    publisher = Publisher(kafka.bootstrap_servers)
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda number: publisher.publish("places", b"%d" % number), range(200)))
    assert len(set(places)) == 200
    assert sorted(value for _, value, _ in read(kafka, "places", 200)) == sorted(
        b"%d" % number for number in range(200)
    )


def test_a_full_partition_is_an_error_and_not_a_lost_record(kafka: KafkaBroker) -> None:
    """The broker would drop the oldest records past 5 MiB; the producer stops before, and nothing is missing."""
    kafka.create_topic("full", partitions=1)
    publisher = Publisher(kafka.bootstrap_servers)
    for _ in range(50):
        publisher.publish("full", b"x" * 99_000, key="k" * 800, headers={"h": "v" * 90})
    with pytest.raises(PartitionFullError, match="full holds 4,9"):
        publisher.publish("full", b"x" * 99_000)
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "full"})
    low, high = consumer.get_watermark_offsets(TopicPartition("full", 0))
    consumer.close()
    assert (low, high) == (0, 50)


def test_a_product_event_is_a_binary_cloud_event_keyed_by_the_product(kafka: KafkaBroker) -> None:
    """Its `partitionkey` is there for the dead letter, which takes its key from it."""
    kafka.create_topic("product-events", partitions=1)
    publish = publish_to(Publisher(kafka.bootstrap_servers), "product-events")
    publish({"type": "ProductRegisteredEvent", "data": {"productId": "p-1", "name": "셔츠"}})
    [(key, value, headers)] = read(kafka, "product-events", 1)
    assert (key, value) == (b"p-1", '{"productId": "p-1", "name": "셔츠"}'.encode())
    assert headers.pop("ce_id")
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_source": b"/shop/products",
        "ce_type": b"ProductRegisteredEvent",
        "ce_partitionkey": b"p-1",
        "content-type": b"application/json",
    }
