"""Proves planner files with their own sentences, for `make prompts`. It reads files and judges; it mends nothing.

What tasks share is proved as it stands, with every language and family, whatever the task lists that names it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import regex

from handler.checks.claims import hits
from handler.checks.evidence import folded
from handler.checks.frames import halves, split
from handler.checks.grounding import LATIN, NUMBERS, check_grounding
from handler.checks.lexicon import Term, squeezed
from handler.checks.patterns import TooSlow, compiled
from handler.checks.rules import (
    ClaimRule,
    Family,
    Grounding,
    Language,
    Pack,
    Rules,
    Trial,
    colour_terms,
    load_rules,
    read_colours,
)
from handler.checks.wording import excerpt_of
from handler.content import ContentError, read
from handler.facts import Facts
from workbench.problems import Finding, Location, Problem


def rule_problems(shared: Path, *, claims: Sequence[str], grounding: Sequence[str]) -> tuple[Problem, ...]:
    """What is wrong with the claim packs of these names and, where any family is named, with the words for grounding.

    Empty when all is well.
    """
    try:
        problems = [*_claim_problems(shared, claims, read(shared / "languages.yaml", dict[str, Language]))]
        if grounding:
            problems += _grounding_problems(shared, load_rules(shared, claims=(), grounding=(NUMBERS, LATIN)))
        return tuple(problems)
    except ContentError as error:
        return (Problem.of(error),)


def _claim_problems(shared: Path, claims: Sequence[str], languages: Collection[str]) -> Iterator[Problem]:
    for name in claims:
        path = shared / f"{name}.yaml"
        pack = read(path, Pack)
        if pack.language not in languages:
            known, code = ", ".join(languages), pack.language
            en = f"language: {code} is no language of languages.yaml ({known}); correct the word, or add it there"
            ko = f"language: {code} - languages.yaml 에 없는 언어입니다({known}). 고치거나 거기에 더하세요"
            yield Problem.found(path, Finding(("language",), en, ko))
        for index, rule in enumerate(pack.rules):
            for location, en, ko in _rule_problems(rule):
                place: Location = ("rules", index, *location)
                yield Problem.found(path, Finding(place, f"{rule.code}: {en}", f"{rule.code}: {ko}"))


def _rule_problems(rule: ClaimRule) -> Iterator[Finding]:
    patterns: list[tuple[Location, str]] = [(("match",), rule.match)]
    patterns += ((("except", index), pattern) for index, pattern in enumerate(rule.except_))
    broken = list(_broken(patterns))
    if broken:
        yield from broken
        return
    for index, sentence in enumerate(rule.passes):
        if fired := _fired(rule, sentence):
            yield Finding(
                ("pass", index),
                f"“{sentence}” must pass, but “{fired}” fires; add an except, or narrow match",
                f"“{sentence}”: 통과해야 하는데 “{fired}”에서 걸립니다. except 를 더하거나 match 를 좁히세요",
            )
    for index, sentence in enumerate(rule.fails):
        if _fired(rule, sentence) == "":
            yield Finding(
                ("fail", index),
                f"“{sentence}” must fail, but nothing fires; widen match, or narrow except",
                f"“{sentence}”: 걸려야 하는데 통과합니다. match 를 넓히거나 except 를 좁히세요",
            )


def _fired(rule: ClaimRule, sentence: str) -> str:
    """The words that fire, empty if none do."""
    text = folded(sentence)
    try:
        return next((text[start:end] for start, end in hits(rule, text)), "")
    except TooSlow:
        return "a pattern that is too slow"


def _grounding_problems(shared: Path, rules: Rules) -> Iterator[Problem]:
    packs = {shared / f"grounding-{language}.yaml": (language, pack) for language, pack in rules.packs.items()}
    broken = [Problem.found(path, finding) for path, (_, pack) in packs.items() for finding in _broken(_patterns(pack))]
    yield from broken
    for path, (language, pack) in packs.items():
        yield from (Problem.found(path, finding) for finding in _pack_words(pack, language, rules))
        if not broken:  # every language's patterns look for evidence, in trials of each
            yield from (Problem.found(path, finding) for finding in _idle_frames(pack))
            yield from (Problem.found(path, finding) for finding in _pack_trials(pack, language, rules))
    if packs:
        terms = colour_terms(read_colours(shared))
        for finding in _word_problems(terms, terms, within=()):
            yield Problem.found(shared / "colours.yaml", finding)


def _pack_words(pack: Grounding, language: str, rules: Rules) -> Iterator[Finding]:
    for name, family in pack.families.items():
        yield from _word_problems(
            family.terms, rules.lexicons[language][name].terms, within=("families", name, "terms")
        )


def _pack_trials(pack: Grounding, language: str, rules: Rules) -> Iterator[Finding]:
    rules = replace(rules, grounding=(*rules.grounding, *pack.families))
    for index, trial in enumerate(pack.trials):
        facts = _facts(trial)
        for number, sentence in enumerate(trial.passes):
            found = next(check_grounding(folded(sentence), facts=facts, language=language, rules=rules), None)
            if found:
                yield Finding(
                    ("trials", index, "pass", number),
                    f"“{sentence}” must pass, but {found.code} fires at “{found.excerpt}”; mend it there",
                    f"“{sentence}”: 통과해야 하는데 “{found.excerpt}”에서 {found.code}에 걸립니다. 그쪽을 고치세요",
                )
        for number, sentence in enumerate(trial.fails):
            if not any(check_grounding(folded(sentence), facts=facts, language=language, rules=rules)):
                yield Finding(
                    ("trials", index, "fail", number),
                    f"“{sentence}” must fail, but nothing fires; add its word or a frame for it",
                    f"“{sentence}”: 걸려야 하는데 통과합니다. 그 말이나 틀(frames)을 더하세요",
                )


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
            yield ("families", name, key, index), pattern
    for label, term in family.terms.items():
        for index, pattern in enumerate(term.shown_by):
            yield ("families", name, "terms", label, "shown_by", index), pattern


def _broken(patterns: Iterable[tuple[Location, str]]) -> Iterator[Finding]:
    for location, pattern in patterns:
        try:
            for half in halves(pattern):
                compiled(half)
        except regex.error as error:
            shown = excerpt_of(pattern)
            yield Finding(
                location,
                f"“{shown}” is not a regular expression ({error}); correct it",
                f"“{shown}”: 정규식이 아닙니다({error}). 고치세요",
            )


def _idle_frames(pack: Grounding) -> Iterator[Finding]:
    for name, family in pack.families.items():
        for index, pattern in enumerate(family.frames):
            if any(before is None for before, _ in split(pattern)):
                shown = excerpt_of(pattern)
                yield Finding(
                    ("families", name, "frames", index),
                    f"“{shown}” has no {{term}}, so it frames nothing; put it where the word stands",
                    f"“{shown}”: {{term}} 이 없어 아무것도 찾지 못합니다. 말이 올 자리에 쓰세요",
                )


def _word_problems(terms: Mapping[str, Term], known: Mapping[str, Term], *, within: Location) -> Iterator[Finding]:
    """Terms that cannot work: a word of two of them would be judged as the later one only."""
    owner: dict[str, str] = {}
    for label, term in terms.items():
        if term.within and term.within not in known:
            yield Finding(
                (*within, label),
                f"{label}: within names {term.within}, which no language has; add it, or correct the word",
                f"{label}: within: {term.within} - 어느 언어에도 없습니다. 더하거나 철자를 고치세요",
            )
        for word in {squeezed(word): word for word in (*term.words, *term.framed)}:
            if owner.setdefault(word, label) != label:
                yield Finding(
                    (*within, label),
                    f"{label}: “{word}” is also a word of {owner[word]}; keep it in one of them",
                    f"{label}: “{word}” - {owner[word]} 에도 있습니다. 한 곳에만 두세요",
                )
