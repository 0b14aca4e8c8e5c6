"""Words of one kind of claim (colours, materials, ...), found in copy and in facts alike. Pure.

There is no morphological analysis (the known analysers cost 500 MB and seconds at start). Instead a word is either
unmistakable wherever it stands (캐시미어), or it is a claim only inside a frame: 면 in "면 100%", not in "입으면".
Nouns that no list has are not judged, so metaphors (구름 같은) pass by construction.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import starmap
from typing import NamedTuple

import regex

from handler.checks import frames
from handler.checks.frames import Standing
from handler.checks.patterns import Span, inside, spans
from handler.content import Content

_GAPS = regex.compile(r"[\s·-]")
_SHORT = 2
"""Syllables up to which a word counts only at a word's start."""
_BARE = r"{term}(?!\p{L})"
"""The frame of a fact that says the word alone."""


class Term(Content):
    """One thing that can be claimed, with all its names."""

    words: tuple[str, ...] = ()
    """A claim wherever they stand. A space stands for a space, a hyphen or nothing."""
    framed: tuple[str, ...] = ()
    """A claim only inside one of the family's frames."""
    within: str = ""
    """The broader term that this one may also be called."""
    shown_by: tuple[str, ...] = ()
    """Patterns: facts that amount to it in other words."""

    def joined(self, other: "Term") -> "Term":
        """Both languages' words of one term."""
        return Term.model_construct(  # of parts that were validated
            words=self.words + other.words,
            framed=self.framed + other.framed,
            within=self.within or other.within,
            shown_by=self.shown_by + other.shown_by,
        )


class Hit(NamedTuple):
    """A claim in a text."""

    label: str
    span: Span
    """Of the word."""
    seen: Span
    """Of the frame around it: what a reader needs to see."""


class _Word(NamedTuple):
    label: str
    parts: tuple[str, ...]
    """In lower case; between two of them may be a space, a hyphen or nothing."""
    is_latin: bool
    is_framed: bool
    is_short: bool

    def end(self, text: str, start: int) -> int | None:
        """Where it ends, if its letters stand there."""
        end = start
        for number, part in enumerate(self.parts):
            if number and _GAPS.match(text, end) and text.startswith(part, end + 1):
                end += 1
            if not text.startswith(part, end):
                return None
            end += len(part)
        return end

    def stands(self, text: str, start: int, end: int, prefixes: Iterable[str]) -> bool:
        """Whether its letters, which stand there, are a word of their own, as far as one can tell."""
        if self.is_latin and (_is_latin(text[start - 1 : start]) or _is_latin(text[end : end + 1])):
            return False  # red, not in tailored
        if self.is_framed:
            return _begins_a_word(text, start)
        # Korean compounds run on (캐시미어니트), but two syllables also arise by chance: 레드 in 브레드.
        heads = (start - len(prefix) for prefix in ("", *prefixes) if text.endswith(prefix, 0, start))
        return not self.is_short or any(_begins_a_word(text, head) for head in heads)


@lru_cache(maxsize=4096)
def _word(label: str, word: str, is_framed: bool) -> _Word:
    is_latin = word.isascii()
    return _Word(label, tuple(word.lower().split()), is_latin, is_framed, len(word) <= _SHORT and not is_latin)


