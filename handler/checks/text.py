"""Judges copy: form, language, claims, grounding. Pure; what a shop may change is data of `prompts/shared/`."""

import unicodedata
from collections.abc import Iterator
from itertools import chain

import regex

from handler.checks import Violation
from handler.checks.claims import check_claims
from handler.checks.evidence import folded
from handler.checks.form import FORM_PATTERNS, check_form, check_language, check_length
from handler.checks.grounding import check_grounding, grounding_patterns
from handler.checks.patterns import TooSlow
from handler.checks.rules import Rules
from handler.checks.wording import excerpt_of
from handler.facts import Facts

MOST_VIOLATIONS = 20
"""More help neither the model nor a planner."""

_APART = regex.compile(r"(?<!\p{L})\p{Hangul}(?:[\s.·_*~-]\p{Hangul}(?!\p{L})){2,}(?:[\s.·_*~-]\p{Hangul}+)?")
_GAPS = regex.compile(r"\P{L}")


def check_text(
    text: str, *, facts: Facts, language: str, length: tuple[int, int], emoji: bool, rules: Rules
) -> tuple[Violation, ...]:
    """Every rule that the text breaks; empty means that it may be published.

    `length` is in graphemes, both ends included; the text is judged as it stands, so strip it first. Raises KeyError
    for a language that is not in `rules.languages`.
    """
    found = _found(
        unicodedata.normalize("NFC", text), facts=facts, language=language, length=length, emoji=emoji, rules=rules
    )
    distinct = {(violation.code, violation.excerpt): violation for violation in found}
    return tuple(distinct.values())[:MOST_VIOLATIONS]


def patterns_of(rules: Rules) -> Iterator[str]:
    """The patterns that a text may be held to whatever it says: all but those around words that stand in it."""
    yield from FORM_PATTERNS
    for rule in chain.from_iterable(rules.claims.values()):
        yield from (rule.match, *rule.except_)
    yield from grounding_patterns(rules)


def _joined(text: str) -> str:
    """Syllables that stand apart read as one word (무 료 배 송), as they do to readers."""
    return _APART.sub(lambda match: _GAPS.sub("", match[0]), text)


def _found(
    text: str, *, facts: Facts, language: str, length: tuple[int, int], emoji: bool, rules: Rules
) -> Iterator[Violation]:
    known = rules.languages[language]
    yield from check_length(text, length)
    if len(text) > 20 * length[1] + 1000:
        return  # far too long whatever its graphemes are made of; the answer's next version is judged in full
    plain = folded(text)
    # Of every language: what a seller typed in another one may stand in the copy, and is no claim the less for it.
    claims = tuple(rule for pack in rules.claims.values() for rule in pack)
    negations = tuple(pattern for pack in rules.packs.values() for pattern in pack.negations)
    try:
        for form in dict.fromkeys((text, plain)):  # full-width signs hide a link or a number from no reader
            yield from check_form(form, emoji=emoji)
        yield from check_language(text, facts=facts, language=known)
        for form in dict.fromkeys((plain, _joined(plain))):
            yield from check_claims(form, facts=facts, rules=claims, negations=negations)
            yield from check_grounding(form, facts=facts, language=language, rules=rules)
    except TooSlow as slow:
        # What cannot be decided is not published.
        yield Violation(
            code="undecided",
            excerpt=excerpt_of(text),
            en=f"“{excerpt_of(text)}”: write shorter, simpler sentences.",
            ko=f"규칙의 정규식이 너무 느려 판정하지 못했습니다: {slow}",
        )
    except regex.error as broken:  # `make prompts` names the rule; until it is mended nothing is published
        yield Violation(
            code="undecided",
            excerpt=excerpt_of(text),
            en=f"“{excerpt_of(text)}”: write shorter, simpler sentences.",
            ko=f"규칙의 정규식이 잘못되어 판정하지 못했습니다: {broken}",
        )
