"""Facts: the cleaned part of an event, all that the model sees of it and all that counts as evidence."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass


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
