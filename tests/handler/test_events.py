"""The contract of a product event: every alias, every limit, and the order of events."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from handler.events import Order, Origin, ProductData, ProductEvent


def product(**data: Any) -> ProductData:  # noqa: ANN401 - an event's data
    return ProductData.model_validate({"productId": "p-1", **data})


def refused(data: dict[str, Any]) -> str:
    """Where the data is wrong: the first place that validation names."""
    with pytest.raises(ValidationError) as caught:
        ProductData.model_validate(data)
    return ".".join(map(str, caught.value.errors()[0]["loc"]))


# Accepted


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        ({"productId": "p-1"}, "product_id", "p-1"),
        ({"productId": 42}, "product_id", "42"),
        ({"prdCd": "p-2"}, "product_id", "p-2"),
        ({"prdCd": 0}, "product_id", "0"),
        ({"productId": "p-1", "prdCd": "p-2"}, "product_id", "p-1"),
        ({"productId": None, "prdCd": "p-2"}, "product_id", "p-2"),
        ({"productId": "가/나 %?#"}, "product_id", "가/나 %?#"),
        ({"productId": "x" * 128}, "product_id", "x" * 128),
        ({"productId": "..."}, "product_id", "..."),
    ],
)
def test_a_product_has_an_id(data: dict[str, Any], field: str, value: object) -> None:
    """A string or an integer, under either name."""
    assert getattr(ProductData.model_validate(data), field) == value


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        ({}, "version", None),
        ({"version": 0}, "version", 0),
        ({"version": 2**63 - 1}, "version", 2**63 - 1),
        ({"version": None}, "version", None),
        ({"updatedAt": "2026-11-22T09:00:00+09:00"}, "updated_at", datetime(2026, 11, 22, tzinfo=UTC)),
        ({}, "name", ""),
        ({"name": "셔츠"}, "name", "셔츠"),
        ({"productName": "셔츠"}, "name", "셔츠"),
        ({"prdNm": "셔츠"}, "name", "셔츠"),
        ({"name": None, "prdNm": "셔츠"}, "name", "셔츠"),
        ({"name": "x" * 500}, "name", "x" * 500),
        ({}, "category", ()),
        ({"category": ["의류", "셔츠"]}, "category", ("의류", "셔츠")),
        ({"category1": "의류", "category2": "셔츠"}, "category", ("의류", "셔츠")),
        ({"category1": "의류"}, "category", ("의류",)),
        ({"category2": "셔츠"}, "category", ("셔츠",)),
        ({"category": ["가전"], "category1": "의류"}, "category", ("가전",)),
        ({"category": None, "category1": "의류"}, "category", ("의류",)),
        ({"category": ["x" * 1000] * 20}, "category", ("x" * 1000,) * 20),
        ({}, "attributes", {}),
        ({"attributes": None}, "attributes", {}),
        ({"attributes": {"소재": "면"}}, "attributes", {"소재": "면"}),
        ({"attributes": {"소재": None, "핏": "루즈"}}, "attributes", {"핏": "루즈"}),
        ({"attributes": {"a": 1, "b": 1.5, "c": True}}, "attributes", {"a": 1, "b": 1.5, "c": True}),
        ({"attributes": {"a": ["x", 1, 1.5, False]}}, "attributes", {"a": ["x", 1, 1.5, False]}),
        ({"attributes": {"a": []}}, "attributes", {"a": []}),
        ({"attributes": {"a": 10**400}}, "attributes", {"a": 10**400}),
        ({"attributes": {"k" * 1000: "v" * 1000}}, "attributes", {"k" * 1000: "v" * 1000}),
        ({"attributes": {str(n): "x" for n in range(100)}}, "attributes", {str(n): "x" for n in range(100)}),
        ({}, "image_urls", ()),
        ({"imageUrls": ["https://a/1", "http://b"]}, "image_urls", ("https://a/1", "http://b")),
        ({"imgUrl": "https://a/1"}, "image_urls", ("https://a/1",)),
        ({"imgUrl": ""}, "image_urls", ()),
        ({"imageUrls": ["https://a/1"], "imgUrl": "https://b"}, "image_urls", ("https://a/1",)),
        ({"imageUrls": ["HTTPS://a/1"]}, "image_urls", ("HTTPS://a/1",)),
        ({"imageUrls": ["https://a"] * 20}, "image_urls", ("https://a",) * 20),
        ({}, "language", "ko"),
        ({"language": None}, "language", "ko"),
        ({"language": "en"}, "language", "en"),
        ({"brand": "ACME", "audience": "남성"}, "audience", "남성"),
        ({}, "protected", frozenset()),
        ({"protected": ["description", "description"]}, "protected", frozenset({"description"})),
        ({"rewrite": "put"}, "rewrite", "put"),
        ({"rewrite": "ask"}, "rewrite", "ask"),
        ({"rewrite": None}, "rewrite", None),
        ({"somethingNew": {"deep": [1]}}, "name", ""),
    ],
)
def test_fields_are_read_by_their_names_and_aliases(data: dict[str, Any], field: str, value: object) -> None:
    """Null is absent, unknown fields are ignored, and limits are inclusive."""
    read = getattr(product(**data), field)
    assert read == value
    assert type(read) is type(value)


def test_attributes_keep_the_seller_s_order() -> None:
    """What stands first matters to the seller."""
    assert list(product(attributes={"나": 1, "가": 2, "다": 3}).attributes) == ["나", "가", "다"]


# Refused


@pytest.mark.parametrize(
    "product_id", [None, "", ".", "..", "x" * 129, True, 1.5, ["p"], {"id": 1}, "a\nb", "\x00", "\x7f", 10**200]
)
def test_what_names_no_product_is_refused(product_id: object) -> None:
    """No id, a path step, a control character, or another type."""
    assert refused({"productId": product_id}) == "productId"


def test_data_without_an_id_is_refused() -> None:
    """There is nothing to write to."""
    assert refused({"name": "셔츠"}) == "productId"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"version": -1}, "version"),
        ({"version": 2**63}, "version"),
        ({"version": "3"}, "version"),
        ({"version": 3.0}, "version"),
        ({"version": True}, "version"),
        ({"updatedAt": "yesterday"}, "updatedAt"),
        ({"updatedAt": "2026-11-22T09:00:00"}, "updatedAt"),
        ({"updatedAt": "2026-11-22"}, "updatedAt"),
        ({"updatedAt": True}, "updatedAt"),
        ({"updatedAt": 1767225600}, "updatedAt"),
        ({"updatedAt": "1767225600"}, "updatedAt"),
        ({"updatedAt": "2026-11-22T09:00Z"}, "updatedAt"),
        ({"name": "x" * 501}, "name"),
        ({"productName": 5}, "productName"),
        ({"category": "의류"}, "category"),
        ({"category": ["x" * 1001]}, "category.0"),
        ({"category": ["a"] * 21}, "category"),
        ({"category1": 5}, "category.0"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"k" * 1001: "v"}}, f"attributes.{'k' * 1001}.[key]"),
        ({"attributes": {str(n): "x" for n in range(101)}}, "attributes"),
        ({"imageUrls": "https://a"}, "imageUrls"),
        ({"imageUrls": ["ftp://a"]}, "imageUrls.0"),
        ({"imageUrls": ["//a/1"]}, "imageUrls.0"),
        ({"imageUrls": ["https:///1"]}, "imageUrls.0"),
        ({"imageUrls": ["file:///etc/passwd"]}, "imageUrls.0"),
        ({"imageUrls": ["https://" + "a" * 2048]}, "imageUrls.0"),
        ({"imageUrls": ["https://a"] * 21}, "imageUrls"),
        ({"imageUrls": [None]}, "imageUrls.0"),
        ({"imgUrl": ["https://a"]}, "imageUrls.0"),
        ({"language": 5}, "language"),
        ({"brand": "x" * 1001}, "brand"),
        ({"audience": []}, "audience"),
        ({"protected": "description"}, "protected"),
        ({"protected": [1]}, "protected.0"),
        ({"rewrite": "yes"}, "rewrite"),
    ],
)
def test_a_field_out_of_its_limits_is_refused_by_name(data: dict[str, Any], place: str) -> None:
    """The failure names the field, and where the sender used an alias, that."""
    assert refused({"productId": "p-1", **data}).startswith(place)


@pytest.mark.parametrize("value", ["x" * 1001, {"deep": 1}, [["deep"]], [None], float("inf"), float("nan")])
def test_an_attribute_is_a_scalar_or_a_list_of_them(value: object) -> None:
    """Nothing deeper, nothing longer, and no number that JSON has not."""
    assert refused({"productId": "p-1", "attributes": {"소재": value}}).startswith("attributes.소재")


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_data_that_is_no_object_is_refused(data: object) -> None:
    """It can hold no field."""
    with pytest.raises(ValidationError):
        ProductData.model_validate(data)


# Order

MOMENT = datetime(2026, 11, 22, 9, 30, 0, 123_456, tzinfo=UTC)


def order(time: datetime | None = None, **data: Any) -> Order | None:  # noqa: ANN401 - an event's data
    return ProductEvent("X", Origin("1", "/shop", time), product(**data)).order


@pytest.mark.parametrize(
    ("data", "time", "expected"),
    [
        ({"version": 3, "updatedAt": MOMENT.isoformat()}, MOMENT, Order("version", 3)),
        ({"version": 0}, MOMENT, Order("version", 0)),
        ({"updatedAt": MOMENT.isoformat()}, None, Order("updatedAt", 1_795_339_800_123_456)),
        ({"updatedAt": "2026-11-22T18:30:00.123456+09:00"}, None, Order("updatedAt", 1_795_339_800_123_456)),
        ({}, MOMENT, Order("time", 1_795_339_800_123_456)),
        ({}, None, None),
    ],
)
def test_the_order_is_the_version_else_a_time(
    data: dict[str, Any], time: datetime | None, expected: Order | None
) -> None:
    """The first of version, updatedAt and the event's time that there is, and which of them it was."""
    assert order(time, **data) == expected


@given(moment=st.datetimes(timezones=st.timezones()), step=st.integers(1, 10**6))
def test_times_are_ordered_to_the_microsecond(moment: datetime, step: int) -> None:
    """A later event has a greater order, in whatever zone and however far from today."""
    earlier = moment.astimezone(UTC) if moment.year > 1 else moment.replace(year=2, tzinfo=UTC)
    later = min(earlier, datetime(9999, 1, 1, tzinfo=UTC)) + timedelta(microseconds=step)
    earlier = later - timedelta(microseconds=step)
    first, second = order(earlier), order(later)
    assert first is not None
    assert second is not None
    assert second.value - first.value == step
