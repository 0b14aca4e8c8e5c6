"""From an envelope to what it is about: a change, a deletion, or nothing of ours."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from handler.envelope import Envelope
from handler.errors import BrokenJson, DataNotJson, EventNameUnknown, KeyMissing, SchemaViolated
from handler.events import ForeignEvent, Origin, ProductDeletion, ProductEvent
from handler.intake import DELETED, RAW_RECORD, read

KNOWN = {"ProductRegisteredEvent", "ProductImagesUpdatedEvent"}
TOPICS = {"products": "ProductRegisteredEvent", "gone": DELETED, "other": "SomethingElse"}
SOURCE = "/apis/v1/namespaces/shop/kafkasources/products#products"
PRODUCT = {"productId": "p-1", "name": "셔츠"}


def envelope(
    type_: str,
    data: Any = ...,  # noqa: ANN401 - whatever JSON holds
    *,
    source: str = SOURCE,
    media_type: str = "",
    extensions: Mapping[str, str] | None = None,
) -> Envelope:
    body = b"" if data is ... else data if isinstance(data, bytes) else json.dumps(data).encode()
    return Envelope(type_, Origin("e-1", source), extensions or {}, media_type, body)


def record(data: Any = ..., *, topic: str = "unmapped", **extensions: str) -> Envelope:  # noqa: ANN401 - as above
    """What KafkaSource makes of a record that is no CloudEvent."""
    return envelope(RAW_RECORD, data, source=f"/apis/v1/kafkasources/x#{topic}", extensions=extensions)


def about(opened: Envelope) -> ProductEvent | ProductDeletion | ForeignEvent:
    return read(opened, KNOWN, TOPICS)


# CloudEvents


def test_a_known_type_is_a_change_of_a_product() -> None:
    """With its name, origin and data."""
    event = about(envelope("ProductRegisteredEvent", PRODUCT))
    assert isinstance(event, ProductEvent)
    assert (event.type, event.origin, event.product.product_id) == (
        "ProductRegisteredEvent",
        Origin("e-1", SOURCE),
        "p-1",
    )


@pytest.mark.parametrize("data", [..., b"not json", {"no": "product"}])
def test_a_foreign_type_is_nothing_of_ours_whatever_it_carries(data: object) -> None:
    """Its data is not even opened."""
    assert about(envelope("OrderPlaced", data, media_type="application/avro")) == ForeignEvent("OrderPlaced")


@pytest.mark.parametrize("data", [..., None, [], "text", 5])
def test_a_change_without_an_object_is_not_json_data(data: object) -> None:
    """There is no product in it."""
    with pytest.raises(DataNotJson, match="not a JSON object"):
        about(envelope("ProductRegisteredEvent", data))


def test_data_that_cannot_be_read_is_said() -> None:
    """Another content type, or broken JSON."""
    with pytest.raises(DataNotJson):
        about(envelope("ProductRegisteredEvent", PRODUCT, media_type="application/xml"))
    with pytest.raises(BrokenJson):
        about(envelope("ProductRegisteredEvent", b"{"))


def test_fields_that_break_the_schema_are_named_without_their_values() -> None:
    """The first three, so that the detail fits; what the seller typed is not in it."""
    data = {"productId": "비밀..", "version": "x", "name": 5, "imageUrls": ["비밀"], "rewrite": "비밀", "language": 3}
    with pytest.raises(SchemaViolated) as caught:
        about(envelope("ProductRegisteredEvent", data))
    detail = caught.value.detail
    assert detail.count("; ") == 2
    assert detail.startswith("version: ")
    assert "비밀" not in detail
    assert len(detail) <= 400


# Deletions


@pytest.mark.parametrize("data", [{"productId": "p-1"}, {"prdCd": "p-1", "version": 3}])
def test_a_deletion_names_its_product_in_the_data(data: dict[str, Any]) -> None:
    """Under either name of the id."""
    assert about(envelope(DELETED, data)) == ProductDeletion("p-1")
    assert about(record(data, topic="gone")) == ProductDeletion("p-1")


@pytest.mark.parametrize("attribute", ["key", "partitionkey"])
@pytest.mark.parametrize(
    ("key", "product_id"),
    [
        ("p-1", "p-1"),
        ("상품-1".encode().decode("latin-1"), "상품-1"),  # a header, as WSGI gives it
        ("상품-1", "상품-1"),  # structured mode
        ("caf\u00e9", "caf\u00e9"),
    ],
)
def test_a_tombstone_is_about_its_key(attribute: str, key: str, product_id: str) -> None:
    """The record of this product is gone; the key's UTF-8 survives the trip through an HTTP header."""
    assert about(record(**{attribute: key})) == ProductDeletion(product_id)
    assert about(envelope(DELETED, extensions={attribute: key})) == ProductDeletion(product_id)


