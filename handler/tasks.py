"""Tasks: the folders of `prompts/`, loaded once at start. A new task of the known kinds is a new folder and no Python.

What start-up needs is checked here; examples and the rules' own sentences are checked by `make prompts`.
"""

import itertools
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from jinja2.bccache import Bucket
from pydantic import ValidationError

from handler.categories import matches
from handler.checks.rules import Rules, load_rules, read_colours
from handler.codes import CodeTable, tool_schema
from handler.content import ContentError, error_at, read, recipe, refusal, shape_of, unreadable
from handler.converse import Prefix
from handler.derived import STORE
from handler.facts import Facts, Noise
from handler.task_files import Example, Persona, Publication, TaskFile

T = TypeVar("T")
_TEMPLATE = "template-1"
"""How templates are compiled, as `derived` names it: change it with the options of the environment."""
_VARIABLES = "persona (.role .reader .tone .emoji), language, length, attributes, examples; in user.md.j2: product"
"""What templates can name, for whoever misspells it."""
_SENTINEL = "\x00product\x00"


@dataclass(frozen=True)
class Task:
    """One task folder, ready to use."""

    name: str
    file: TaskFile
    model_id: str
    system: jinja2.Template
    user: jinja2.Template
    examples: tuple[Example, ...]
    personas: Mapping[str, Persona]
    codes: CodeTable
    rules: Rules | None

    @cached_property
    def edition(self) -> str:
        """The digest of all that shapes the output but not the question: codes, rules, publish map, write-back."""
        personas = {name: [persona.length, persona.emoji] for name, persona in self.personas.items()}
        rules = self.rules.shape if self.rules else None
        file = self.file
        return shape_of([file.publish, file.checks, file.write_back, self.codes.shape, personas, rules])[:16]

    @property
    def languages(self) -> Collection[str]:
        """What it can write in; empty where its output has no language."""
        return self.rules.languages if self.rules else ()

    def publication(self, category: tuple[str, ...]) -> Publication:
        """The first pattern that fits decides; where none does, nothing is published."""
        for pattern, publication in self.file.publish.items():
            if matches(pattern, category):
                return publication
        return "off"

    def lacks(self, facts: Facts, *, has_images: bool) -> tuple[str, ...]:
        """What the product must still bring before the model is asked."""
        present = {"name": bool(facts.name), "category": bool(facts.category), "images": has_images}
        missing: list[str] = [field for field in self.file.needs.fields if not present[field]]
        if len(facts.attributes) < self.file.needs.facts:
            missing.append(f"{self.file.needs.facts} attributes that say something (it has {len(facts.attributes)})")
        return tuple(missing)

    def persona(self, facts: Facts) -> tuple[str, Persona | None]:
        """The first persona in file order that fits the product."""
        return next(
            ((name, persona) for name, persona in self.personas.items() if persona.when.fits(facts)), ("", None)
        )

    def prefix(self, *, persona: str = "", language: str = "", attributes: tuple[str, ...] = ()) -> Prefix:
        """The stable part of a question about these attributes: nothing that a seller writes is in it."""
        return self._prefix(persona, language, attributes)

    @cached_property
    def _prefix(self) -> Callable[[str, str, tuple[str, ...]], Prefix]:
        return lru_cache(maxsize=256)(self._made_prefix)  # ten attributes can be asked for in a thousand ways

    def _made_prefix(self, persona: str, language: str, attributes: tuple[str, ...]) -> Prefix:
        asked = {name: self.codes.root[name] for name in attributes}
        system = self.system.render(
            persona=self.personas.get(persona),
            language=self.rules.languages[language].name if self.rules and language else "",
            length=self.length(persona, language) if language else None,
            attributes=asked,
            examples=[
                each
                for each in self.examples
                if each.persona in {"", persona} and (not language or each.language == language)
            ],
        )
        return Prefix(system, tool_schema(asked) if asked else None)

    def length(self, persona: str, language: str) -> tuple[int, int]:
        """Least and most graphemes of a text."""
        checks = self.file.checks
        assert checks is not None  # noqa: S101 - TaskFile guarantees it for texts, and only they have a length
        return (self.personas[persona].length if checks.length == "persona" else checks.length)[language]

    def allows_emoji(self, persona: str) -> bool:
        checks = self.file.checks
        assert checks is not None  # noqa: S101 - as above
        return (self.personas[persona].emoji if checks.emoji == "persona" else checks.emoji) == "yes"


