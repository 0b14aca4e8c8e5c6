"""What producers and KafkaSource may send: every form of an event, as the real server reads it."""

import base64
import json
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from server import (
    JSON,
    OTHER_TOPIC,
    SHIRT,
    STRUCTURED,
    UPDATED,
    Stage,
    attributes,
    encoded,
    record,
    running,
    structured,
)
from wire import Header

EVENT = [*attributes(UPDATED), JSON]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The function, with one topic whose records need not name their event."""
    with running(TOPIC_EVENT_TYPES=json.dumps({"products": UPDATED})) as stage:
        yield stage


def test_foreign_event_is_acknowledged(stage: Stage) -> None:
    """An event of a type that no task listens to is none of ours, whatever it carries: 200 and nothing in it."""
    answer = stage.send(b"\xff<xml/>", [*attributes("com.example.other"), ("Content-Type", "application/xml")])
    assert (answer.status, answer.body) == (200, b"")
    assert "kne-errorcode" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        (record(OTHER_TOPIC), {"eventType": UPDATED}),
        (record(OTHER_TOPIC, kafkaheadereventtype=UPDATED), {}),
        (record(), {}),
        ([*record(), ("Content-Type", "application/json")], {}),
        (record(kafkaheadereventtype="com.example.other"), {"eventType": UPDATED}),
    ],
    ids=["payload", "record header", "topic", "with content type", "payload before record header"],
)
def test_raw_record_finds_its_name(
    stage: Stage, request: pytest.FixtureRequest, headers: list[Header], named: dict[str, str]
) -> None:
    """A Kafka record without CloudEvents headers and content type is named by payload, record header or topic."""
    data = stage.register(request.node.name, name=f"{SHIRT['name']} {len(headers)}") | named
    answer = stage.send(encoded(data), headers)
    assert answer.status == 200, answer
    assert answer.headers["ce-id"] == "partition:0/offset:42"
    assert answer.json()["results"][0]["outcome"] in {"written", "reused"}


@pytest.mark.parametrize("key", ["GD-1", "상품/1%?#"])
def test_tombstone_forgets_the_product(stage: Stage, key: str) -> None:
    """A record without value clears what is known of its key's product, so that version 1 may come again."""
    data = stage.register(key)
    stage.send_event(UPDATED, data)
    newer = stage.register(key) | {"version": 2}
    stage.send_event(UPDATED, newer)
    assert stage.send_event(UPDATED, data).json()["results"][0]["outcome"] == "superseded"

    answer = stage.send(b"", record(key=key))

    assert (answer.status, answer.body) == (200, b"")
    assert stage.send_event(UPDATED, {**data, "protected": ["copy"]}).json()["results"][0]["outcome"] == "protected"


def test_deletion_is_acknowledged(stage: Stage) -> None:
    """A deletion event answers 200 with nothing in it."""
    answer = stage.send_event("ProductDeletedEvent", {"productId": "gone"})
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("product_id", ["a/b", "100%", "a?b", "a#b", "a b", "%2e%2e", "상품", "...", "a;b=c", "~.-_"])
def test_any_product_id_reaches_its_own_path(stage: Stage, product_id: str) -> None:
    """Ids are percent-encoded in the write-back's path: none can name another resource."""
    stage.products.writes.clear()
    answer = stage.send_event(UPDATED, stage.register(product_id))
    assert answer.json()["productId"] == product_id
    assert [write.path for write in stage.products.writes] == [
        f"/api/v1/products/{quote(product_id, safe='')}/description"
    ]


def test_integer_product_id_is_a_string_from_then_on(stage: Stage) -> None:
    """Producers whose ids are numbers need not quote them."""
    data = stage.register("4711") | {"productId": 4711}
    assert stage.send_event(UPDATED, data).json()["productId"] == "4711"


def test_decomposed_hangul_is_composed_for_the_model(stage: Stage) -> None:
    """Text typed on a Mac arrives decomposed (NFD); the model sees the same syllables as everybody else."""
    stage.bedrock.reset()
    name = "맥에서 쓴 원피스"
    stage.send_event(UPDATED, stage.register("nfd", name=unicodedata.normalize("NFD", name)))
    assert name in json.dumps(stage.bedrock.requests[0].body, ensure_ascii=False)


def test_null_is_absent(stage: Stage) -> None:
    """A field that is null counts as not given, in the data and in the envelope."""
    absent = dict.fromkeys(["updatedAt", "language", "brand", "imageUrls", "protected", "rewrite"])
    data = {**stage.register("nulls"), **absent}
    body = structured(id="nulls", time=None, subject=None, data_base64=None, datacontenttype=None, data=data)
    answer = stage.send(body, [STRUCTURED])
    assert (answer.status, answer.headers["ce-id"]) == (200, "nulls")


def test_data_in_base64_is_data(stage: Stage) -> None:
    """The structured mode's other form of data says the same."""
    data = base64.b64encode(encoded(stage.register("base64"))).decode()
    answer = stage.send(structured(data_base64=data, datacontenttype="application/json"), [STRUCTURED])
    assert answer.json()["productId"] == "base64"


def test_event_id_is_any_text(stage: Stage) -> None:
    """The reply's id is the event's, percent-encoded as the HTTP binding asks."""
    data = stage.register("reply")
    answer = stage.send(structured(id='주문 1"%', data=data), [STRUCTURED])
    assert answer.headers["ce-id"] == quote('주문 1"%')


def test_repeated_header_is_one_value(stage: Stage) -> None:
    """HTTP joins repeated fields with a comma; nothing else happens to them."""
    answer = stage.send(encoded(stage.register("twice")), [*attributes(UPDATED, "1"), ("ce-id", "2"), JSON])
    assert answer.headers["ce-id"] == "1,2"


def test_header_names_and_media_types_have_no_case(stage: Stage) -> None:
    """Upper case and parameters change nothing."""
    headers = [(name.upper(), value) for name, value in attributes(UPDATED)]
    answer = stage.send(
        encoded(stage.register("case")), [*headers, ("CONTENT-TYPE", "Application/JSON; charset=UTF-8")]
    )
    assert answer.json()["productId"] == "case"


@pytest.mark.parametrize("traceparent", ["\u00a0x", "00-zz", "한글"])
def test_broken_traceparent_is_dropped(stage: Stage, traceparent: str) -> None:
    """A trace context that is none stops no event and goes no further."""
    stage.products.writes.clear()
    data = stage.register(f"trace {traceparent}", name=f"티셔츠 {len(traceparent)}")
    answer = stage.send(encoded(data), [*EVENT, ("traceparent", traceparent)])
    assert answer.status == 200
    assert "traceparent" not in stage.products.writes[0].headers


def test_traceparent_is_passed_on(stage: Stage) -> None:
    """The product service sees the trace that the event belongs to."""
    stage.products.writes.clear()
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    stage.send(encoded(stage.register("traced")), [*EVENT, ("traceparent", traceparent)])
    assert stage.products.writes[0].headers["traceparent"] == traceparent
