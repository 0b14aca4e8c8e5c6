"""Whether what copy claims is in the facts: materials, colours, origins, functions, numbers, Latin words. Pure."""

from collections.abc import Iterator
from itertools import pairwise

import regex

from handler.checks import Violation
from handler.checks.evidence import Statement, folded, statements
from handler.checks.patterns import masked, matches_of, spans
from handler.checks.quantities import Quantity
from handler.checks.romanization import romanized
from handler.checks.rules import Rules
from handler.checks.wording import violation
from handler.facts import Facts

NUMBERS = "numbers"
LATIN = "latin"

_NO_LETTER = regex.compile(r"[^\p{Latin}\d]")
_TOKEN = regex.compile(r"\p{Latin}+|\d+")
_MODEL = regex.compile(r"[\p{Latin}\d]+(?:-[\p{Latin}\d]+)*")  # V7, M-2
_TIMES = r"(?<=\0\s?)x(?=\s?\0)"  # between numbers that are masked out: 150 x 230 cm
_TO = regex.compile(r"\s?[~∼〜–-]\s?")  # between the ends of a range: 40~100 ℃
_ANY_LATIN = r"\p{Latin}"
_LATIN_WORD = r"(?<![\p{Latin}\d])\d*\p{Latin}[\p{Latin}\d]*(?:['’&.+-][\p{Latin}\d]+)*"
# A capital inside a sentence marks a name in a language that is itself written in Latin letters.
_NAME = r"(?<![.!?:…\n“\"(–—-]\s{0,3})(?<=\S\s{0,3})(?<!\p{Latin}|['’-])(?=[\d\p{Latin}]*(?-i:\p{Lu}))" + _LATIN_WORD


def check_grounding(text: str, *, facts: Facts, language: str, rules: Rules) -> Iterator[Violation]:
    """What the text claims and the facts do not say, family by family. Raises `TooSlow`."""
    negations = tuple(pattern for pack in rules.packs.values() for pattern in pack.negations)
    evidence = tuple(statements(facts, negations=negations))
    for family in rules.grounding:
        if family == NUMBERS:
            yield from _numbers(text, facts=facts, language=language, rules=rules)
        elif family == LATIN:
            yield from _latin(text, evidence=evidence, language=language, rules=rules)
        else:
            yield from _family(text, family, facts=facts, evidence=evidence, language=language, rules=rules)


def grounding_patterns(rules: Rules) -> Iterator[str]:
    """The patterns that need no word of a text."""
    for pack in rules.packs.values():
        yield from (*pack.negations, *pack.numbers.idioms, *map(_phrase, pack.latin.allow))
    for lexicon in {id(each): each for families in rules.lexicons.values() for each in families.values()}.values():
        yield from lexicon.patterns()
    if rules.packs:
        yield from rules.quantities.patterns()
        yield from (_ANY_LATIN, _LATIN_WORD, _NAME, _TIMES)


def _family(
    text: str, name: str, *, facts: Facts, evidence: tuple[Statement, ...], language: str, rules: Rules
) -> Iterator[Violation]:
    lexicon = rules.lexicons[language][name]
    claims = lexicon.claims(text, sold=folded(" ".join((facts.name, *facts.category))))
    if not claims:
        return
    licensed = lexicon.licensed(evidence)
    family = rules.packs[language].families[name]
    for claim in claims:
        if claim.label not in licensed:
            yield violation(name, text, claim.seen, en=family.en, ko=family.ko)


def _numbers(text: str, *, facts: Facts, language: str, rules: Rules) -> Iterator[Violation]:
    numbers = rules.packs[language].numbers
    claimed = rules.quantities.read(masked(text, spans(numbers.idioms, text)))
    if not claimed:
        return
    said = list(_stated(facts, rules))
    stated = [quantity for _, quantities in said for quantity in quantities]
    ranges = [ends for fact, quantities in said for ends in _ranges(fact, quantities)]
    for quantity in claimed:
        borne_out = any(quantity.borne_out_by(fact) for fact in stated)
        if not borne_out and not any(quantity.between(low, high) for low, high in ranges):
            yield violation(NUMBERS, text, quantity.span, en=numbers.en, ko=numbers.ko)


def _stated(facts: Facts, rules: Rules) -> Iterator[tuple[str, list[Quantity]]]:
    read = rules.quantities.read
    for text in (facts.name, *facts.category):
        yield folded(text), read(folded(text))
    for attribute, values in facts.attributes:
        name = folded(attribute)
        yield name, read(name)
        for value in values:
            yield folded(value), read(folded(value), unit=rules.quantities.unit_of(name))


def _ranges(text: str, quantities: list[Quantity]) -> Iterator[tuple[Quantity, Quantity]]:
    for low, high in pairwise(quantities):
        if _TO.fullmatch(text, low.span[1], high.span[0]):
            yield low, high


def _latin(text: str, *, evidence: tuple[Statement, ...], language: str, rules: Rules) -> Iterator[Violation]:
    if not matches_of(_ANY_LATIN, text):
        return
    latin = rules.packs[language].latin
    allowed = [_phrase(phrase) for phrase in latin.allow]
    quantities = [quantity.span for quantity in rules.quantities.read(text)]
    rest = masked(text, [*spans(allowed, text), *quantities])
    rest = masked(rest, spans([_TIMES], rest))
    words = matches_of(_NAME if rules.languages[language].script == "Latin" else _LATIN_WORD, rest)
    if not words:
        return
    tokens = {token for _, said in evidence for token in _tokens(said.casefold())}
    runs = [letters for _, said in evidence for letters in (_letters(said), romanized(said))]
    for match in words:
        word = _letters(match[0])
        # Short words would be found inside others by chance; they must be a word of the facts.
        known = any(word in run for run in runs) if len(word) > 2 else word in tokens
        if not known:
            yield violation(LATIN, text, match.span(), en=latin.en, ko=latin.ko)


def _tokens(said: str) -> Iterator[str]:
    yield from _TOKEN.findall(said)
    yield from map(_letters, _MODEL.findall(said))


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()


def _phrase(phrase: str) -> str:
    return rf"(?<!\p{{Latin}}){regex.escape(phrase)}(?!\p{{Latin}})"
