"""Words of one kind of claim (colours, materials, ...), found in copy and in facts alike. Pure.

There is no morphological analysis (the known analysers cost 500 MB and seconds at start). Instead a word is either
unmistakable wherever it stands (캐시미어), or it is a claim only inside a frame: 면 in "면 100%", not in "입으면".
Nouns that no list has are not judged, so metaphors (구름 같은) pass by construction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from handler.checks.patterns import Span, inside, matches_of, spans
from handler.content import Content

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
        return self._found(text, self.frames, sold=sold)

    def licensed(self, segments: Iterable[tuple[str, str]]) -> frozenset[str]:
        """The labels that facts bear out, with all that they lie within. Segments are (attribute, text)."""
        labels: set[str] = set()
        for attribute, text in segments:
            bare = not self.stated_in or any(key.casefold() in attribute.casefold() for key in self.stated_in)
            frames = (*self.evidence_frames, r"{term}(?!\p{L})") if bare else self.evidence_frames
            labels.update(hit.label for hit in self._found(text, frames))
            labels.update(label for label, term in self.terms.items() if spans(term.shown_by, text))
        return frozenset(broader for label in labels for broader in self._lineage(label))

    def _found(self, text: str, frames: Sequence[str], *, sold: str = "") -> list[Hit]:
        hits = {self._hit(match) for match in matches_of(self._words, text)} if self._words else set()
        if self._framed:
            for frame in frames:
                hits.update(self._hit(match) for match in matches_of(frame.replace("{term}", self._framed), text))
        harmless = self._excepted_spans(text, sold) if hits else []
        return sorted((hit for hit in hits if not inside(hit.span, harmless)), key=lambda hit: hit.span)

    def _excepted_spans(self, text: str, sold: str) -> list[Span]:
        found = (m for pattern in self.excepted for m in matches_of(pattern.replace("{term}", self._any), text))
        return [m.span() for m in found if not (item := m.groupdict().get("item")) or item not in sold]

    def _hit(self, match: regex.Match[str]) -> Hit:
        return Hit(self._labels[squeezed(match["term"])], match.span("term"), match.span())

    def _lineage(self, label: str) -> list[str]:
        lineage: list[str] = []
        while label in self.terms and label not in lineage:
            lineage.append(label)
            label = self.terms[label].within
        return lineage

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {squeezed(word): label for label, term in self.terms.items() for word in (*term.words, *term.framed)}

    @cached_property
    def _words(self) -> str:
        words = [word for term in self.terms.values() for word in term.words]
        start = rf"(?<=(?:^|\P{{L}})(?:{'|'.join(map(regex.escape, self.prefixes))})?)"
        return _group(words, start)

    @cached_property
    def _framed(self) -> str:
        group = _group([word for term in self.terms.values() for word in term.framed], "")
        return group and rf"(?<!\p{{L}}){group}"

    @cached_property
    def _any(self) -> str:
        either = "|".join(part for part in (self._words, self._framed) if part)
        return f"(?:{either})".replace("?P<term>", "?:")


def squeezed(word: str) -> str:
    """The word without the spaces and hyphens that people write or leave out."""
    return regex.sub(r"[\s·-]", "", word).casefold()


def _group(words: Sequence[str], start: str) -> str:
    """One alternation, longest word first so that 스카이블루 is not read as 블루; empty where there are no words."""
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    return f"(?P<term>{'|'.join(_word_pattern(word, start) for word in ordered)})" if ordered else ""


def _word_pattern(word: str, start: str) -> str:
    pattern = r"[\s·-]?".join(map(regex.escape, word.split()))
    if word.isascii():
        return rf"(?<![A-Za-z]){pattern}(?![A-Za-z])"  # red, not in tailored
    # Korean compounds run on (캐시미어니트), but two syllables also arise by chance: 레드 in 브레드.
    return start + pattern if len(word) <= _SHORT else pattern
