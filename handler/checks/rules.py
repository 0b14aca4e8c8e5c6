"""The rules of `prompts/shared/` as typed models, and their loader. Judging is the other modules' job.

Start-up only reads and types; patterns are compiled when a text first needs them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from handler.checks.lexicon import Lexicon, Term
from handler.checks.quantities import QuantityReader
from handler.content import Content, ContentError, read, shape_of

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")]
Pattern = Annotated[str, StringConstraints(min_length=1)]
Sentences = Annotated[tuple[str, ...], Field(min_length=1)]


class Language(Content):
    """One language that copy can be written in."""

    name: str
    """English, as the prompt says it."""
    script: str
    """Unicode's name of the script, such as `Hangul`."""
    also: tuple[str, ...] = ()
    """Scripts that may stand beside it; a word in any other must be in the facts."""
    share: Decimal = Field(gt=0, le=1)
    """The least part of the letters that must be of `script`."""


class ClaimRule(Content):
    """What copy may not say."""

    code: Code
    match: Pattern
    except_: tuple[Pattern, ...] = Field(default=(), alias="except")
    """A match that lies inside a match of one of these is harmless."""
    where: tuple[str, ...] = ("**",)
    """Category patterns; the rule is silent elsewhere."""
    unless: tuple[Pattern, ...] = ()
    """Attributes that are evidence: what one of them says may be said. The name is never evidence for a claim."""
    ko: str
    en: str
    passes: Sentences = Field(alias="pass")
    fails: Sentences = Field(alias="fail")


class Pack(Content):
    """A file of claim rules for one language."""

    silent = frozenset({"passes", "fails", "ko"})

    language: str
    rules: tuple[ClaimRule, ...]


class Family(Content):
    """One kind of claim that must be in the facts: its words, and the frames in which an ambiguous word is a claim."""

    ko: str
    en: str
    frames: tuple[Pattern, ...] = ()
    """Patterns with `{term}`, which stands for the family's `framed` words."""
    except_: tuple[Pattern, ...] = Field(default=(), alias="except")
    prefixes: tuple[str, ...] = ()
    """What a short word may be compounded with: 올블랙."""
    stated_in: tuple[str, ...] = ()
    """Attributes in which a bare `framed` word is evidence; empty: anywhere in the facts."""
    terms: Mapping[str, Term] = Field(default={})


class Numbers(Content):
    """How quantities are written in a language."""

    ko: str
    en: str
    units: dict[str, dict[str, Annotated[Decimal, Field(gt=0)]]]
    """Dimension -> unit -> its size in the dimension's smallest unit."""
    words: Mapping[str, Decimal] = Field(default={})
    counters: tuple[str, ...] = ()
    """What is counted with `words`: 두 겹."""
    idioms: tuple[Pattern, ...] = ()


class Latin(Content):
    """Latin words that need no fact."""

    ko: str
    en: str
    allow: tuple[str, ...] = ()


class Trial(Content):
    """Example facts, with sentences that they bear out and sentences that they do not."""

    facts: dict[str, str]
    passes: Sentences = Field(alias="pass")
    fails: Sentences = Field(alias="fail")


class Grounding(Content):
    """A language's words for what must be in the facts."""

    silent = frozenset({"trials"})

    language: str
    negations: tuple[Pattern, ...] = ()
    """A fact that one of these fits is no evidence: `방수: 불가`."""
    families: dict[str, Family]
    numbers: Numbers
    latin: Latin
    trials: Annotated[tuple[Trial, ...], Field(min_length=1)]


class Colour(Content):
    """One colour and all its words. The `framed` ones are a colour only before 색, 빛, 컬러 or 톤: 와인, gold."""

    ko: str
    also: tuple[str, ...] = ()
    framed: tuple[str, ...] = ()
    within: str = ""
    """The broader colour that this one may also be called."""


Colours = dict[str, Colour]