@dataclass(frozen=True)
class Lexicon:
    """A family's words with one language's frames."""

    terms: Mapping[str, Term]
    frames: tuple[str, ...] = ()
    """Patterns in which `{term}` is one of the framed words."""
    excepted: tuple[str, ...] = ()
    """Patterns in which `{term}` is any word; a claim inside one is none. A group `item` must not be what is sold."""
    evidence_frames: tuple[str, ...] = ()
    """Frames of every language: facts come in any."""
    prefixes: tuple[str, ...] = ()
    """What a short Korean word may be compounded with: 올블랙."""
    stated_in: tuple[str, ...] = ()
    """Attributes in which a bare framed word is evidence; empty: anywhere."""

    def claims(self, text: str, *, sold: str = "") -> list[Hit]:
        """The claims in copy, in reading order; `sold` names the product. Raises `TooSlow`."""
        return self._found(text, self.frames, sold=sold)

    def licensed(self, segments: Iterable[tuple[str, str]]) -> frozenset[str]:
        """The labels that facts bear out, with all that they lie within. Segments are (attribute, text)."""
        labels: set[str] = set()
        for attribute, text in segments:
            bare = not self.stated_in or any(key.casefold() in attribute.casefold() for key in self.stated_in)
            frames = (*self.evidence_frames, _BARE) if bare else self.evidence_frames
            labels.update(hit.label for hit in self._found(text, frames))
            labels.update(label for label, patterns in self._shown_by if spans(patterns, text))
        return frozenset(broader for label in labels for broader in self._lineage(label))

    def patterns(self) -> Iterator[str]:
        """All patterns that it holds a text to."""
        for pattern in (*self.frames, *self.evidence_frames, *self.excepted, _BARE):
            yield from frames.halves(pattern)
        yield from (pattern for _, patterns in self._shown_by for pattern in patterns)

    def _found(self, text: str, patterns: Iterable[str], *, sold: str = "") -> list[Hit]:
        words, framed = self._standing(text)
        hits = {Hit(label, span, span) for span, label in _foremost(words)}
        if framed:
            for pattern in patterns:
                hits.update(Hit(label, word, span) for (word, label), span in frames.framed(pattern, framed, text))
        harmless = list(self._excepted_spans(text, sold, [*words, *framed])) if hits else []
        # By all of a hit: a set's order is another in every process, and a re-ask that says the same is paid once.
        claims = (hit for hit in hits if not inside(hit.span, harmless))
        return sorted(claims, key=lambda hit: (hit.span, hit.seen, hit.label))

    def _standing(self, text: str) -> tuple[list[Standing], list[Standing]]:
        """The words and the framed words that the text has; of those that start together, the longest first."""
        text = _lower(text)
        words: list[Standing] = []
        framed: list[Standing] = []
        for start in range(len(text)):
            found = [
                (word, end)
                for key in {text[start], text[start : start + 2]}
                for word in starmap(_word, self._index.get(key, ()))
                if (end := word.end(text, start)) and word.stands(text, start, end, self.prefixes)
            ]
            for word, end in sorted(found, key=lambda each: (-each[1], each[0].label)):
                (framed if word.is_framed else words).append(((start, end), word.label))
        return words, framed

    def _excepted_spans(self, text: str, sold: str, standing: Iterable[Standing]) -> Iterator[Span]:
        for pattern in self.excepted:
            for around in frames.seen(pattern, [span for span, _ in standing], text):
                if not around.item or around.item not in sold:
                    yield around.span

    def _lineage(self, label: str) -> list[str]:
        lineage: list[str] = []
        while label in self.terms and label not in lineage:
            lineage.append(label)
            label = self.terms[label].within
        return lineage

    @cached_property
    def _shown_by(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(label, term.shown_by) for label, term in self.terms.items() if term.shown_by]

    @cached_property
    def _index(self) -> dict[str, list[tuple[str, str, bool]]]:
        """Label, word and whether it is framed, by its first two letters, or its only one: of hundreds, few may stand
        at a place, and only those are looked at closer."""
        index: dict[str, list[tuple[str, str, bool]]] = {}
        for label, term in self.terms.items():
            for words, is_framed in ((term.words, False), (term.framed, True)):
                for word in words:
                    index.setdefault(word[:2].lower().rstrip(), []).append((label, word, is_framed))
        return index


def _foremost(standing: Iterable[Standing]) -> Iterator[Standing]:
    """Of words that overlap, the first, and of those that start together, the longest: 스카이블루 is not 블루."""
    taken = 0
    for word, label in standing:
        if word[0] >= taken:
            yield word, label
            taken = word[1]


def squeezed(word: str) -> str:
    """The word without the spaces and hyphens that people write or leave out."""
    return (word if word.isalnum() else _GAPS.sub("", word)).casefold()


def _lower(text: str) -> str:
    """In lower case, every position as it was."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _begins_a_word(text: str, start: int) -> bool:
    return start == 0 or not text[start - 1].isalpha()