def test_the_key_of_kafka_source_comes_first() -> None:
    """`ce-key` is KafkaSource's; `partitionkey` may be anything that balances load."""
    assert about(record(key="p-1", partitionkey="shard-7")) == ProductDeletion("p-1")


@pytest.mark.parametrize("opened", [record(), record(key=""), envelope(DELETED), envelope(DELETED, None)])
def test_a_deletion_without_a_product_is_said(opened: Envelope) -> None:
    """Neither data nor key: nobody knows what is gone."""
    with pytest.raises(KeyMissing):
        about(opened)


@pytest.mark.parametrize("key", [".", "..", "x" * 129, "a\x00b"])
def test_a_key_that_is_no_product_id_is_refused(key: str) -> None:
    """It must pass for an id."""
    with pytest.raises(SchemaViolated, match=r"^key: "):
        about(record(key=key))


def test_a_deletion_with_data_that_names_nobody_is_refused() -> None:
    """A key does not stand in for an id that the data should have."""
    with pytest.raises(SchemaViolated, match="productId"):
        about(envelope(DELETED, {"name": "셔츠"}, extensions={"key": "p-1"}))


# Raw records


@pytest.mark.parametrize(
    ("opened", "name"),
    [
        (record({**PRODUCT, "eventType": "ProductImagesUpdatedEvent"}), "ProductImagesUpdatedEvent"),
        (record(PRODUCT, kafkaheadereventtype="ProductImagesUpdatedEvent"), "ProductImagesUpdatedEvent"),
        (record(PRODUCT, topic="products"), "ProductRegisteredEvent"),
        (
            record(
                {**PRODUCT, "eventType": "ProductImagesUpdatedEvent"},
                topic="gone",
                kafkaheadereventtype="ProductRegisteredEvent",
            ),
            "ProductImagesUpdatedEvent",
        ),
        (record(PRODUCT, topic="gone", kafkaheadereventtype="ProductRegisteredEvent"), "ProductRegisteredEvent"),
        (record({**PRODUCT, "eventType": ""}, topic="products"), "ProductRegisteredEvent"),
        (record({**PRODUCT, "eventType": None}, topic="products"), "ProductRegisteredEvent"),
    ],
)
def test_a_record_is_named_by_payload_then_header_then_topic(opened: Envelope, name: str) -> None:
    """The nearest to the data wins."""
    event = about(opened)
    assert isinstance(event, ProductEvent)
    assert event.type == name


def test_a_record_may_have_a_foreign_name() -> None:
    """Named, but nothing that a task listens to."""
    assert about(record({"eventType": "OrderPlaced"})) == ForeignEvent("OrderPlaced")
    assert about(record(PRODUCT, topic="other")) == ForeignEvent("SomethingElse")


@pytest.mark.parametrize(
    "opened", [record(PRODUCT), record({**PRODUCT, "eventType": 5}, topic="products"), record([1]), record("text")]
)
def test_a_record_without_a_name_is_not_acknowledged_away(opened: Envelope) -> None:
    """A typo in the topic map must fail loudly: 422, and the dead letters."""
    with pytest.raises(EventNameUnknown, match="does not name its event"):
        about(opened)


def test_a_record_that_is_no_object_can_be_named_by_its_header() -> None:
    """Then it is what cannot be used, and is said so."""
    with pytest.raises(DataNotJson):
        about(record([1], kafkaheadereventtype="ProductRegisteredEvent"))


def test_a_record_that_is_no_json_is_said() -> None:
    """Its name might stand in it."""
    with pytest.raises(BrokenJson):
        about(record(b"\x00\x00\x00\x01avro", topic="products"))
