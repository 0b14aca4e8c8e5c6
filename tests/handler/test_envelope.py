"""CloudEvents as they arrive, in either mode, and the reply as it leaves. Over real sockets: test_wire."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.http import from_http
from hypothesis import given
from hypothesis import strategies as st

from handler.envelope import STRUCTURED, Envelope, open_envelope, seal_reply
from handler.errors import (
    BatchUnsupported,
    BrokenJson,
    DataNotJson,
    EnrichmentError,
    InvalidCloudEvent,
    NotACloudEvent,
)
from handler.events import Origin

ATTRIBUTES = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "ProductRegisteredEvent"}
DATA: dict[str, Any] = {"productId": "p-1", "attributes": {"색상": ["블랙", 1.5, None]}}


def binary(data: bytes = b"{}", content_type: str | None = "application/json", **attributes: str | None) -> Envelope:
    given = {**ATTRIBUTES, **attributes}
    headers = {f"ce-{name}": value for name, value in given.items() if value is not None}
    return open_envelope({**headers, **({"Content-Type": content_type} if content_type else {})}, data)


def structured(**members: Any) -> Envelope:  # noqa: ANN401 - whatever JSON holds
    given = {name: value for name, value in {**ATTRIBUTES, **members}.items() if value is not ...}
    return open_envelope({"Content-Type": STRUCTURED}, json.dumps(given).encode())


# Both modes

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20)
VALUES = PRINTABLE.filter(lambda text: text == text.strip())
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EXTENSIONS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True).filter(
        lambda name: name not in {*ATTRIBUTES, "time", "data", "extensions", "datacontenttype", "dataschema", "subject"}
    ),
    VALUES,
    max_size=3,
)


@given(
    id_=VALUES,
    source=VALUES,
    type_=VALUES,
    extensions=EXTENSIONS,
    time=st.none() | st.datetimes(timezones=st.just(UTC)),
    data=JSON,
)
def test_the_same_event_reads_the_same_in_both_modes(
    id_: str, source: str, type_: str, extensions: dict[str, str], time: datetime | None, data: object
) -> None:
    """Producers choose the mode; nothing behind the envelope can tell which it was."""
    attributes: dict[str, str] = {**ATTRIBUTES, "id": id_, "source": source, "type": type_, **extensions}
    if time:
        attributes["time"] = time.isoformat()
    one = binary(json.dumps(data).encode(), **attributes)
    other = structured(**attributes, data=data, datacontenttype="application/json")
    assert one.json() == other.json() == data
    assert (one.type, one.origin, one.extensions) == (other.type, other.origin, other.extensions)
    assert one.origin == Origin(id_, source, time)
    assert {name: one.extensions[name] for name in extensions} == extensions


def test_header_names_have_no_case() -> None:
    """HTTP servers spell them as they like."""
    headers = {f"Ce-{name.title()}": value for name, value in ATTRIBUTES.items()}
    envelope = open_envelope({**headers, "CONTENT-TYPE": "Application/JSON; charset=utf-8"}, b"{}")
    assert (envelope.type, envelope.media_type) == (ATTRIBUTES["type"], "application/json")


def test_what_is_no_attribute_name_is_no_attribute() -> None:
    """Names are lower-case letters and digits; a header or member that the SDK uses itself is passed over."""
    headers = {f"ce-{name}": value for name, value in ATTRIBUTES.items()}
    envelope = open_envelope({**headers, "ce-my-ext": "x", "ce-data": "x", "ce-extensions": "x", "x-other": "x"}, b"{}")
    assert envelope.extensions == {}
    assert envelope.json() == {}
    assert structured(MyExt="x", extensions={"a": 1}).extensions == {}


# Data


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "text/json",
        "application/json; charset=UTF-8",
        "application/vnd.shop+json",
        "APPLICATION/JSON",
    ],
)
def test_json_is_json_under_any_of_its_types(content_type: str | None) -> None:
    """No type at all is how KafkaSource sends a raw record."""
    assert binary(json.dumps(DATA).encode(), content_type).json() == DATA


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/avro", "application/jsonp"])
def test_another_type_is_not_json_even_where_it_looks_so(content_type: str) -> None:
    """The sender says what it is; the data is not opened before somebody asks for it."""
    envelope = binary(b"{}", content_type)
    with pytest.raises(DataNotJson, match=content_type):
        envelope.json()
    with pytest.raises(DataNotJson):
        structured(data="text", datacontenttype=content_type).json()


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"{'a': 1}", b"nul", b"{} {}", b"\xff", '{"a": "가"}'.encode("cp949"), b'{"a": NaN}', b"Infinity"),
        *(b"-Infinity", b'"\\ud800"', b"[" * 500 + b"]" * 500, b"1" * 5000),
    ],
)
def test_broken_json_is_said(body: bytes) -> None:
    """In both modes; also what Python's own parser would let through, and what would exhaust it."""
    with pytest.raises(BrokenJson):
        binary(body).json()
    with pytest.raises(BrokenJson):
        open_envelope({"content-type": STRUCTURED}, b'{"specversion": "1.0", "data": ' + body + b"}")


