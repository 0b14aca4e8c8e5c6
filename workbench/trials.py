"""Proves planner files with their own sentences, for `make prompts`. It reads files and judges; it mends nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import regex

from handler.checks.claims import hits
from handler.checks.evidence import folded
from handler.checks.grounding import check_grounding
from handler.checks.lexicon import Term, squeezed
from handler.checks.patterns import TooSlow, compiled
from handler.checks.rules import (
    ClaimRule,
    Family,
    Grounding,
    Pack,
    Rules,
    Trial,
    colour_terms,
    load_rules,
    read_colours,
)
from handler.content import ContentError, line_of, read
from handler.facts import Facts

Location = tuple[int | str, ...]


def rule_problems(shared: Path, *, claims: Sequence[str], grounding: Sequence[str]) -> tuple[str, ...]:
    """What is wrong with the rule files that a task names, each as `file:line: what to do`; empty when all is well."""
    try:
        rules = load_rules(shared, claims=claims, grounding=grounding)
        return (*_claim_problems(shared, claims), *_grounding_problems(shared, rules))
    except ContentError as error:
        return (str(error),)


def _claim_problems(shared: Path, claims: Sequence[str]) -> Iterator[str]:
    for name in claims:
        path = shared / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        for index, rule in enumerate(read(path, Pack).rules):
            for location, message in _rule_problems(rule):
                yield f"{path}:{line_of(text, ('rules', index, *location))}: {rule.code}: {message}"


def _rule_problems(rule: ClaimRule) -> Iterator[tuple[Location, str]]:
    patterns: list[tuple[Location, str]] = [(("match",), rule.match)]
    patterns += ((("except", index), pattern) for index, pattern in enumerate(rule.except_))
    broken = list(_broken(patterns))
    if broken:
        yield from broken
        return
    for index, sentence in enumerate(rule.passes):
        if fired := _fired(rule, sentence):
            yield ("pass", index), f"“{sentence}” must pass, but “{fired}” fires; add an except, or narrow match"
    for index, sentence in enumerate(rule.fails):
        if _fired(rule, sentence) == "":
            yield ("fail", index), f"“{sentence}” must fail, but nothing fires; widen match, or narrow except"


def _fired(rule: ClaimRule, sentence: str) -> str:
    """The words that fire, empty if none do."""
    text = folded(sentence)
    try:
        return next((text[start:end] for start, end in hits(rule, text)), "")
    except TooSlow:
        return "a pattern that is too slow"


def _grounding_problems(shared: Path, rules: Rules) -> Iterator[str]:
    for language, pack in rules.packs.items():
        path = shared / f"grounding-{language}.yaml"
        text = path.read_text(encoding="utf-8")
        for location, message in _pack_problems(pack, language=language, rules=rules):
            yield f"{path}:{line_of(text, location)}: {message}"
    if rules.packs:
        path = shared / "colours.yaml"
        text = path.read_text(encoding="utf-8")
        terms = colour_terms(read_colours(shared))
        for label, message in _word_problems(terms, terms):
            yield f"{path}:{line_of(text, (label,))}: {label}: {message}"


def _pack_problems(pack: Grounding, *, language: str, rules: Rules) -> Iterator[tuple[Location, str]]:
    for name, family in pack.families.items():
        for label, message in _word_problems(family.terms, rules.lexicons[language][name].terms):
            yield ("families", name, "terms", label), f"{label}: {message}"
    broken = list(_broken(_patterns(pack)))
    if broken:
        yield from broken
        return
    for index, trial in enumerate(pack.trials):
        facts = _facts(trial)
        for number, sentence in enumerate(trial.passes):
            found = next(check_grounding(folded(sentence), facts=facts, language=language, rules=rules), None)
            if found:
                message = f"“{sentence}” must pass, but {found.code} fires at “{found.excerpt}”; mend it there"
                yield ("trials", index, "pass", number), message
        for number, sentence in enumerate(trial.fails):
            if not any(check_grounding(folded(sentence), facts=facts, language=language, rules=rules)):
                message = f"“{sentence}” must fail, but nothing fires; add its word or a frame for it"
                yield ("trials", index, "fail", number), message


def _facts(trial: Trial) -> Facts:
    name = next(iter(trial.facts.values()))
    return Facts(name=name, category=(), attributes=tuple((key, (value,)) for key, value in trial.facts.items()))


def _patterns(pack: Grounding) -> Iterator[tuple[Location, str]]:
    yield from ((("negations", index), pattern) for index, pattern in enumerate(pack.negations))
    yield from ((("numbers", "idioms", index), pattern) for index, pattern in enumerate(pack.numbers.idioms))
    for name, family in pack.families.items():
        yield from _family_patterns(name, family)


def _family_patterns(name: str, family: Family) -> Iterator[tuple[Location, str]]:
    for key, patterns in (("frames", family.frames), ("except", family.except_)):
        for index, pattern in enumerate(patterns):
            yield ("families", name, key, index), pattern.replace("{term}", "(?:)")
    for label, term in family.terms.items():
        for index, pattern in enumerate(term.shown_by):
            yield ("families", name, "terms", label, "shown_by", index), pattern


def _broken(patterns: Iterable[tuple[Location, str]]) -> Iterator[tuple[Location, str]]:
    for location, pattern in patterns:
        try:
            compiled(pattern)
        except regex.error as error:
            yield location, f"“{pattern}” is not a regular expression ({error}); correct it"


def _word_problems(terms: Mapping[str, Term], known: Mapping[str, Term]) -> Iterator[tuple[str, str]]:
    """Terms that cannot work: a word of two of them would be judged as the later one only."""
    owner: dict[str, str] = {}
    for label, term in terms.items():
        if term.within and term.within not in known:
            yield label, f"within names {term.within}, which no language has; add it, or correct the word"
        for word in {squeezed(word): word for word in (*term.words, *term.framed)}:
            if owner.setdefault(word, label) != label:
                yield label, f"“{word}” is also a word of {owner[word]}; keep it in one of them"