@dataclass(frozen=True)
class Prompts:
    """All tasks and what they share."""

    tasks: tuple[Task, ...]
    noise: Noise

    @property
    def event_types(self) -> frozenset[str]:
        """The names that some task listens to."""
        return frozenset(name for task in self.tasks for name in task.file.events)

    @cached_property
    def languages(self) -> frozenset[str]:
        """What every text can be written and judged in."""
        texts = [frozenset(task.languages) for task in self.tasks if task.rules]
        return frozenset.intersection(*texts) if texts else frozenset({"ko"})

    def lacking(self, language: str) -> tuple[str, ...]:
        """The tasks whose texts cannot be written in it, by name: while there is one, an event in it is refused."""
        return tuple(task.name for task in self.tasks if task.rules and language not in task.languages)

    def owed(self, event_type: str) -> Iterator[Task]:
        """The tasks of one event, in order of their folders' names."""
        return (task for task in self.tasks if event_type in task.file.events)


class _KeptBytecode(jinja2.BytecodeCache):
    """jinja2's own way to keep compiled templates; it checks itself whether they still fit."""

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := STORE.recall(_TEMPLATE, bucket.key + bucket.checksum):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        STORE.keep(_TEMPLATE, bucket.key + bucket.checksum, bucket.bytecode_to_string())


def load_prompts(folder: Path, model_id: str) -> Prompts:
    """Every folder with a `task.yaml`. Raises `ContentError` with file, line and what to do."""
    shared = folder / "shared"
    tasks = tuple(_load_task(file.parent, shared, model_id) for file in sorted(folder.glob("*/task.yaml")))
    if not tasks:
        en = "has no task folder; PROMPTS_DIR must name the folder that holds them"
        raise ContentError(folder, 1, en, "작업 폴더가 없습니다. PROMPTS_DIR 은 작업 폴더들이 있는 폴더여야 합니다")
    noise = [read(file, Noise) for file in sorted(shared.glob("noise-*.yaml"))]
    return Prompts(tasks, Noise.joined(noise))


def _load_task(folder: Path, shared: Path, model_id: str) -> Task:
    file = read(folder / "task.yaml", TaskFile)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, shared]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts are text; seller data enters as escaped JSON (facts.Facts.block)
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_KeptBytecode(),
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    checks = file.checks
    task = Task(
        name=folder.name,
        file=file,
        model_id=file.model or model_id,
        system=_template(environment, folder, "system.md.j2"),
        user=_template(environment, folder, "user.md.j2"),
        examples=_optional(folder / "examples.yaml", tuple[Example, ...], ()),
        personas=_optional(folder / "personas.yaml", dict[str, Persona], {}),
        codes=_codes(folder / "codes.yaml", shared) if file.output == "codes" else CodeTable.model_construct({}),
        rules=load_rules(shared, claims=checks.claims, grounding=checks.grounding) if checks else None,
    )
    _check_personas(task, folder)
    _try_templates(task, folder)
    return task


def _codes(path: Path, shared: Path) -> CodeTable:
    table = read(path, CodeTable)
    if not any(label.colours for attribute in table.root.values() for label in attribute.labels.values()):
        return table
    colours = read_colours(shared)
    if unknown := table.unknown_colour(colours):
        place, colour = unknown
        raise error_at(
            path,
            place,
            f"{colour} is no row of prompts/shared/colours.yaml; add it or correct the word",
            f"{colour}: prompts/shared/colours.yaml 에 없습니다. 더하거나 철자를 고치세요",
        )
    try:
        texts = "".join(file.read_text(encoding="utf-8") for file in (path, shared / "colours.yaml"))
        return STORE.derive(recipe("coloured table"), texts, lambda _: table.with_colours(colours))
    except ValidationError as error:
        raise refusal(path, error) from error


