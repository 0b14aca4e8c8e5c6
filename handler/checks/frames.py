r"""Patterns around a word: `{term}\s?소재`. Pure.

Such a pattern is tried at the words that stand in a text, by what is in front of them and what is behind. So no pattern
has a word in it, and none must be compiled for the text at hand.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import regex

from handler.checks.patterns import Span, match_at, spans
from handler.derived import STORE

TERM = "{term}"
_SPLIT = "frame-1"
"""How patterns are split, as `derived` names it."""
_PIECE = regex.compile(r"(?s)\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{term\}|.")

Standing = tuple[Span, str]
"""Where a word stands, and its label."""


class Around(NamedTuple):
    span: Span
    item: str = ""
    """What the pattern's group of this name took."""


Frame = tuple[str | None, str]
"""What must end in front of `{term}`, and what must begin behind it; None and all of it where it has no `{term}`."""


@lru_cache(maxsize=4096)
def split(pattern: str) -> tuple[Frame, ...]:
    """The alternatives of a pattern with `{term}`. Raises `regex.error` for one that cannot be tried at a word."""
    made: tuple[Frame, ...] = STORE.derive(_SPLIT, pattern, _split)
    return made


def _split(pattern: str) -> tuple[Frame, ...]:
    depth, alternatives = 0, [""]
    for piece in _PIECE.findall(pattern):
        depth += (piece == "(") - (piece == ")")
        if piece == TERM and (depth or TERM in alternatives[-1]):
            raise regex.error(f"{TERM} stands in brackets or twice; write an entry for each", pattern)
        if piece == "|" and not depth:
            alternatives.append("")
        else:
            alternatives[-1] += piece
    return tuple(map(_frame, alternatives))


def _frame(alternative: str) -> Frame:
    before, term, after = alternative.partition(TERM)
    if not term:
        return None, alternative
    return f"(?<=({before}))" if before else "", after


def _around(frame: Frame, text: str, word: Span) -> Around | None:
    """The frame around a word, if it fits there. Raises `TooSlow`."""
    before, after = frame
    start, end = word
    item = ""
    if before:
        if not (match := match_at(before, text, start)):
            return None
        start, item = match.start(1), match.groupdict().get("item") or ""
    if after:
        if not (match := match_at(after, text, end)):
            return None
        end, item = match.end(), item or match.groupdict().get("item") or ""
    return Around((start, end), item)


def halves(pattern: str) -> Iterator[str]:
    """The patterns that it comes to. Raises `regex.error`."""
    return filter(None, chain.from_iterable(split(pattern)))


def framed(pattern: str, words: Iterable[Standing], text: str) -> Iterator[tuple[Standing, Span]]:
    """The words that the pattern frames, each with the span of all that it fits.

    Of words that overlap, the first, and of those that start together, the longest. Raises `TooSlow`.
    """
    for frame in split(pattern):
        taken = 0
        for word, label in words if frame[0] is not None else ():
            if word[0] >= taken and (around := _around(frame, text, word)):
                yield (word, label), around.span
                taken = word[1]


def seen(pattern: str, words: Iterable[Span], text: str) -> Iterator[Around]:
    """Where the pattern fits around any of the words, or anywhere where it has no `{term}`. Raises `TooSlow`."""
    for frame in split(pattern):
        if frame[0] is None:
            yield from (Around(span) for span in spans([frame[1]], text))
        else:
            yield from (around for word in words if (around := _around(frame, text, word)))
