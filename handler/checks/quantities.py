"""Numbers with their units, read from copy and facts into comparable quantities: 0.7 m is 70 cm. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import regex

from handler.checks.patterns import Span, matches_of

COUNT = "count"
"""The dimension of things that are counted. A bare number in the facts is evidence for it."""

_DIGIT = "[0-9]"  # of all that Unicode counts as digits, regex knows more than Decimal, and folded text has these
_SIDE = r"(?:(?:가로|세로|높이|폭|너비|깊이|길이|두께|지름)\s?|[WDHL]\s?)"  # what a number of a size measures
_MORE = r"x\s?[WDHL]?[0-9]"  # a size goes on: 150x230, 500mlx20
_NAMED_UNIT = regex.compile(r"[(\[]\s*(?:단위\s*:?\s*)?([^()\[\]]+?)\s*[)\]]\s*$|(?<=\p{Hangul})([A-Za-z]{2,3})\s*$")
_MYRIADS = {"": Decimal(1), "천": Decimal(10) ** 3, "만": Decimal(10) ** 4, "억": Decimal(10) ** 8}


class Quantity(NamedTuple):
    """A number as written, and what it amounts to in its dimension's smallest unit."""

    span: Span
    number: Decimal
    dimension: str = ""
    """Empty: no unit that is known."""
    factor: Decimal = Decimal(1)

    @property
    def amount(self) -> Decimal:
        return self.number * self.factor

    def borne_out_by(self, fact: "Quantity") -> bool:
        """Whether the fact says as much.

        A number without unit agrees with any fact of that number. In the same unit the number must be the same; in
        another, the same at the precision written, and within 1 % (27 inches may be called 69 cm, 70 cm never 1 m).
        """
        if not self.dimension or (self.dimension == COUNT and fact.dimension in {"", COUNT}):
            return self.number == fact.number
        if self.dimension != fact.dimension:
            return False
        if self.factor == fact.factor:
            return self.number == fact.number
        converted = fact.amount / self.factor
        last_place = Decimal(1).scaleb(int(self.number.as_tuple().exponent))
        return abs(converted - self.number) <= min(last_place / 2, converted / 100)

    def between(self, low: "Quantity", high: "Quantity") -> bool:
        """Whether it lies in a range that the facts state: 70 ℃ in 40~100 ℃. A bare number lies in none."""
        same = bool(self.dimension) and self.dimension == low.dimension == high.dimension
        return same and low.amount <= self.amount <= high.amount


@dataclass(frozen=True)
class QuantityReader:
    """Reads quantities with the units of all languages."""

    units: Mapping[str, tuple[str, Decimal]]
    """Unit, casefolded -> its dimension and size."""
    words: Mapping[str, Decimal]
    counters: Sequence[str]

    def read(self, text: str, *, unit: str = "") -> list[Quantity]:
        """The quantities in the text, in reading order; `unit` is for numbers that have none. Raises `TooSlow`."""
        found = []
        for match in matches_of(self._digits, text) if matches_of(_DIGIT, text) else ():
            number = _number(match["number"]) * _MYRIADS[match["myriad"] or ""]
            dimension, factor = self.units.get((match["unit"] or match["ahead"] or unit).casefold(), ("", Decimal(1)))
            found.append(Quantity(match.span(), number, dimension, factor))
        if self._spelled:
            for match in matches_of(self._spelled, text):
                dimension, factor = self.units.get(match["counter"].casefold(), (COUNT, Decimal(1)))
                found.append(Quantity(match.span(), self.words[match["word"].casefold()], dimension, factor))
        return sorted(found, key=lambda quantity: quantity.span)

    def patterns(self) -> list[str]:
        """What it reads with."""
        return [pattern for pattern in (_DIGIT, self._digits, self._spelled) if pattern]

    def unit_of(self, attribute: str) -> str:
        """The unit that an attribute's name gives for its values: `총장(cm)`, `총장cm`."""
        match = _NAMED_UNIT.search(attribute)
        unit = (match[1] or match[2]) if match else ""
        return unit if unit.casefold() in self.units else ""

    @cached_property
    def _digits(self) -> str:
        unit = _alternatives(self.units)
        number = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?"
        # The unit of a range or a size stands at its end: 10~15 cm, 30 x 40 cm, 150 X 230 (cm).
        ahead = (
            rf"(?=(?:\s?[~∼〜–x×*/-]\s?{_SIDE}?(?:{number})){{1,3}}"
            r"\s?(?:(?P<ahead>(?&units))|\((?P<ahead>(?&units))\)))"
        )
        own = r"\s?(?:(?P<unit>(?&units))|\((?P<unit>(?&units))\))"
        # A digit inside a Latin word is part of a name (B12, SPF50), and so is one in front of it (3D).
        start = rf"(?<![A-Za-z0-9])|(?<=[0-9](?:mm|cm|ml|m|g)?[x×]{_SIDE}?)|(?<=(?<![A-Za-z0-9])[WDHL])(?=[0-9.]+[x×*])"
        return (
            rf"(?(DEFINE)(?P<units>{unit}))"  # once: 160 of them take 5 ms to compile
            rf"(?:{start})(?<![0-9][.,])(?P<number>{number})(?![0-9])(?P<myriad>[천만억])?"
            rf"(?:{own}|{ahead}|(?![0-9]|(?!{_MORE})[A-Za-z]))"
        )

    @cached_property
    def _spelled(self) -> str:
        if not self.words or not self.counters:
            return ""
        return rf"(?<!\p{{L}})(?P<word>{_plain(self.words)})[\s-]?(?P<counter>{_plain(self.counters)})"


def _number(written: str) -> Decimal:
    return Decimal(written.replace(",", ""))


def _plain(words: Mapping[str, object] | Sequence[str]) -> str:
    return "|".join(regex.escape(word) for word in sorted(words, key=len, reverse=True))


def _alternatives(units: Mapping[str, object]) -> str:
    ordered = sorted(units, key=len, reverse=True)
    return "|".join(
        regex.escape(u) + (rf"(?!(?!{_MORE})[A-Za-z])" if u[-1:].isascii() and u[-1:].isalpha() else "")
        for u in ordered
    )
