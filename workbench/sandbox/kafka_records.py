"""What a Kafka record becomes as a CloudEvent, and a CloudEvent as a request: as Knative's KafkaSource does it. No IO.

Sources: CloudEventDeserializer, NullCloudEventInterceptor, InvalidCloudEventInterceptor and CloudEventOverridesMutator
of knative-extensions/eventing-kafka-broker; JsonFormat of cloudevents/sdk-java. It shares no code with the function: it
is the other side of the wire.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

STRUCTURED = "application/cloudevents+json"
REQUIRED = ("specversion", "id", "source", "type")


@dataclass(frozen=True)
class Record:
    """A Kafka record as it was read."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    """None: a tombstone."""
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp: int = 0
    """Milliseconds since 1970."""


@dataclass(frozen=True)
class CloudEvent:
    """Attributes and extensions by name (without `ce-`), all as text, as HTTP carries them."""

    attributes: Mapping[str, str]
    content_type: str | None
    data: bytes | None

    def extended(self, extensions: Mapping[str, str]) -> "CloudEvent":
        """With these extensions; what it had under their names is replaced."""
        return replace(self, attributes={**self.attributes, **extensions})


class NotCloudEventError(Exception):
    """The record does not follow the CloudEvents binding for Kafka."""


def cloud_events(
    batch: Sequence[Record], *, source: str, overrides: Mapping[str, str]
) -> list[tuple[Record, CloudEvent | None]]:
    """The event of each record of one poll; None: KafkaSource drops the record.

    `source` is the KafkaSource's part of `ce-source`; `overrides` are its `ceOverrides.extensions`.

    A header without a value breaks the step that wraps records, for all records of the poll that need wrapping.
    """
    read = [(record, _own_event(record)) for record in batch]
    unwrappable = any(value is None for record, event in read if event is None for _, value in record.headers)
    events: list[tuple[Record, CloudEvent | None]] = []
    for record, own in read:
        if own is None and unwrappable:
            events.append((record, None))
            continue
        position = {"knativekafkapartition": str(record.partition), "knativekafkaoffset": str(record.offset)}
        events.append((record, (own or _wrapped(record, source)).extended({**position, **overrides})))
    return events


def request_headers(event: CloudEvent) -> dict[str, str]:
    """The headers of a binary-mode request. A character that no header byte can carry becomes `?`, as in Netty."""
    headers = {f"ce-{name}": value for name, value in event.attributes.items()}
    if event.content_type is not None:
        headers["content-type"] = event.content_type
    return {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}


def structured_value(event: CloudEvent) -> bytes:
    """The record value of a KafkaSink with `contentMode: structured`.

    Data without a content type counts as JSON and is copied as it is, also where it is none: the record is then broken.
    """
    attributes = dict(event.attributes)
    if event.content_type is not None:
        attributes["datacontenttype"] = event.content_type
    text = json.dumps(attributes, ensure_ascii=False).encode()
    if event.data is None:
        return text
    if event.content_type is None or event.content_type.startswith(("application/json", "text/json")):
        return text[:-1] + b', "data": ' + event.data + b"}"
    return text[:-1] + b', "data_base64": "' + base64.b64encode(event.data) + b'"}'


def _own_event(record: Record) -> CloudEvent | None:
    """None: the record is not a CloudEvent."""
    try:
        return _parsed(record)
    except NotCloudEventError:
        return None


def _parsed(record: Record) -> CloudEvent:
    names = [name for name, _ in record.headers]
    headers = dict(record.headers)  # the last of a name counts
    media_type = (headers.get("content-type") or b"").decode(errors="replace").partition(";")[0]
    if media_type == STRUCTURED:
        return _structured(record.value or b"")
    if "ce_specversion" not in names:
        raise NotCloudEventError
    attributes, content_type = {}, None
    for name, value in record.headers:
        if value is None:
            raise NotCloudEventError
        text = value.decode(errors="replace")
        if name.lower() == "content-type":
            content_type = text
        elif name.lower().startswith("ce_"):
            attributes[name[3:].lower()] = text
    return _valid(CloudEvent(attributes, content_type, record.value))


def _structured(text: bytes) -> CloudEvent:
    try:
        fields: dict[str, Any] = json.loads(text)
        content_type = fields.pop("datacontenttype", None)
        data = _data(fields, content_type)
        attributes = {name: _scalar(value) for name, value in fields.items() if value is not None}
    except (ValueError, AttributeError, TypeError) as error:  # no JSON, no object, no text
        raise NotCloudEventError from error
    return _valid(CloudEvent(attributes, content_type, data))


def _data(fields: dict[str, Any], content_type: str | None) -> bytes | None:
    encoded, data = fields.pop("data_base64", None), fields.pop("data", None)
    if encoded is not None:
        return base64.b64decode(encoded, validate=True)
    if data is None:
        return None
    if content_type is None or content_type.startswith(("application/json", "text/json")):
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    if not isinstance(data, str):
        raise NotCloudEventError
    return data.encode()


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    raise NotCloudEventError


def _valid(event: CloudEvent) -> CloudEvent:
    if not all(event.attributes.get(name) for name in REQUIRED) or event.attributes["specversion"] not in {
        "0.3",
        "1.0",
    }:
        raise NotCloudEventError
    return event


def _wrapped(record: Record, source: str) -> CloudEvent:
    attributes = {
        "specversion": "1.0",
        "id": f"partition:{record.partition}/offset:{record.offset}",
        "source": f"{source}#{record.topic}",
        "type": "dev.knative.kafka.event",
        "subject": f"partition:{record.partition}#{record.offset}",
        "time": _time(record.timestamp),
    }
    if record.key:  # key-type string; `int`, `float` and `byte-array` are not needed here
        attributes |= dict.fromkeys(("partitionkey", "key"), record.key.decode(errors="replace"))
    content_type = None
    for name, value in record.headers:
        text = (value or b"").decode(errors="replace")
        if name.lower() == "content-type":
            content_type = text.lower()
        else:
            attributes["kafkaheader" + re.sub("[^a-z0-9]", "", name.lower())] = text
    return CloudEvent(attributes, content_type, record.value)


def _time(milliseconds: int) -> str:
    """As Java prints it: no trailing zeros in the fraction."""
    seconds, rest = divmod(milliseconds, 1000)
    fraction = f".{rest:03}".rstrip("0") if rest else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
