"""The CloudEvents envelope: opens what arrives over HTTP, seals the reply. The only file that imports the SDK."""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import quote

from cloudevents import exceptions as cloudevents_errors
from cloudevents.sdk.event import v1
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from handler.errors import BatchUnsupported, BrokenJson, DataNotJson, InvalidCloudEvent, NotACloudEvent
from handler.events import Instant, Origin

STRUCTURED = "application/cloudevents+json"
_NO_HEADER = {"ce-data", "ce-extensions"}  # the SDK would take these names for its own members
_PRINTABLE = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"  # HTTP binding 1.0, 3.1.3.2: all else is percent-encoded


class _Attributes(BaseModel):
    """The context attributes that matter here (CloudEvents 1.0, section "Context Attributes")."""

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    type: Annotated[str, Field(min_length=1)]
    time: Instant | None = None
    datacontenttype: str = ""


class Envelope(NamedTuple):
    """One CloudEvent. Its data is parsed only when asked for: a foreign event may carry anything."""

    type: str
    origin: Origin
    extensions: Mapping[str, str]
    media_type: str
    """Of the data; empty means JSON."""
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The data, or None where there is none. Raises `DataNotJson`, `BrokenJson`."""
        if not self.body:
            return None
        if self.media_type and not re.fullmatch(r"(application|text)/(json|[\w.-]+\+json)", self.media_type):
            raise DataNotJson(f"the data is {self.media_type[:100]}")
        return _parse(self.body)


def open_envelope(headers: Mapping[str, str], body: bytes) -> Envelope:
    """Reads a CloudEvent in binary or structured mode (CloudEvents HTTP binding 1.0, section 3).

    Header values are taken as they are: KafkaSource writes record keys and headers without percent-encoding.
    Raises the `Malformed` leaves.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    media_type = _media_type(headers.get("content-type", ""))
    if media_type.startswith("application/cloudevents-batch"):
        raise BatchUnsupported("batch mode carries several events")
    if media_type == STRUCTURED:
        return _open_structured(body)
    if media_type.startswith("application/cloudevents"):
        raise NotACloudEvent(f"{media_type[:100]} is not supported; {STRUCTURED} is")
    attributes = {name: value for name, value in headers.items() if re.fullmatch(r"ce-[a-z0-9]+", name)}
    if not attributes:
        raise NotACloudEvent("the request has neither ce-* headers nor a CloudEvents content type")
    return _read({name: value for name, value in attributes.items() if name not in _NO_HEADER}, body, media_type)


def _open_structured(body: bytes) -> Envelope:
    members = _parse(body)
    if not isinstance(members, dict):
        raise InvalidCloudEvent("the body is not a JSON object")
    attributes = {
        f"ce-{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in members.items()
        if re.fullmatch(r"[a-z0-9]+", name) and name not in {"data", "extensions"} and value is not None
    }
    media_type = _media_type(attributes.pop("ce-datacontenttype", ""))
    if (encoded := members.get("data_base64")) is not None:
        try:
            return _read(attributes, b64decode(encoded, validate=True), media_type)
        except (TypeError, ValueError) as error:
            raise InvalidCloudEvent("data_base64 is not base64") from error
    data = members.get("data")
    return _read(attributes, b"" if data is None else json.dumps(data).encode(), media_type)


def _read(headers: dict[str, str], body: bytes, media_type: str) -> Envelope:
    try:
        # Checked before the SDK reads them: it invents an id or a time that is missing.
        given = {name.removeprefix("ce-"): value for name, value in headers.items()}
        attributes = _Attributes.model_validate(given)
        event = v1.Event()  # type: ignore[no-untyped-call]  # its only untyped function
        event.UnmarshalBinary(headers, b"", data_unmarshaller=lambda data: data)
    except cloudevents_errors.GenericException as error:
        raise InvalidCloudEvent(str(error)[:200]) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidCloudEvent(f"{first['loc'][0]}: {first['msg']}") from error
    return Envelope(
        type=attributes.type,
        origin=Origin(attributes.id, attributes.source, attributes.time),
        extensions=event.extensions,
        media_type=media_type,
        body=body,
    )


def seal_reply(event_type: str, origin: Origin) -> dict[str, str]:
    """The headers that make an answer with a JSON body the CloudEvent that replies to `origin`, in binary mode (HTTP
    binding 1.0, section 3.1)."""
    return {
        "ce-specversion": "1.0",
        "ce-type": event_type,
        "ce-source": "/product-enricher",
        "ce-id": quote(origin.id, safe=_PRINTABLE),
        "ce-time": datetime.now(UTC).isoformat(),
        "Content-Type": "application/json",
    }


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _parse(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise BrokenJson(str(error)[:200]) from error