def test_an_event_may_have_no_data() -> None:
    """Absent, empty and null are the same: nothing."""
    assert binary(b"").json() is None
    assert binary(b"null").json() is None
    assert structured().json() is None
    assert structured(data=None, data_base64=None).json() is None


def test_data_may_come_as_base64() -> None:
    """What structured mode calls data_base64 are the bytes that binary mode has as its body."""
    encoded = b64encode(json.dumps(DATA).encode()).decode()
    assert structured(data_base64=encoded).json() == DATA
    with pytest.raises(DataNotJson):
        structured(data_base64=encoded, datacontenttype="application/avro").json()


@pytest.mark.parametrize("encoded", ["{}", "a", 5, ["e30="], "e30=\n"])
def test_what_is_no_base64_is_said(encoded: object) -> None:
    """A member of that name must be one."""
    with pytest.raises(InvalidCloudEvent, match="data_base64 is not base64"):
        structured(data_base64=encoded)


# What is no CloudEvent


@pytest.mark.parametrize(
    ("headers", "failure"),
    [
        ({}, NotACloudEvent),
        ({"content-type": "application/json"}, NotACloudEvent),
        ({"content-type": "application/cloudevents+avro"}, NotACloudEvent),
        ({"content-type": "application/cloudevents+protobuf"}, NotACloudEvent),
        ({"content-type": "application/cloudevents"}, NotACloudEvent),
        ({"content-type": "application/cloudevents-batch+json"}, BatchUnsupported),
        ({"content-type": "application/cloudevents-batch+json; charset=utf-8", "ce-id": "1"}, BatchUnsupported),
        ({"ce-id": "1"}, InvalidCloudEvent),
    ],
)
def test_what_is_no_cloud_event_is_said(headers: dict[str, str], failure: type[EnrichmentError]) -> None:
    """Each with its own code, so that a sender knows which of the rules it broke."""
    with pytest.raises(failure):
        open_envelope(headers, b"{}")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5"])
def test_a_structured_event_is_an_object(body: bytes) -> None:
    """Also where KafkaSource sends a broken record with ce-* headers of its own."""
    with pytest.raises(InvalidCloudEvent, match="not a JSON object"):
        open_envelope({"content-type": STRUCTURED, "ce-id": "1"}, body)


@pytest.mark.parametrize("name", ATTRIBUTES)
@pytest.mark.parametrize("value", [None, ""])
def test_every_required_attribute_is_required(name: str, value: str | None) -> None:
    """Missing or empty, in both modes, and named in the detail; the SDK would invent some of them."""
    with pytest.raises(InvalidCloudEvent, match=f"^{name}: "):
        binary(b"{}", **{name: value})
    with pytest.raises(InvalidCloudEvent, match=f"^{name}: "):
        structured(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("specversion", "1"),
        ("time", "yesterday"),
        ("time", "2026-11-22T10:00:00"),
        ("time", "2026-13-22T10:00:00Z"),
    ],
)
def test_an_attribute_out_of_its_form_is_named(name: str, value: str) -> None:
    """A version that we do not speak, a time that is none or has no zone."""
    with pytest.raises(InvalidCloudEvent, match=f"^{name}: "):
        binary(b"{}", **{name: value})
    with pytest.raises(InvalidCloudEvent, match=f"^{name}: "):
        structured(**{name: value})


def test_a_structured_attribute_may_be_a_number_or_boolean() -> None:
    """Their canonical text is what binary mode would carry."""
    envelope = structured(id=7, partition=3, retained=True)
    assert envelope.origin.id == "7"
    assert (envelope.extensions["partition"], envelope.extensions["retained"]) == ("3", "true")


def test_header_values_are_taken_as_they_are() -> None:
    """KafkaSource writes record keys and headers without percent-encoding: a literal %20 is three signs."""
    assert binary(key="a%20b").extensions["key"] == "a%20b"


# The reply


@pytest.mark.parametrize("event_id", ["e-1", "상품 1", 'a"b\r\nX: y', "100%", "\U0001f600"])
def test_a_reply_is_a_cloud_event_in_binary_mode(event_id: str) -> None:
    """It has the event's id, encoded as HTTP headers must be, and Korean data as it is."""
    headers, body = seal_reply("ProductEnrichedEvent", Origin(event_id, "/shop")), '{"productId": "가"}'.encode()
    for value in headers.values():
        assert value.isascii()
        assert value.isprintable()
    read = from_http(headers, body)
    assert (read["type"], read["source"]) == ("ProductEnrichedEvent", "/product-enricher")
    assert open_envelope(headers, body).json() == {"productId": "가"}
    if event_id == "e-1":
        assert headers["ce-id"] == event_id
