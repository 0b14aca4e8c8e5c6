"""From an envelope to what it is about: a product's change, its deletion, or nothing of ours. Pure."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError

from handler.envelope import Envelope
from handler.errors import DataNotJson, EnrichmentError, EventNameUnknown, KeyMissing, SchemaViolated
from handler.events import ForeignEvent, ProductData, ProductDeletion, ProductEvent, ProductId

RAW_RECORD = "dev.knative.kafka.event"
"""What KafkaSource calls records that are no CloudEvents (eventing-kafka-broker, InvalidCloudEventInterceptor)."""
DELETED = "ProductDeletedEvent"

_PRODUCT_ID: TypeAdapter[str] = TypeAdapter(ProductId)


def read(
    envelope: Envelope, known: Collection[str], topic_event_types: Mapping[str, str]
) -> ProductEvent | ProductDeletion | ForeignEvent:
    """What the event is about; `known` are the names that tasks listen to.

    Raises `Malformed` or `Unusable` leaves, with the product's id where the data has a good one.
    """
    try:
        if envelope.type == RAW_RECORD:
            return _read_raw(envelope, known, topic_event_types)
        return _read_named(envelope.type, envelope, known)
    except EnrichmentError as error:
        error.product_id = _named_product(envelope)
        raise


def _read_raw(
    envelope: Envelope, known: Collection[str], topic_event_types: Mapping[str, str]
) -> ProductEvent | ProductDeletion | ForeignEvent:
    if not envelope.body:
        return ProductDeletion(_record_key(envelope))  # a tombstone: the record of this key is gone
    topic = envelope.origin.source.rpartition("#")[2]
    header = envelope.extensions.get("kafkaheadereventtype")
    data = envelope.json()
    name = (data.get("eventType") if isinstance(data, dict) else None) or header or topic_event_types.get(topic)
    if not isinstance(name, str):
        raise EventNameUnknown(f"a record of topic {topic[:100]!r} does not name its event")
    return _read_named(name, envelope, known)


def _read_named(name: str, envelope: Envelope, known: Collection[str]) -> ProductEvent | ProductDeletion | ForeignEvent:
    if name == DELETED:
        data = envelope.json()
        return ProductDeletion(_validate(data).product_id if data is not None else _record_key(envelope))
    if name not in known:
        return ForeignEvent(name)
    return ProductEvent(name, envelope.origin, _validate(envelope.json()))


def _record_key(envelope: Envelope) -> str:
    """The product id that a record without a body is about: its Kafka key."""
    key = envelope.extensions.get("key") or envelope.extensions.get("partitionkey")
    if not key:
        raise KeyMissing("the event has neither data nor a key")
    with suppress(UnicodeError):
        # HTTP header values arrive as Latin-1 (PEP 3333); KafkaSource writes the key's UTF-8 bytes as they are.
        key = key.encode("latin-1").decode("utf-8")
    try:
        return _PRODUCT_ID.validate_python(key)
    except ValidationError as error:
        raise SchemaViolated(f"key: {error.errors(include_url=False)[0]['msg']}") from error


def _named_product(envelope: Envelope) -> str:
    """Whom a refusal is about: who reads a dead letter wants to know."""
    with suppress(EnrichmentError, ValidationError):
        if isinstance(data := envelope.json(), dict):
            return _PRODUCT_ID.validate_python(data.get("productId", data.get("prdCd")))
    return ""


def _validate(data: Any) -> ProductData:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(data, dict):
        raise DataNotJson("the data is not a JSON object")
    try:
        return ProductData.model_validate(data)
    except ValidationError as error:
        problems = [_problem(data, found["loc"], found["msg"]) for found in error.errors(include_url=False)]
        raise SchemaViolated("; ".join(list(dict.fromkeys(problems))[:3])) from error


def _problem(data: dict[str, Any], location: tuple[int | str, ...], message: str) -> str:
    """What is wrong, by the field's name and no more of the path: below `attributes` it is what the seller typed."""
    field = location[0] if location else "data"
    if field == "attributes" and len(location) > 1:
        place = list(data["attributes"]).index(location[1]) + 1
        return f"attributes: number {place} is no text of at most 1,000 characters, number, boolean or list of these"
    return f"{field}: {_IN_JSON.get(message, message).removeprefix('Value error, ')}"


_IN_JSON = {
    "Input should be a valid tuple": "Input should be a list",
    "Input should be a valid frozenset": "Input should be a list",
    "Input should be a valid dictionary": "Input should be an object",
}
"""Pydantic speaks of Python's types, the sender of JSON's."""
