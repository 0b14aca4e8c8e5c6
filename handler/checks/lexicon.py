"""Words of one kind of claim (colours, materials, ...), found in copy and in facts alike. Pure.

There is no morphological analysis (the known analysers cost 500 MB and seconds at start). Instead a word is either
unmistakable wherever it stands (캐시미어), or it is a claim only inside a frame: 면 in "면 100%", not in "입으면".
Nouns that no list has are not judged, so metaphors (구름 같은) pass by construction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import regex

from handler.checks.patterns import Span, inside, matches_of, spans
from handler.content import Content

_GAPS = regex.compile(r"[\s·-]")
_SHORT = 2
"""Syllables up to which a word counts only at a word's start."""


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
        return Term(
            words=self.words + other.words,
            framed=self.framed + other.framed,
            within=self.within or other.within,
            shown_by=self.shown_by + other.shown_by,
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """A claim in a text."""

    label: str
    span: Span
    """Of the word."""
    seen: Span
    """Of the frame around it: what a reader needs to see."""


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
        return self._found(text, self.frames, self._near(text), sold=sold)

    def licensed(self, segments: Iterable[tuple[str, str]]) -> frozenset[str]:
        """The labels that facts bear out, with all that they lie within. Segments are (attribute, text)."""
        labels: set[str] = set()
        segments = tuple(segments)
        near = self._near(" ".join(text for _, text in segments))
        for attribute, text in segments:
            bare = not self.stated_in or any(key.casefold() in attribute.casefold() for key in self.stated_in)
            frames = (*self.evidence_frames, r"{term}(?!\p{L})") if bare else self.evidence_frames
            labels.update(hit.label for hit in self._found(text, frames, near))
            labels.update(label for label, patterns in self._shown_by if spans(patterns, text))
        return frozenset(broader for label in labels for broader in self._lineage(label))

    def patterns(self) -> Iterator[str]:
        """Its patterns that have no word in them."""
        yield from (pattern for pattern in (*self.evidence_frames, *self.excepted) if "{term}" not in pattern)
        yield from (pattern for _, patterns in self._shown_by for pattern in patterns)

    def _near(self, text: str) -> "_Near":
        letters = squeezed(text)
        return [[word for word in words if word.squeezed in letters] for words in (self._words, self._framed)]

    def _found(self, text: str, frames: Sequence[str], near: "_Near", *, sold: str = "") -> list[Hit]:
        words, framed = (_standing(each, text) for each in near)
        hits = {self._hit(match, match.span()) for match in _foremost(words, text)}
        if framed:
            term = f"(?P<term>{_any(framed)})"
            for frame in frames:
                found = matches_of(frame.replace("{term}", term), text)
                hits.update(self._hit(match, match.span("term")) for match in found)
        harmless = self._excepted_spans(text, sold, f"(?:{_any([*words, *framed])})") if hits else []
        # By all of a hit: a set's order is another in every process, and a re-ask that says the same is paid once.
        claims = (hit for hit in hits if not inside(hit.span, harmless))
        return sorted(claims, key=lambda hit: (hit.span, hit.seen, hit.label))

    def _excepted_spans(self, text: str, sold: str, term: str) -> list[Span]:
        found = (m for pattern in self.excepted for m in matches_of(pattern.replace("{term}", term), text))
        return [m.span() for m in found if not (item := m.groupdict().get("item")) or item not in sold]

    def _hit(self, match: regex.Match[str], word: Span) -> Hit:
        return Hit(self._labels[squeezed(match.string[word[0] : word[1]])], word, match.span())

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
    def _labels(self) -> dict[str, str]:
        return {squeezed(word): label for label, term in self.terms.items() for word in (*term.words, *term.framed)}

    @cached_property
    def _words(self) -> tuple["_Word", ...]:
        start = rf"(?<=(?:^|\P{{L}})(?:{'|'.join(map(regex.escape, self.prefixes))})?)"
        return _ordered((word for term in self.terms.values() for word in term.words), short=start)

    @cached_property
    def _framed(self) -> tuple["_Word", ...]:
        return _ordered((word for term in self.terms.values() for word in term.framed), always=r"(?<!\p{L})")


class _Word(NamedTuple):
    squeezed: str
    word: str
    start: str
    """What must be in front of it."""

    @property
    def pattern(self) -> str:
        """Where it stands. Made only for the few words whose letters a text has."""
        return self.start + _word_pattern(self.word)


_Near = list[list[_Word]]
"""The words, and the framed ones, whose letters a text has: of hundreds, few."""


def squeezed(word: str) -> str:
    """The word without the spaces and hyphens that people write or leave out."""
    return (word if word.isalnum() else _GAPS.sub("", word)).casefold()


def _ordered(words: Iterable[str], *, short: str = "", always: str = "") -> tuple[_Word, ...]:
    """Longest word first so that 스카이블루 is not read as 블루."""
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    # Korean compounds run on (캐시미어니트), but two syllables also arise by chance: 레드 in 브레드.
    return tuple(
        _Word(squeezed(word), word, always + (short if len(word) <= _SHORT and not word.isascii() else ""))
        for word in ordered
    )


def _standing(words: Iterable[_Word], text: str) -> list[_Word]:
    """The words that the text has. Only they become patterns: one of a whole family takes 45 ms to compile."""
    letters = squeezed(text)
    return [word for word in words if word.squeezed in letters and matches_of(word.pattern, text)]


def _any(words: Iterable[_Word]) -> str:
    return "|".join(word.pattern for word in words)


def _foremost(words: Iterable[_Word], text: str) -> list[regex.Match[str]]:
    """What `_any` would find: of words that overlap, the first, and of those that start together, the longest."""
    found = [match for word in words for match in matches_of(word.pattern, text)]
    taken: list[regex.Match[str]] = []
    for match in sorted(found, key=lambda match: match.start()):
        if not taken or match.start() >= taken[-1].end():
            taken.append(match)
    return taken


def _word_pattern(word: str) -> str:
    pattern = r"[\s·-]?".join(map(regex.escape, word.split()))
    return rf"(?<![A-Za-z]){pattern}(?![A-Za-z])" if word.isascii() else pattern  # red, not in tailored
