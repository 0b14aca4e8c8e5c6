"""What becomes of a Kafka record on its way through KafkaSource: each test names the documented fact that it keeps."""

import base64
import json
from typing import Any

import pytest

from workbench.sandbox.kafka_records import (
    STRUCTURED,
    CloudEvent,
    Record,
    cloud_events,
    request_headers,
    structured_value,
)

SOURCE = "/apis/v1/namespaces/shop/kafkasources/enrich"
OWN = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "Saved"}
BINARY = tuple((f"ce_{name}", value.encode()) for name, value in OWN.items())
POSITION = {"knativekafkapartition": "2", "knativekafkaoffset": "42"}


def record(value: bytes | None = b"{}", **fields: Any) -> Record:  # noqa: ANN401 - of Record
    return Record("products", 2, 42, value, **fields)


def event(value: bytes | None = b"{}", **fields: Any) -> CloudEvent:  # noqa: ANN401 - of Record
    [(_, only)] = cloud_events([record(value, **fields)], source=SOURCE, overrides={})
    assert only is not None
    return only


def structured(text: str, content_type: str = STRUCTURED) -> CloudEvent:
    return event(text.encode(), headers=(("content-type", content_type.encode()),))


def test_a_raw_record_is_wrapped_with_exactly_the_documented_headers() -> None:
    """Not a CloudEvent: id, source, subject and time say where the record was; the body is its value, untouched."""
    raw = event(
        b'{"a": 1', key=b"p-1", headers=(("X-Request-Id", b"r-1"), ("eventType", b"Saved")), timestamp=1_795_334_394_938
    )
    assert request_headers(raw) == {
        "ce-specversion": "1.0",
        "ce-id": "partition:2/offset:42",
        "ce-source": f"{SOURCE}#products",
        "ce-type": "dev.knative.kafka.event",
        "ce-subject": "partition:2#42",
        "ce-time": "2026-11-22T07:59:54.938Z",
        "ce-partitionkey": "p-1",
        "ce-key": "p-1",
        "ce-kafkaheaderxrequestid": "r-1",
        "ce-kafkaheadereventtype": "Saved",
        "ce-knativekafkapartition": "2",
        "ce-knativekafkaoffset": "42",
    }
    assert raw.data == b'{"a": 1'


@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_a_raw_records_content_type_is_lower_cased_and_not_repeated(name: str) -> None:
    """The value is lower-cased; the header's name is matched in any case and is no kafkaheader extension."""
    raw = event(headers=((name, b"Application/JSON; Charset=UTF-8"),))
    assert raw.content_type == "application/json; charset=utf-8"
    assert not [name for name in raw.attributes if name.startswith("kafkaheader")]


def test_header_names_that_collapse_to_the_same_overwrite_each_other() -> None:
    """`[a-z0-9]` alone is kept of a header's name, so the later of two may win."""
    assert event(headers=(("a-b", b"1"), ("A_B", b"2"))).attributes["kafkaheaderab"] == "2"


@pytest.mark.parametrize("key", [None, b""])
def test_a_record_without_a_key_has_no_key_extensions(key: bytes | None) -> None:
    """`key` and `partitionkey` come only of a key that is not null and not empty."""
    assert not {"key", "partitionkey"} & event(key=key).attributes.keys()


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1_120, "1970-01-01T00:00:01.12Z"), (5, "1970-01-01T00:00:00.005Z")],
)
def test_the_time_is_printed_as_java_does(milliseconds: int, text: str) -> None:
    """The record's timestamp in UTC, without trailing zeros."""
    assert event(timestamp=milliseconds).attributes["time"] == text


def test_a_binary_cloud_event_passes_through() -> None:
    """Attributes, extensions and content type pass; the record's key and other headers add nothing."""
    headers = (*BINARY, ("CE_Trace", b"t-1"), ("content-type", b"Text/Plain"), ("other", b"x"))
    assert event(b"abc", headers=headers, key=b"p-1") == CloudEvent(
        {**OWN, "trace": "t-1", **POSITION}, "Text/Plain", b"abc"
    )


