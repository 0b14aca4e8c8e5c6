"""The pipeline through Apache Kafka: `make test-kafka`. What the sandbox's broker proves must hold on a real one."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kafka_sink import PATIENCE, Answered, Posted, Sink, eventually
from real_broker import ToolMissingError, real_broker

from workbench.function import ROOT, Function
from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.kafka import Publisher
from workbench.sandbox.kafka_source import KafkaSource, Outcome
from workbench.sandbox.kafka_source_spec import KafkaSink, SourceSpec, source_of
from workbench.sandbox.product_service import ProductService
from workbench.sandbox.product_topic import publish_to

pytestmark = pytest.mark.kafka

SHIRT = {
    "name": "베이직 코튼 티셔츠",
    "category": ["여성의류", "티셔츠"],
    "attributes": {"소재": "면 혼방", "핏": "레귤러핏", "두께": "보통"},
}
BACKOFF_FACTOR = 0.01
NEVER = 1e9


@pytest.fixture(scope="module")
def bootstrap_servers() -> Iterator[str]:
    """Of the broker that the environment names, or of one that is started."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    try:
        with real_broker() as started:
            yield started
    except ToolMissingError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture
def spec(bootstrap_servers: str) -> SourceSpec:
    """The shipped KafkaSource, on topics and a group of the test's own: a broker may be used by others."""
    shipped = source_of((ROOT / "service.yaml").read_text(encoding="utf-8"))
    letters = shipped.delivery.dead_letter_sink
    assert isinstance(letters, KafkaSink)
    own = f"product-enricher-test-{uuid.uuid4()}"
    delivery = replace(shipped.delivery, dead_letter_sink=replace(letters, topic=f"{own}.letters"))
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    for topic in admin.create_topics([NewTopic(f"{own}.events", 2, 1), NewTopic(f"{own}.letters", 1, 1)]).values():
        topic.result(PATIENCE)
    return replace(shipped, topics=(f"{own}.events",), consumer_group=own, delivery=delivery)


@dataclass(frozen=True)
class Stage:
    """The function between its neighbours, and Kafka before it."""

    spec: SourceSpec
    bedrock: BedrockStandIn
    products: ProductService
    publisher: Publisher
    outcomes: Queue[Outcome]
    source: Callable[[], KafkaSource]

    def outcome(self) -> Outcome:
        return self.outcomes.get(timeout=PATIENCE)


@pytest.fixture
def stage(bootstrap_servers: str, spec: SourceSpec) -> Iterator[Stage]:
    publisher = Publisher(bootstrap_servers, partition_bytes=None)
    outcomes: Queue[Outcome] = Queue()
    with BedrockStandIn() as bedrock, ProductService(publish=publish_to(publisher, spec.topics[0])) as products:
        environ = {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            "PRODUCT_SERVICE_URL": products.url,
            "PROMPTS_DIR": str(Path(__file__).parent.parent / "prompts"),
            "IMAGE_HOSTS": "127.0.0.1",
        }
        with Function(environ) as function:
            source = source_to(function.url, spec, bootstrap_servers, publisher, outcomes)
            yield Stage(spec, bedrock, products, publisher, outcomes, source)


def source_to(
    sink: str, spec: SourceSpec, bootstrap_servers: str, publisher: Publisher, outcomes: Queue[Outcome]
) -> Callable[[], KafkaSource]:
    """Starts instances of one group that commit only when they are told to stop or lose a partition."""
    return lambda: KafkaSource(
        spec,
        bootstrap_servers=bootstrap_servers,
        sink=sink,
        on_outcome=outcomes.put,
        backoff_factor=BACKOFF_FACTOR,
        commit_seconds=NEVER,
        publisher=publisher,
    )


def test_a_sellers_save_becomes_a_description_and_the_loop_ends(stage: Stage) -> None:
    """Save -> Kafka -> KafkaSource -> function -> PUT; the event of our own PUT ends without a second call."""
    with stage.source():
        stage.products.save("p-1", SHIRT)
        endings = [stage.outcome().ending for _ in range(2)]
    assert [(ending.kind, ending.status, ending.attempts) for ending in endings] == [("acknowledged", 200, 1)] * 2
    assert stage.products.product("p-1")["description"]
    assert len(stage.bedrock.requests) == 1


def test_a_replay_after_a_crash_costs_no_second_call(stage: Stage) -> None:
    """A new instance of the group delivers again what the crash kept from being committed; the ledger knows it."""
    with stage.source() as source:
        stage.products.save("p-1", SHIRT)
        first = [stage.outcome().record for _ in range(2)]
        source.kill()
    with stage.source():
        again = [stage.outcome() for _ in range(2)]
    assert {(each.record.partition, each.record.offset) for each in again} == {
        (each.partition, each.offset) for each in first
    }
    assert {each.ending.status for each in again} == {200}
    assert len(stage.bedrock.requests) == 1
    assert [write.path for write in stage.products.writes].count("/api/v1/products/p-1/description") == 1


