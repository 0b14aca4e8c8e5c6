"""Reads out of a Converse request what the stand-in answers from: the product, and what was asked for it."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PRODUCT = re.compile(r"^<product>[ \t]*$(.*?)^</product>[ \t]*$", re.MULTILINE | re.DOTALL)
_BAND = re.compile(r"(\d+) (?:and|to) (\d+) characters")
_QUOTED = re.compile(r"“([^”]+)”")
_DEFAULT_BAND = (110, 190)
_NAME_KEYS = ("상품명", "제품명", "name")


@dataclass(frozen=True, kw_only=True)
class Product:
    """The seller's facts, as they stand in the prompt; an attribute with several values keeps them apart."""

    name: str
    brand: str
    category: tuple[str, ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]

    def words(self) -> str:
        """All of it as one text, for attributes that are read from words."""
        values = (" ".join((key, *values)) for key, values in self.attributes)
        return " \n ".join((self.name, *self.category, *values))


@dataclass(frozen=True, kw_only=True)
class Question:
    """What one request asks. `turn` counts the answers already given, `unwanted` quotes what was wrong with them."""

    product: Product | None
    language: str
    band: tuple[int, int]
    turn: int
    unwanted: tuple[str, ...]
    prompt: str
    image: bytes | None


def question_of(request: Mapping[str, Any]) -> Question:
    """The question in a request that the service accepts."""
    system = "\n".join(block["text"] for block in request.get("system", []) if "text" in block)
    asked = [message for message in request["messages"] if message["role"] == "user"]
    band = _BAND.search(system)
    corrections = "\n".join(_texts(asked[1:]))
    images = (
        block["image"]["source"]["bytes"] for message in asked for block in message["content"] if "image" in block
    )
    return Question(
        product=_product("\n".join(_texts(asked))),
        language="en" if " in English" in system else "ko",
        band=(int(band[1]), int(band[2])) if band else _DEFAULT_BAND,
        turn=len(request["messages"]) - len(asked),
        unwanted=tuple(unicodedata.normalize("NFC", excerpt) for excerpt in _QUOTED.findall(corrections)),
        prompt=system,
        image=next(images, None),
    )


def _texts(messages: list[Mapping[str, Any]]) -> Iterator[str]:
    for message in messages:
        for block in message["content"]:
            if "text" in block:
                yield block["text"]
            for part in block.get("toolResult", {}).get("content", []):
                yield part["text"] if "text" in part else json.dumps(part, ensure_ascii=False, default=str)


def _product(text: str) -> Product | None:
    block = _PRODUCT.search(unicodedata.normalize("NFC", text))
    try:
        facts = json.loads(block[1]) if block else None
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    stated = facts.get("attributes")
    attributes = {key: _values(value) for key, value in stated.items()} if isinstance(stated, dict) else {}
    names = [facts.get("name"), *(values[0] for key, values in attributes.items() if key in _NAME_KEYS and values)]
    return Product(
        name=next((name.strip() for name in names if isinstance(name, str) and name.strip()), ""),
        brand=" ".join(_values(facts.get("brand"))),
        category=_values(facts.get("category")),
        attributes=tuple(
            (key.strip(), values) for key, values in attributes.items() if values and key not in _NAME_KEYS
        ),
    )


def _values(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(
        str(item).strip()
        for item in values
        if isinstance(item, (str, int, float)) and not isinstance(item, bool) and str(item).strip()
    )