@pytest.mark.parametrize("content_type", [STRUCTURED, f"{STRUCTURED}; charset=utf-8"])
def test_a_structured_cloud_event_is_sent_in_binary_mode(content_type: str) -> None:
    """Its JSON data becomes the body; no datacontenttype, no Content-Type."""
    text = json.dumps({**OWN, "count": 3, "flag": True, "absent": None, "data": {"name": "셔츠"}})
    expected = CloudEvent({**OWN, "count": "3", "flag": "true", **POSITION}, None, '{"name":"셔츠"}'.encode())
    assert structured(text, content_type) == expected


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ({"datacontenttype": "image/png", "data_base64": base64.b64encode(b"\x89").decode()}, b"\x89"),
        ({"datacontenttype": "text/plain", "data": "abc"}, b"abc"),
        ({"datacontenttype": "application/json", "data": "abc"}, b'"abc"'),
        ({"datacontenttype": "application/json"}, None),
    ],
)
def test_structured_data_is_decoded_by_its_content_type(fields: dict[str, str], data: bytes | None) -> None:
    """Base64, text and JSON data each become the body that they stand for; the content type goes along."""
    sent = structured(json.dumps({**OWN, **fields}))
    assert (sent.data, sent.content_type) == (data, fields["datacontenttype"])


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        ("{", STRUCTURED),
        ("[]", STRUCTURED),
        ('{"specversion": "1.0", "id": "1", "source": "/a"}', STRUCTURED),
        (json.dumps({**OWN, "specversion": "2.0"}), STRUCTURED),
        (json.dumps({**OWN, "data_base64": "*"}), STRUCTURED),
        (json.dumps({**OWN, "nested": {}}), STRUCTURED),
        (json.dumps({**OWN, "datacontenttype": "text/plain", "data": {}}), STRUCTURED),
        (json.dumps([OWN]), "application/cloudevents-batch+json"),
        ("binary", "application/cloudevents+avro"),
    ],
)
def test_what_cannot_be_decoded_is_wrapped_and_keeps_its_content_type(text: str, content_type: str) -> None:
    """Broken structured, batch, avro: `dev.knative.kafka.event` under a content type that says CloudEvent."""
    wrapped = structured(text, content_type)
    assert (wrapped.attributes["type"], wrapped.content_type) == ("dev.knative.kafka.event", content_type)
    assert wrapped.data == text.encode()


def test_a_binary_event_without_a_required_attribute_is_wrapped() -> None:
    """The SDK cannot build it, so its `ce_` headers arrive as kafkaheader extensions."""
    wrapped = event(headers=(("ce_specversion", b"1.0"), ("ce_id", b"e-1")))
    assert wrapped.attributes["type"] == "dev.knative.kafka.event"
    assert wrapped.attributes["kafkaheaderceid"] == "e-1"


def test_a_tombstone_is_delivered_without_a_body() -> None:
    """A null value is not skipped: it is the CloudEvent of its headers, or a wrapped record with its key."""
    assert event(None, headers=BINARY) == CloudEvent({**OWN, **POSITION}, None, None)
    raw = event(None, key=b"p-1")
    assert (raw.attributes["type"], raw.attributes["key"], raw.data) == ("dev.knative.kafka.event", "p-1", None)


def test_overrides_win_over_every_other_extension() -> None:
    """`ceOverrides` come last, after partition and offset."""
    overrides = {"knativekafkaoffset": "mine", "env": "prod"}
    [(_, sent)] = cloud_events([record(headers=BINARY)], source=SOURCE, overrides=overrides)
    assert sent is not None
    assert sent.attributes == {**OWN, **POSITION, **overrides}


def test_a_header_without_a_value_loses_all_raw_records_of_the_poll() -> None:
    """Wrapping throws, and Kafka drops the step for the whole batch; CloudEvents need no wrapping and get through."""
    batch = [
        record(headers=(("x", None),)),
        record(),
        record(headers=BINARY),
        record(headers=(("ce_specversion", None),)),
    ]
    sent = [event for _, event in cloud_events(batch, source=SOURCE, overrides={})]
    assert [each is not None for each in sent] == [False, False, True, False]


def test_characters_that_no_header_byte_holds_arrive_damaged() -> None:
    """Header values are written raw, not percent-encoded: Korean keys become question marks."""
    assert request_headers(event(key="가-é".encode()))["ce-key"] == "?-é"


@pytest.mark.parametrize(
    ("content_type", "data", "field"),
    [
        ("application/json", b'{"a": 1}', {"data": {"a": 1}}),
        (None, b'{"a": 1}', {"data": {"a": 1}}),
        ("text/plain", b"abc", {"data_base64": "YWJj"}),
        ("application/json", None, {}),
    ],
)
def test_a_structured_dead_letter_holds_the_whole_event(
    content_type: str | None, data: bytes | None, field: dict[str, object]
) -> None:
    """JSON data as JSON, other data in base64; no content type counts as JSON."""
    expected = {**OWN, **field, **({"datacontenttype": content_type} if content_type else {})}
    assert json.loads(structured_value(CloudEvent(OWN, content_type, data))) == expected


def test_a_structured_dead_letter_of_data_that_is_no_json_is_broken() -> None:
    """Without a content type the SDK copies the data as it is, so one bad raw value breaks the record around it."""
    with pytest.raises(json.JSONDecodeError):
        json.loads(structured_value(event(b"not JSON")))
