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
from typing import Annotated

from pydantic import AfterValidator

from handler.content import Content
from handler.events import ProductData

NAME_ATTRIBUTE = "상품명"
"""The attribute that names a product where the event has no name of its own."""
_INVISIBLE = {"Cc": " ", "Cf": "", "Co": ""}
"""By Unicode category: a control character may part words; a format character, like ZERO WIDTH SPACE, has no width."""
_MAX_ROUNDS = 5
_EDGE_SIGNS = " ,/|·_~!*-"
"""They say nothing at the ends of a text, except before a digit: -18℃, ~3세."""
_LEADING_SIGNS = re.compile(rf"^[{_EDGE_SIGNS}]*?(?=[-~]\d|[^{_EDGE_SIGNS}]|$)")


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


def _is_regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}; correct it") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_is_regex)]


class Noise(Content):
    """What planners call noise in catalogue text (`prompts/shared/noise-ko.yaml`)."""

    placeholders: tuple[str, ...] = ()
    """Values that say nothing, compared without spaces and case."""
    remove: tuple[Pattern, ...] = ()
    """Regular expressions; what they match is cut out of names and values."""
    ignore_attributes: tuple[Pattern, ...] = ()
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
        """The text without markup, noise and control characters; empty where it is a placeholder.

        What is clean stays as it is. Noise may hide noise; where it goes on and on, there is nothing else.
        """
        for _ in range(_MAX_ROUNDS):
            before, text = text, self._cleaned_once(text)
            if text == before:
                return text
        return ""

    def _cleaned_once(self, text: str) -> str:
        text = unicodedata.normalize("NFC", _plain(text))
        if _squeeze(text) in self._placeholders:
            return ""
        text = " ".join(self._remove.sub(" ", text).split()).rstrip(_EDGE_SIGNS)
        text = _LEADING_SIGNS.sub("", text, count=1)
        return "" if _squeeze(text) in self._placeholders else text

    def ignores(self, attribute: str) -> bool:
        return self._ignore.fullmatch(attribute) is not None


def facts_of(product: ProductData, noise: Noise) -> Facts:
    """The product's facts. An attribute without any value left is dropped."""
    attributes: dict[str, dict[str, None]] = {}  # attributes that are one when cleaned are one, with all their values
    for key, value in product.attributes.items():
        values = value if isinstance(value, list) else [value]
        name = noise.clean(key)
        texts = dict.fromkeys(text for scalar in values if (text := noise.clean(_as_text(scalar))))
        if name and texts and not noise.ignores(name):
            attributes.setdefault(name, {}).update(texts)
    stated_name = next(iter(attributes.pop(NAME_ATTRIBUTE, {})), "")
    return Facts(
        name=noise.clean(product.name) or stated_name,
        category=tuple(text for level in product.category if (text := noise.clean(level))),
        attributes=tuple((name, tuple(texts)) for name, texts in attributes.items()),
        brand=noise.clean(product.brand),
        audience=noise.clean(product.audience),
    )


def _as_text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _plain(text: str) -> str:
    """Text without HTML; what scripts and styles hold is no text. Entities may be escaped twice in catalogues."""
    text = html.unescape(html.unescape(text))
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text)
    text = re.sub(r"(?s)<!--.*?-->|</?[a-zA-Z][a-zA-Z0-9]*(\s[^<>]*)?/?>", " ", text)
    return "".join(_INVISIBLE.get(unicodedata.category(character), character) for character in text)


def _squeeze(text: str) -> str:
    return "".join(text.casefold().split())