def test_a_record_that_nothing_can_mend_is_a_dead_letter_with_its_code(stage: Stage, bootstrap_servers: str) -> None:
    """One structured record holds the whole event, the status, and the function's code."""
    with stage.source():
        stage.publisher.publish(stage.spec.topics[0], b'{"productId": "p-9"}', key="p-9")
        ending = stage.outcome().ending
    assert (ending.kind, ending.status, ending.code, ending.attempts) == ("dead-lettered", 422, "eventnameunknown", 1)
    letters = stage.spec.delivery.dead_letter_sink
    assert isinstance(letters, KafkaSink)
    letter = _first(bootstrap_servers, letters.topic)
    told: dict[str, Any] = json.loads(letter.value() or b"")
    assert (letter.key(), told["errorcode"], told["knativeerrorcode"]) == (b"p-9", "eventnameunknown", "422")
    assert (told["type"], told["data"]) == ("dev.knative.kafka.event", {"productId": "p-9"})


def test_the_four_record_kinds_arrive_as_documented(spec: SourceSpec, bootstrap_servers: str) -> None:
    """Raw, binary, structured and tombstone: each in binary mode."""
    publisher, outcomes, topic = Publisher(bootstrap_servers, partition_bytes=None), Queue[Outcome](), spec.topics[0]
    own = {"specversion": "1.0", "source": "/shop", "type": "Saved"}
    with Sink() as sink, source_to(sink.url, spec, bootstrap_servers, publisher, outcomes)():
        publisher.publish(topic, b"raw", key="raw", headers={"eventType": "Saved"})
        headers = {f"ce_{name}": value for name, value in {**own, "id": "binary"}.items()}
        publisher.publish(topic, b"{}", headers={**headers, "content-type": "application/json"})
        text = json.dumps({**own, "id": "structured", "data": {"a": 1}}).encode()
        publisher.publish(topic, text, headers={"content-type": "application/cloudevents+json"})
        publisher.publish(topic, None, key="gone")
        for _ in range(4):
            outcomes.get(timeout=PATIENCE)
    posted = {each.headers.get("ce-key", each.id): each for each in sink.posted}
    seen = {
        name: (each.headers["ce-type"], each.headers.get("content-type"), each.body) for name, each in posted.items()
    }
    assert seen == {
        "raw": ("dev.knative.kafka.event", None, b"raw"),
        "binary": ("Saved", "application/json", b"{}"),
        "structured": ("Saved", None, b'{"a":1}'),
        "gone": ("dev.knative.kafka.event", None, b""),
    }
    assert posted["raw"].headers["ce-kafkaheadereventtype"] == "Saved"


def test_a_rebalance_commits_what_is_finished_and_replays_the_rest(spec: SourceSpec, bootstrap_servers: str) -> None:
    """The revoked partitions' finished offsets are committed on the way out; what is in flight comes twice."""
    publisher, outcomes, topic = Publisher(bootstrap_servers, partition_bytes=None), Queue[Outcome](), spec.topics[0]
    slow: Queue[str] = Queue()
    release: Queue[None] = Queue()

    def answer(posted: Posted) -> Answered:
        if posted.body == b"slow":
            slow.put(posted.headers["ce-knativekafkapartition"])
            release.get(timeout=PATIENCE)
        return Answered()

    with Sink(answer) as sink:
        source = source_to(sink.url, spec, bootstrap_servers, publisher, outcomes)
        with source():
            partitions = set[int]()
            for number in range(20):
                partition, _ = publisher.publish(topic, b"done", key=f"p-{number}")
                if partition not in partitions:
                    publisher.publish(topic, b"slow", key=f"p-{number}")
                    partitions.add(partition)
            assert partitions == {0, 1}
            for _ in range(20):
                outcomes.get(timeout=PATIENCE)
            assert {slow.get(timeout=PATIENCE) for _ in range(2)} == {"0", "1"}
            with source():
                assert {slow.get(timeout=PATIENCE) for _ in range(2)} == {"0", "1"}
                assert _committed(bootstrap_servers, spec) == [1, 1]
                for _ in range(4):
                    release.put(None)
                eventually(lambda: sum(each.record.value == b"slow" for each in list(outcomes.queue)) == 4)
    assert sum(_committed(bootstrap_servers, spec)) == 22


def _committed(bootstrap_servers: str, spec: SourceSpec) -> list[int]:
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": spec.consumer_group})
    found = consumer.committed([TopicPartition(spec.topics[0], number) for number in (0, 1)], timeout=PATIENCE)
    consumer.close()
    return [each.offset for each in found]


def _first(bootstrap_servers: str, topic: str) -> Message:
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": topic})
    consumer.assign([TopicPartition(topic, 0, 0)])
    [message] = consumer.consume(1, PATIENCE)
    consumer.close()
    return message
