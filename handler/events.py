"""The contract in: what a product event says, validated once and then trusted."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

OrderKind = Literal["version", "updatedAt", "time"]


class Order(NamedTuple):
    """Where an event stands among those of its product. Only orders of one kind can be compared."""

    kind: OrderKind
    value: int
    """The version itself, or microseconds since 1970 UTC."""


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(kind: OrderKind, moment: datetime) -> Order:
    return Order(kind, (moment - _EPOCH) // timedelta(microseconds=1))


class Origin(NamedTuple):
    """The CloudEvent attributes that order and provenance need."""

    id: str
    source: str
    time: datetime | None = None
    traceparent: str = ""
    """W3C trace context, passed on to the product service."""


def _as_product_id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("give a string or an integer")  # noqa: TRY004 - pydantic reports ValueErrors
    text = str(value)
    if text in {".", ".."}:
        raise ValueError("'.' and '..' name no product: they change the path of a URL")  # RFC 3986, 5.2.4
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("control characters are not allowed")
    return text


def _is_rfc_3339(value: object) -> object:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("give date, time and offset in RFC 3339: 2026-11-22T09:00:00Z")
    return value


def _is_web_url(value: str) -> str:
    if not re.match(r"https?://[^\s/]", value, re.IGNORECASE):
        raise ValueError("give an http or https URL")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_is_rfc_3339)]
"""RFC 3339, 5.6; pydantic alone would take numbers too, and guess their unit."""
ProductId = Annotated[str, BeforeValidator(_as_product_id), Field(min_length=1, max_length=128)]
Text = Annotated[str, StringConstraints(max_length=1000)]
Scalar = Text | bool | int | float
Url = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_is_web_url)]


class ProductData(BaseModel):
    """An event's data. Null is absent; unknown fields are ignored, since producers add fields before consumers know."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    product_id: ProductId = Field(validation_alias=AliasChoices("productId", "prdCd"))
    version: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    updated_at: Annotated[Instant, Field(strict=False)] | None = Field(None, validation_alias="updatedAt")
    name: Annotated[str, StringConstraints(max_length=500)] = Field(
        "", validation_alias=AliasChoices("name", "productName", "prdNm")
    )
    category: tuple[Text, ...] = Field((), strict=False, max_length=20)
    attributes: dict[Text, Scalar | list[Scalar]] = Field(default_factory=dict, max_length=100)
    image_urls: tuple[Url, ...] = Field((), validation_alias="imageUrls", strict=False, max_length=20)
    language: str = "ko"
    brand: Text = ""
    audience: Text = ""
    protected: frozenset[str] = Field(frozenset(), strict=False)
    rewrite: Literal["put", "ask"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _join_platform_fields(cls, data: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The forms that platforms use: GS SHOP's `category1`, `category2` and `imgUrl`, and null for absent."""
        if not isinstance(data, dict):
            return data
        given = {key: value for key, value in data.items() if value is not None}
        if "category" not in given and (levels := [given[key] for key in ("category1", "category2") if given.get(key)]):
            given["category"] = levels
        if "imageUrls" not in given and given.get("imgUrl"):
            given["imageUrls"] = [given["imgUrl"]]
        if isinstance(attributes := given.get("attributes"), dict):
            given["attributes"] = {key: value for key, value in attributes.items() if value is not None}
        return given


class ProductEvent(NamedTuple):
    """One change of one product."""

    type: str
    """The event's name, which decides the tasks that are owed."""
    origin: Origin
    product: ProductData

    @property
    def order(self) -> Order | None:
        """By version, else `updatedAt`, else the CloudEvent's `time`; None where the event has none of them."""
        if self.product.version is not None:
            return Order("version", self.product.version)
        if self.product.updated_at is not None:
            return _instant("updatedAt", self.product.updated_at)
        return _instant("time", self.origin.time) if self.origin.time else None


class ProductDeletion(NamedTuple):
    """The product is gone: what the ledger knows of it may go too."""

    product_id: str


class ForeignEvent(NamedTuple):
    """An event of a type that no task listens to."""

    type: str
