"""Patterns that planners write, run safely: compiled once, and stopped when they take too long. Pure."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache

import regex

from handler.derived import STORE

TIMEOUT_SECONDS = 1.0
"""For one pattern on one text; a sound pattern takes well under a millisecond."""

Span = tuple[int, int]

_RECIPE = f"pattern, any case, regex {regex.__version__}"


class TooSlow(Exception):
    """A pattern backtracked beyond `TIMEOUT_SECONDS`: whether it fits is unknown."""


@lru_cache(maxsize=4096)  # more than all planners' patterns
def compiled(pattern: str) -> regex.Pattern[str]:
    """The pattern, letter case ignored. Raises `regex.error`."""
    kept: regex.Pattern[str] | None = STORE.recall(_RECIPE, pattern)
    return kept or _compile(pattern)


def keep(patterns: Iterable[str]) -> None:
    """Has the patterns compiled for later processes; all of them take as long as the rest of a start.

    A broken one is left out: whoever needs it says so.
    """
    for pattern in patterns:
        with suppress(regex.error):
            STORE.ensure(_RECIPE, pattern, _compile)


def _compile(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern, regex.IGNORECASE)


def matches_of(pattern: str, text: str) -> list[regex.Match[str]]:
    """Where the pattern fits, empty matches left out. Raises `TooSlow`."""
    try:
        found = list(compiled(pattern).finditer(text, timeout=TIMEOUT_SECONDS))
    except TimeoutError as error:
        raise TooSlow(pattern) from error
    return [match for match in found if match.end() > match.start()]


def match_at(pattern: str, text: str, position: int) -> regex.Match[str] | None:
    """How the pattern fits at that position, which it may look behind. Raises `TooSlow`."""
    try:
        return compiled(pattern).match(text, position, timeout=TIMEOUT_SECONDS)
    except TimeoutError as error:
        raise TooSlow(pattern) from error


def spans(patterns: Sequence[str], text: str) -> list[Span]:
    """Where any of the patterns fits. Raises `TooSlow`."""
    return [match.span() for pattern in patterns for match in matches_of(pattern, text)]


def inside(span: Span, others: Sequence[Span]) -> bool:
    """Whether one of the other spans covers this one whole."""
    return any(start <= span[0] and span[1] <= end for start, end in others)


def masked(text: str, hidden: Sequence[Span]) -> str:
    """The text with the spans blanked out; every position stays where it is."""
    letters = list(text)
    for start, end in hidden:
        letters[start:end] = "\0" * (end - start)
    return "".join(letters)
