"""What the facts say, cut into statements that a claim can rest on. Pure."""

import unicodedata
from collections.abc import Iterator, Sequence

import regex

from handler.checks.patterns import spans
from handler.facts import Facts

Statement = tuple[str, str]
"""An attribute's name, empty for the product's own fields, and one statement, which repeats that name."""

_ENDS = regex.compile(r"[;/()\[\]{}|·\n]|,(?!\d{3})|\.(?!\d)")


def folded(text: str) -> str:
    """One form of many: full-width signs become plain (100％), compositions canonical. Only for comparing."""
    return unicodedata.normalize("NFKC", text)


def statements(facts: Facts, *, negations: Sequence[str] = ()) -> Iterator[Statement]:
    """Every affirmative statement of the facts; `방수: 불가` is none. Raises `TooSlow`."""
    for text in (facts.name, facts.brand, *facts.category):
        yield from (("", part) for part in _parts(text))
    for attribute, values in facts.attributes:
        name = folded(attribute)
        for value in values:
            for part in _parts(value):
                statement = f"{name}: {part}"
                if not spans(negations, statement):
                    yield name, statement


def _parts(text: str) -> Iterator[str]:
    return (part.strip() for part in _ENDS.split(folded(text)) if part.strip())
