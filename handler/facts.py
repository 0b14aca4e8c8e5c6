"""Facts: the cleaned part of an event, all that the model sees of it and all that counts as evidence. Pure.

What is dropped here is never evidence and never changes a fingerprint.
"""

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from handler.content import Content
from handler.events import ProductData

NAME_ATTRIBUTE = "상품명"
"""The attribute that names a product where the event has no name of its own."""


@dataclass(frozen=True, slots=True)
class Facts:
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
        yield from (self.name, self.brand, self.audience, *self.category)
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


class Noise(Content):
    """What planners call noise in catalogue text (`prompts/shared/noise-ko.yaml`)."""

    placeholders: tuple[str, ...] = ()
    """Values that say nothing, compared without spaces and case."""
    remove: tuple[str, ...] = ()
    """Regular expressions; what they match is cut out of names and values."""
    ignore_attributes: tuple[str, ...] = ()
    """Regular expressions; attributes whose name matches wholly say nothing of the product."""

    @classmethod
    def joined(cls, packs: Iterable["Noise"]) -> "Noise":
        """Several files as one."""
        packs = list(packs)
        return cls(
            placeholders=tuple(word for pack in packs for word in pack.placeholders),
            remove=tuple(pattern for pack in packs for pattern in pack.remove),
            ignore_attributes=tuple(pattern for pack in packs for pattern in pack.ignore_attributes),
        )

    @cached_property
    def _remove(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.remove) or r"(?!)", re.IGNORECASE)

    @cached_property
    def _ignore(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.ignore_attributes) or r"(?!)", re.IGNORECASE)

    @cached_property
    def _placeholders(self) -> frozenset[str]:
        return frozenset(map(_squeeze, self.placeholders))

    def clean(self, text: str) -> str:
        """The text without markup, noise and control characters; empty where it is a placeholder."""
        text = unicodedata.normalize("NFC", _plain(text))
        if _squeeze(text) in self._placeholders:
            return ""
        text = " ".join(self._remove.sub(" ", text).split()).strip(" ,/|·-_~!*")
        return "" if _squeeze(text) in self._placeholders else text

    def ignores(self, attribute: str) -> bool:
        return self._ignore.fullmatch(attribute) is not None


def facts_of(product: ProductData, noise: Noise) -> Facts:
    """The product's facts. An attribute without any value left is dropped."""
    attributes = []
    for key, value in product.attributes.items():
        values = value if isinstance(value, list) else [value]
        name = noise.clean(key)
        texts = tuple(dict.fromkeys(text for scalar in values if (text := noise.clean(_as_text(scalar)))))
        if name and texts and name != NAME_ATTRIBUTE and not noise.ignores(name):
            attributes.append((name, texts))
    stated_name = product.attributes.get(NAME_ATTRIBUTE)
    name = product.name or (stated_name if isinstance(stated_name, str) else "")
    return Facts(
        name=noise.clean(name),
        category=tuple(text for level in product.category if (text := noise.clean(level))),
        attributes=tuple(attributes),
        brand=noise.clean(product.brand),
        audience=noise.clean(product.audience),
    )


def _as_text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _plain(text: str) -> str:
    """Text without HTML; what scripts and styles hold is no text. Entities may be escaped twice in catalogues."""
    text = html.unescape(html.unescape(text))
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text)
    text = re.sub(r"<!--.*?-->|</?[a-zA-Z][a-zA-Z0-9]*(\s[^<>]*)?/?>", " ", text)
    return "".join(" " if unicodedata.category(character) in {"Cc", "Cf", "Co"} else character for character in text)


def _squeeze(text: str) -> str:
    return "".join(text.casefold().split())
