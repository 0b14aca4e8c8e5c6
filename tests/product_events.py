"""Product events as intake hands them on: a T-shirt, unless told otherwise."""

import itertools
from datetime import datetime
from typing import Any

from handler.events import Origin, ProductData, ProductEvent

ATTRIBUTES = "ProductAttributesUpdatedEvent"
IMAGES = "ProductImagesUpdatedEvent"
REGISTERED = "ProductRegisteredEvent"

SHIRT: dict[str, Any] = {
    "productId": "shirt",
    "name": "베이직 코튼 티셔츠",
    "category": ["남성의류", "티셔츠"],
    "attributes": {"소재": "면 100%", "핏": "레귤러핏"},
    "imageUrls": ["https://img.example.com/shirt.png"],
}
_ids = itertools.count(1)


def product_event(
    version: int | None = 1,
    *,
    name: str = ATTRIBUTES,
    event_id: str = "",
    time: datetime | None = None,
    traceparent: str = "",
    **product: Any,  # noqa: ANN401 - an event's data
) -> ProductEvent:
    """An event of its own id, unless it is given one: then it is the same event, delivered again."""
    data = {**SHIRT, "version": version, **product}
    origin = Origin(event_id or f"event-{next(_ids)}", "/shop", time, traceparent)
    return ProductEvent(name, origin, ProductData.model_validate(data))
