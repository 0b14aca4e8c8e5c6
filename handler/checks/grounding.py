"""Whether what copy claims is in the facts: materials, colours, origins, functions, numbers, Latin words. Pure."""

from collections.abc import Iterator

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
_TOKEN = regex.compile(r"\p{Latin}+|\d+|[\p{Latin}\d]+")
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
    stated = _stated(facts, rules)
    for quantity in claimed:
        if not any(quantity.borne_out_by(fact) for fact in stated):
            yield violation(NUMBERS, text, quantity.span, en=numbers.en, ko=numbers.ko)


def _stated(facts: Facts, rules: Rules) -> list[Quantity]:
    read = rules.quantities.read
    stated = [quantity for text in (facts.name, *facts.category) for quantity in read(folded(text))]
    for attribute, values in facts.attributes:
        name = folded(attribute)
        stated += read(name)
        for value in values:
            stated += read(folded(value), unit=rules.quantities.unit_of(name))
    return stated


def _latin(text: str, *, evidence: tuple[Statement, ...], language: str, rules: Rules) -> Iterator[Violation]:
    if not matches_of(r"\p{Latin}", text):
        return
    latin = rules.packs[language].latin
    allowed = [_phrase(phrase) for phrase in latin.allow]
    quantities = [quantity.span for quantity in rules.quantities.read(text)]
    rest = masked(text, [*spans(allowed, text), *quantities])
    words = matches_of(_NAME if rules.languages[language].script == "Latin" else _LATIN_WORD, rest)
    if not words:
        return
    tokens = {token for _, said in evidence for token in _TOKEN.findall(said.casefold())}
    runs = [letters for _, said in evidence for letters in (_letters(said), romanized(said))]
    for match in words:
        word = _letters(match[0])
        # Short words would be found inside others by chance; they must be a word of the facts.
        known = any(word in run for run in runs) if len(word) > 2 else word in tokens
        if not known:
            yield violation(LATIN, text, match.span(), en=latin.en, ko=latin.ko)


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()


def _phrase(phrase: str) -> str:
    return rf"(?<!\p{{Latin}}){regex.escape(phrase)}(?!\p{{Latin}})"
