"""Facts: the cleaned part of an event, all that the model sees of it and all that counts as evidence. Pure.

What is dropped here is never evidence and never changes a fingerprint.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from handler.events import ProductData
from handler.noise import Noise

NAME_ATTRIBUTE = "상품명"
"""The attribute that names a product where the event has no name of its own."""
BRAND_ATTRIBUTE = "브랜드"


class Facts(NamedTuple):
    """What is known of one product, cleaned. Texts are NFC and have no markup."""

    name: str
    category: tuple[str, ...]
    """Coarse to fine."""
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    """In the seller's order; each with its values."""
    brand: str = ""
    audience: str = ""

    def evidence(self) -> Iterator[str]:
        """Every text that a claim may rest on: name, brand, category, and attribute names with their values."""
        yield from (self.name, self.brand, *self.category)
        for key, values in self.attributes:
            yield key
            yield from values

    def block(self) -> str:
        """The facts as the prompt shows them: JSON between the lines `<product>` and `</product>`.

        Angle brackets are escaped, so that no seller can close the block; order is kept, Korean is not escaped.
        """
        product = {
            "name": self.name,
            "brand": self.brand,
            "category": self.category,
            "attributes": {key: values[0] if len(values) == 1 else values for key, values in self.attributes},
        }
        text = json.dumps({key: value for key, value in product.items() if value}, ensure_ascii=False)
        escaped = text.replace("<", "\\u003c").replace(">", "\\u003e")
        return f"<product>\n{escaped}\n</product>"


def facts_of(product: ProductData, noise: Noise) -> Facts:
    """The product's facts. An attribute without any value left is dropped."""
    attributes: dict[str, dict[str, None]] = {}  # attributes that are one when cleaned are one, with all their values
    for key, value in product.attributes.items():
        name = noise.clean(key)
        if not name or any(map(noise.ignores, {key, name})):  # the key, too: of 출고예정일 cleaning leaves 일
            continue
        values = value if isinstance(value, list) else [value]
        texts = dict.fromkeys(text for scalar in values if (text := noise.clean_value(name, _as_text(scalar))))
        if texts:
            attributes.setdefault(name, {}).update(texts)
    stated_name = next(iter(attributes.pop(NAME_ATTRIBUTE, {})), "")
    return Facts(
        name=noise.clean_value(NAME_ATTRIBUTE, product.name) or stated_name,
        category=tuple(text for level in product.category if (text := noise.clean(level))),
        attributes=tuple((name, tuple(texts)) for name, texts in attributes.items()),
        brand=noise.clean_value(BRAND_ATTRIBUTE, product.brand),
        audience=noise.clean(product.audience),
    )


def _as_text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)
