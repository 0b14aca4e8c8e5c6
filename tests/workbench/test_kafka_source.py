"""The KafkaSource stand-in on the sandbox's broker: each test names the documented fact that it keeps."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

import pytest
from confluent_kafka import Consumer, TopicPartition
from kafka_shop import Gate, Shop, shop_on
from kafka_sink import PATIENCE, Answered, Posted, Sink, eventually

from workbench.sandbox.kafka import KafkaBroker
from workbench.sandbox.kafka_source import KafkaSource, Outcome
from workbench.sandbox.kafka_source_spec import Delivery, KafkaSink


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaBroker]:
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture
def shop(kafka: KafkaBroker) -> Shop:
    return shop_on(kafka)


def test_a_record_arrives_as_a_request_and_its_outcome_is_told(shop: Shop) -> None:
    """Where it was, how it ended, how many attempts it took."""
    with Sink() as sink, shop.source(sink):
        shop.publish(b"1")
        outcome = shop.outcome()
    assert (outcome.record.topic, outcome.record.partition, outcome.record.offset) == (shop.spec.topics[0], 0, 0)
    assert (outcome.ending.kind, outcome.ending.status, outcome.ending.attempts) == ("acknowledged", 200, 1)
    [posted] = sink.posted
    assert posted.headers["ce-source"] == f"/apis/v1/namespaces/shop/kafkasources/enrich#{shop.spec.topics[0]}"
    assert posted.headers["ce-knativekafkaoffset"] == "0"


def test_unordered_delivers_fifty_at_once_of_one_partition(shop: Shop) -> None:
    """The requests of one poll are all in flight together."""
    together = threading.Barrier(50)

    def answer(_: Posted) -> Answered:
        together.wait(PATIENCE)
        return Answered()

    shop.publish(*(b"%d" % number for number in range(50)))
    with Sink(answer) as sink, shop.source(sink):
        endings = {shop.outcome().ending.status for _ in range(50)}
    assert endings == {200}


def test_ordered_sends_a_partitions_records_one_after_another(shop: Shop) -> None:
    """In the order of their offsets, each after the answer to the one before; partitions do not wait for each other."""
    topic = f"{shop.spec.topics[0]}-wide"
    shop.kafka.create_topic(topic, partitions=2)
    for number in range(40):
        shop.publisher.publish(topic, b"%d" % number, key=f"p-{number % 8}")
    in_flight: defaultdict[str, int] = defaultdict(int)
    both, seen = threading.Barrier(2), defaultdict[str, list[int]](list)

    def answer(posted: Posted) -> Answered:
        partition, offset = posted.headers["ce-knativekafkapartition"], int(posted.headers["ce-knativekafkaoffset"])
        in_flight[partition] += 1
        assert in_flight[partition] == 1
        seen[partition].append(offset)
        if offset == 0:
            both.wait(PATIENCE)
        in_flight[partition] -= 1
        return Answered()

    with Sink(answer) as sink, shop.source(sink, ordering="ordered", topics=(topic,)):
        statuses = {shop.outcome().ending.status for _ in range(40)}
    assert statuses == {200}
    assert {partition: sorted(offsets) for partition, offsets in seen.items()} == seen
    assert sum(map(len, seen.values())) == 40


def test_an_ordered_record_that_fails_blocks_its_partition_through_all_attempts(shop: Shop) -> None:
    """Retries and dead letter come before the next record; after the final failure the partition moves on."""
    shop.publish(b"bad", b"next")
    order: list[bytes] = []

    def answer(posted: Posted) -> Answered:
        order.append(posted.body)
        return Answered(503 if posted.body == b"bad" else 200)

    def letter(posted: Posted) -> Answered:
        order.append(b"letter of " + posted.body)
        return Answered()

    with Sink(answer) as sink, Sink(letter) as letters:
        delivery = Delivery(retry=2, backoff_delay=0.001, dead_letter_sink=letters.url)
        with shop.source(sink, ordering="ordered", delivery=delivery):
            kinds = [shop.outcome().ending.kind for _ in range(2)]
    assert order == [b"bad", b"bad", b"bad", b"letter of bad", b"next"]
    assert kinds == ["dead-lettered", "acknowledged"]


@pytest.mark.parametrize(
    ("mode", "content_type", "told"),
    [("binary", None, b"bad"), ("structured", b"application/cloudevents+json", None)],
)
def test_a_kafka_sink_takes_the_dead_letter_into_its_topic(
    shop: Shop, mode: Literal["binary", "structured"], content_type: bytes | None, told: bytes | None
) -> None:
    """In its content mode, with the reason, keyed by the event's `partitionkey`."""
    topic = f"{shop.spec.topics[0]}-letters"
    shop.kafka.create_topic(topic, partitions=1)
    delivery = Delivery(dead_letter_sink=KafkaSink(topic, mode))
    with (
        Sink(lambda _: Answered(422, {"kne-errorcode": "bad"}, b"no")) as sink,
        shop.source(sink, delivery=delivery),
    ):
        shop.publish(b'{"a": 1}')
        assert shop.outcome().ending.kind == "dead-lettered"
    consumer = Consumer({"bootstrap.servers": shop.kafka.bootstrap_servers, "group.id": topic})
    consumer.assign([TopicPartition(topic, 0, 0)])
    [letter] = consumer.consume(1, PATIENCE)
    consumer.close()
    headers, value = dict(letter.headers() or []), letter.value() or b""
    assert (letter.key(), headers.get("content-type"), headers.get("ce_errorcode")) == (b"p-1", content_type, told)
    whole = json.loads(value)
    assert whole == {"a": 1} if mode == "binary" else (whole["data"], whole["errorcode"]) == ({"a": 1}, "bad")


def test_killing_leaves_no_socket_and_no_thread(shop: Shop) -> None:
    """A hundred instances in one test run must not keep a hundred sinks busy."""
    gate = Gate(*(b"%d" % number for number in range(60)))
    shop.publish(*(b"%d" % number for number in range(60)))
    with Sink(gate) as sink:
        source = shop.source(sink, delivery=Delivery(retry=10, backoff_delay=60.0))
        with source:
            for _ in range(50):
                gate.wait()
            source.kill()
        gate.open()
        eventually(lambda: sink.connections == 0)
    assert shop.outcomes.empty()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("kafka-source")]


def test_what_breaks_inside_is_raised_by_whoever_closes(shop: Shop) -> None:
    """A stand-in that failed silently would prove the wrong thing."""

    def broken(_: Outcome) -> None:
        raise LookupError("the test's own")

    with Sink() as sink, pytest.raises(LookupError, match="own"):  # noqa: PT012 - it is raised at the end
        source = KafkaSource(
            shop.spec, bootstrap_servers=shop.kafka.bootstrap_servers, sink=sink.url, on_outcome=broken
        )
        with source:
            shop.publish(b"1")
            eventually(lambda: bool(sink.posted))
