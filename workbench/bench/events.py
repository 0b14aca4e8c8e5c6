"""The events of a bench, as the bytes of requests; what they ask can be told from here without asking the function."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from workbench.bench.wire import request

PHOTO_PATH = "/images/shirt.jpg"
PHOTO_SIDE = 550
"""Pixels: what a mall's product list shows, and it fits as it is."""
FACTS: Mapping[str, Any] = {
    "category": ["여성의류", "티셔츠"],
    "attributes": {"소재": "면 100%", "핏": "레귤러핏", "두께": "보통"},
}


def photo() -> bytes:
    """A JPEG of some 57 kB, the same at every call."""
    from PIL import Image

    colours = random.Random(1).randbytes(50 * 50 * 3)  # noqa: S311 - a picture
    picture = Image.frombytes("RGB", (50, 50), colours).resize((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.BICUBIC)
    out = BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def product(product_id: str, *, name: str, version: int = 1, photo_url: str = "") -> dict[str, Any]:
    """The data of an event; equal names are equal questions."""
    images = {"imageUrls": [photo_url]} if photo_url else {}
    return {"productId": product_id, "version": version, "name": f"베이직 코튼 티셔츠 {name}", **FACTS, **images}


def event(data: Mapping[str, Any]) -> bytes:
    """A request that asks for the attributes where the product has a photo, and for the description else."""
    name = "ProductImagesUpdatedEvent" if "imageUrls" in data else "ProductAttributesUpdatedEvent"
    body = json.dumps(data, ensure_ascii=False).encode()
    return request(
        "POST",
        "/",
        body,
        Content_Type="application/json",
        ce_specversion="1.0",
        ce_id=f"{data['productId']}-{data['version']}",
        ce_source="/shop/products",
        ce_type=name,
    )


UNCHANGED_SHARE = 0.6
STALE_SHARE = 0.1
FRESH_SHARE = 0.9
"""Of the texts that change: new to all. The others were asked before, of some product."""


@dataclass
class Edits:
    """Edits of a catalogue: `count` events by the shares above."""

    count: int
    seed: int
    questions: list[str] = field(default_factory=list)
    """The names sent, each once: they are the questions, for the rest of a product is the same in all."""

    def lanes(self, width: int) -> list[list[bytes]]:
        """The events in so many lanes, which keep each product's order as a topic does."""
        lanes: list[list[bytes]] = [[] for _ in range(width)]
        for number, version, name in self._edits():
            lanes[number % width].append(event(product(f"edit-{number}", name=name, version=version)))
        return lanes

    def _edits(self) -> Iterator[tuple[int, int, str]]:
        """Product, version and name of each."""
        chance = random.Random(self.seed)  # noqa: S311 - a plan, not a secret
        history: list[list[str]] = []
        for _ in range(self.count):
            kind = chance.random()
            number = chance.randrange(len(history)) if history else 0
            if history and kind < STALE_SHARE and len(history[number]) > 1:
                version = chance.randrange(1, len(history[number]))
            else:
                changes = not history or kind >= STALE_SHARE + UNCHANGED_SHARE
                if changes and chance.random() < 0.5:
                    number = len(history)  # a product that nobody has seen
                if number == len(history):
                    history.append([])
                history[number].append(self._name(chance) if changes else history[number][-1])
                version = len(history[number])
            yield number, version, history[number][version - 1]

    def _name(self, chance: random.Random) -> str:
        if self.questions and chance.random() >= FRESH_SHARE:
            return chance.choice(self.questions)
        self.questions.append(str(len(self.questions)))
        return self.questions[-1]