def _check_personas(task: Task, folder: Path) -> None:
    """That whoever writes is known for every product and language."""
    checks = task.file.checks
    if checks is None:
        return
    if checks.length != "persona":
        _check_length(checks.length, task, folder / "task.yaml", ("checks", "length"))
    if checks.length != "persona" and checks.emoji != "persona" and not task.personas:
        return
    path = folder / "personas.yaml"
    if not task.personas:
        en = "is missing; task.yaml takes length or emoji from the persona"
        raise ContentError(path, 1, en, "파일이 없습니다. task.yaml 이 length 나 emoji 를 페르소나에서 가져옵니다")
    last = list(task.personas)[-1]
    if not task.personas[last].when.fits_all:
        raise error_at(
            path,
            (last, "when"),
            "the last persona must have no `when`: it writes for every other product; remove it, or add one below",
            "마지막 페르소나에는 when 이 없어야 합니다. 나머지 모든 상품을 맡습니다. 지우거나 아래에 하나 더하세요",
        )
    for name, persona in task.personas.items():
        _check_length(persona.length, task, path, (name, "length"))


def _check_length(length: Mapping[str, Any], task: Task, path: Path, place: tuple[str, ...]) -> None:
    if missing := ", ".join(code for code in task.languages if code not in length):
        en, ko = f"give a length for {missing}, too", f"{missing} 길이도 쓰세요"
        if strange := ", ".join(code for code in length if code not in task.languages):
            en = f"{en}; {strange} is no language of the task's rules"
            ko = f"{ko}. {strange}: 이 작업의 규칙에 없는 언어입니다"
        raise error_at(path, place, en, ko)


def _template(environment: jinja2.Environment, folder: Path, name: str) -> jinja2.Template:
    try:
        return environment.get_template(name)
    except jinja2.TemplateSyntaxError as error:
        ko = f"템플릿 문법이 틀렸습니다({error.message}). 괄호와 endif, endfor 를 살펴보세요"
        raise ContentError(folder / name, error.lineno, f"{error.message}; correct the template", ko) from error
    except jinja2.TemplateNotFound as error:
        ko = "파일이 없습니다. 작업마다 있어야 하니 만드세요"
        raise ContentError(folder / name, 1, "is missing; write it, a task needs it", ko) from error
    except UnicodeDecodeError as error:
        raise unreadable(folder / name, error) from error


def _try_templates(task: Task, folder: Path) -> None:
    """Renders every system prompt that can occur: a misspelt variable stops the start, and not the events."""
    names = tuple(task.codes.root)
    try:
        for persona, language, asked in itertools.product(
            task.personas or [""], task.languages or [""], [names, *((name,) for name in names)]
        ):
            task.prefix(persona=persona, language=language, attributes=asked)
        shown = task.user.render(product=_SENTINEL)
    except Exception as error:  # what a template's expressions can raise has no end
        path, line = _place(error, folder)
        ko = f"템플릿을 만들 수 없습니다({error}). 이름을 고치세요. 쓸 수 있는 이름: {_VARIABLES}"
        raise ContentError(path, line, f"{error}; correct the template. It knows {_VARIABLES}", ko) from error
    if _SENTINEL not in shown:  # all products would be one question, and one answer would serve them all
        en = "does not show the product; write {{ product }} where it belongs"
        ko = "상품 정보가 보이지 않습니다. 들어갈 자리에 {{ product }} 를 쓰세요"
        raise ContentError(folder / "user.md.j2", 1, en, ko)


def _place(error: Exception, folder: Path) -> tuple[Path, int]:
    """Where a template failed: the innermost line of it, or of what it includes."""
    frames = traceback.extract_tb(error.__traceback__)  # jinja2 puts the templates' own lines there
    within = [frame for frame in frames if Path(frame.filename).resolve().is_relative_to(folder.parent.resolve())]
    templates = [frame for frame in within if not frame.filename.endswith(".py")]
    return (Path(templates[-1].filename), templates[-1].lineno or 1) if templates else (folder / "system.md.j2", 1)


def _optional(path: Path, model: type[T], default: T) -> T:
    return read(path, model) if path.exists() else default