@dataclass(frozen=True, slots=True)
class Rules:
    """What one task's texts are held to."""

    languages: Mapping[str, Language]
    """The languages these rules can judge. One for which the task's packs have no rules is left out: copy that nobody
    can check is not asked for."""
    claims: Mapping[str, tuple[ClaimRule, ...]]
    """By language, in file order."""
    grounding: tuple[str, ...]
    """The families to check, as the task lists them."""
    lexicons: Mapping[str, Mapping[str, Lexicon]]
    """Language -> family -> its words; those of all languages, because facts come in any."""
    packs: Mapping[str, Grounding]
    """Grounding by language; empty where the task checks none."""
    quantities: QuantityReader
    shape: str
    """The digest of what can change a verdict: not trial sentences, nor what rules tell the planner."""


def load_rules(shared: Path, *, claims: Sequence[str], grounding: Sequence[str]) -> Rules:
    """The rules that a task's `checks` name: packs (`claims-ko`) and families (`numbers`). Raises `ContentError`."""
    languages = read(shared / "languages.yaml", dict[str, Language])
    claim_packs = [read(shared / f"{name}.yaml", Pack) for name in claims]
    rules: dict[str, tuple[ClaimRule, ...]] = {}
    for pack in claim_packs:
        rules[pack.language] = rules.get(pack.language, ()) + pack.rules
    packs = {code: read(shared / f"grounding-{code}.yaml", Grounding) for code in languages} if grounding else {}
    judged = {code: language for code, language in languages.items() if not claims or code in rules}
    colours = read_colours(shared) if grounding else {}
    lexicons = _lexicons(packs, colours)
    for name in grounding:
        for code in judged:
            if name not in {"numbers", "latin"} and name not in lexicons[code]:
                en = f"families: add {name}, or do not list it in the task's checks.grounding"
                ko = f"families: {name} 이(가) 없습니다. 더하거나, 작업의 checks.grounding 에서 빼세요"
                raise ContentError(shared / f"grounding-{code}.yaml", 1, en, ko)
    files = [*claim_packs, *packs.values()]
    shape = shape_of([languages, [file.shape for file in files], tuple(grounding), colours])
    return Rules(judged, rules, tuple(grounding), lexicons, packs, _quantities(packs), shape)


def read_colours(shared: Path) -> Colours:
    """The colour table, which grounding shares with code tables. Raises `ContentError`."""
    return read(shared / "colours.yaml", Colours)


def colour_terms(colours: Colours) -> dict[str, Term]:
    """The colours as terms of a lexicon; a label is an English word too."""
    return {label: _term(label, colour) for label, colour in colours.items()}


def _lexicons(packs: Mapping[str, Grounding], colours: Colours) -> dict[str, dict[str, Lexicon]]:
    """Every language's families: its own frames around the words of all languages."""
    terms: dict[str, dict[str, Term]] = {"colours": colour_terms(colours)}
    for pack in packs.values():
        for name, family in pack.families.items():
            merged = terms.setdefault(name, {})
            for label, term in family.terms.items():
                merged[label] = merged[label].joined(term) if label in merged else term
    return {
        code: {name: _lexicon(name, terms[name], family, packs) for name, family in pack.families.items()}
        for code, pack in packs.items()
    }


def _lexicon(name: str, terms: Mapping[str, Term], family: Family, packs: Mapping[str, Grounding]) -> Lexicon:
    every = [pack.families[name] for pack in packs.values() if name in pack.families]
    return Lexicon(
        terms=terms,
        frames=family.frames,
        excepted=family.except_,
        prefixes=tuple(prefix for each in every for prefix in each.prefixes),
        evidence_frames=tuple(frame for each in every for frame in each.frames),
        stated_in=tuple(attribute for each in every for attribute in each.stated_in),
    )


def _quantities(packs: Mapping[str, Grounding]) -> QuantityReader:
    numbers = [pack.numbers for pack in packs.values()]
    return QuantityReader(
        units={
            unit.casefold(): (dimension, size)
            for each in numbers
            for dimension, units in each.units.items()
            for unit, size in units.items()
        },
        words={word.casefold(): number for each in numbers for word, number in each.words.items()},
        counters=tuple(counter for each in numbers for counter in each.counters),
    )


def _term(label: str, colour: Colour) -> Term:
    words = (label.replace("-", " "), colour.ko, *colour.also)
    return Term.model_construct(
        words=tuple(w for w in words if w not in colour.framed), framed=colour.framed, within=colour.within
    )
