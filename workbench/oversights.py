"""What loads and cannot be meant, for `make prompts`: lines that never act, patterns that fit nothing or everything.

It reads files and names what it finds; it judges no sentence (`trials`) and mends nothing.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import regex

from handler.checks.rules import Language, Pack
from handler.codes import Attribute
from handler.content import read
from handler.noise import Noise
from handler.tasks import Task
from workbench.problems import Finding, Location, Problem

EVERYTHING = "**"


def task_oversights(folder: Path, task: Task) -> Iterator[Problem]:
    """Those in the files of one task folder."""
    publish: list[tuple[Location, str]] = [(("publish", pattern), pattern) for pattern in task.file.publish]
    findings: dict[str, list[Finding]] = {
        "task.yaml": [*_below_everything(task.file.publish), *_unfit(publish)],
        "personas.yaml": [*_below_the_last(task), *_unfit(_persona_patterns(task))],
        "codes.yaml": [*_alike(task.codes.root), *_unfit(_attribute_patterns(task.codes.root))],
    }
    if task.rules and task.file.checks:
        known = tuple(read(folder.parent / "shared" / "languages.yaml", dict[str, Language]))
        if isinstance(lengths := task.file.checks.length, dict):
            findings["task.yaml"] += _no_language(("checks", "length"), lengths, known)
        for name, persona in task.personas.items():
            findings["personas.yaml"] += _no_language((name, "length"), persona.length, known)
    for file, found in findings.items():
        yield from (Problem.found(folder / file, finding) for finding in found)


def shared_oversights(shared: Path, *, claims: Iterable[str]) -> Iterator[Problem]:
    """Those in the noise files and in the claim packs of these names."""
    for path in sorted(shared.glob("noise-*.yaml")):
        noise = read(path, Noise)
        for key in ("remove", "ignore_attributes", "ignore_facts"):
            for index, pattern in enumerate(getattr(noise, key)):
                if regex.match(pattern, ""):
                    en = "matches the empty text, so everywhere; put a + for a *, or name what must be there"
                    ko = "빈 글에도 맞는 정규식입니다. * 대신 +를 쓰거나, 반드시 있어야 할 말을 넣으세요"
                    yield Problem.found(path, Finding((key, index), f"{key}: {en}", f"{key}: {ko}"))
    for name in claims:
        rules = read(shared / f"{name}.yaml", Pack).rules
        places: list[tuple[Location, str]] = [
            (("rules", index, "where", number), pattern)
            for index, rule in enumerate(rules)
            for number, pattern in enumerate(rule.where)
        ]
        yield from (Problem.found(shared / f"{name}.yaml", finding) for finding in _unfit(places))


def _persona_patterns(task: Task) -> list[tuple[Location, str]]:
    return [
        ((name, "when", "category", index), pattern)
        for name, persona in task.personas.items()
        for index, pattern in enumerate(persona.when.category)
    ]


def _attribute_patterns(attributes: dict[str, Attribute]) -> list[tuple[Location, str]]:
    return [
        ((name, "applies_to", index), pattern)
        for name, attribute in attributes.items()
        for index, pattern in enumerate(attribute.applies_to)
    ]


def _unfit(patterns: Iterable[tuple[Location, str]]) -> Iterator[Finding]:
    for location, pattern in patterns:
        if ">" in pattern:
            en = f"'{pattern}' fits no category; part the levels by /, without blanks"
            yield Finding(location, en, f"'{pattern}': 맞는 카테고리가 없습니다. 단계는 > 가 아니라 / 로 나누세요")


def _below_everything(publish: Iterable[str]) -> Iterator[Finding]:
    """The first pattern that fits decides."""
    patterns = list(publish)
    for pattern in patterns[patterns.index(EVERYTHING) + 1 :] if EVERYTHING in patterns else ():
        en = f"publish: '{pattern}' never acts below '{EVERYTHING}', which fits all; move it above"
        ko = f"publish: '{pattern}' 줄은 모든 카테고리에 맞는 '{EVERYTHING}' 아래라서 쓰이지 않습니다. 그 위로 옮기세요"
        yield Finding(("publish", pattern), en, ko)


def _below_the_last(task: Task) -> Iterator[Finding]:
    names = list(task.personas)
    last = next((name for name in names if task.personas[name].when.fits_all), names[-1] if names else "")
    for name in names[names.index(last) + 1 :] if names else ():
        en = f"{name} never writes below {last}, who has no `when` and writes for all; move it above"
        ko = f"{name}: 모든 상품을 맡는 {last} 아래라서 쓰이지 않습니다. 그 위로 옮기세요"
        yield Finding((name,), en, ko)


def _alike(attributes: dict[str, Attribute]) -> Iterator[Finding]:
    """A code that lost its zero would be written to products as it stands."""
    for name, attribute in attributes.items():
        numbers = {label: entry.code for label, entry in attribute.labels.items() if entry.code.isdigit()}
        width = max((len(code) for code in numbers.values() if code.startswith("0")), default=0)
        for label, code in numbers.items():
            if len(code) < width:
                en = f"{name}.{label}: code {code} is shorter than the others; is it {code.zfill(width)}?"
                ko = f"{name}.{label}: 코드 {code} - 다른 코드보다 짧습니다. {code.zfill(width)} 인지 보고 고치세요"
                yield Finding((name, "labels", label), en, ko)


def _no_language(place: Location, lengths: Iterable[str], known: Collection[str]) -> Iterator[Finding]:
    where = ".".join(map(str, place))
    for code in lengths:
        if code not in known:
            words = ", ".join(known)
            en = f"{where}: {code} is no language of languages.yaml ({words}); correct the word, or remove it"
            ko = f"{where}: {code} - languages.yaml 에 없는 언어입니다({words}). 고치거나 지우세요"
            yield Finding((*place, code), en, ko)
