"""Reads task folders: every one whole and checked, or the start ends with file, line and what to do.

What start-up needs is checked here; examples and the rules' own sentences are checked by `make prompts`.
"""

import itertools
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from jinja2.bccache import Bucket
from pydantic import ValidationError

from handler.checks.rules import load_rules, read_colours
from handler.codes import CodeTable
from handler.content import ContentError, error_at, read, recipe, refusal, unreadable
from handler.derived import STORE
from handler.noise import Noise
from handler.task_files import Example, Persona, TaskFile
from handler.tasks import Prompts, Task

T = TypeVar("T")
_TEMPLATE = "template-1"
"""How templates are compiled, as `derived` names it: change it with the options of the environment."""
_VARIABLES = "persona (.role .reader .tone .emoji), language, length, attributes, examples; in user.md.j2: product"
"""What templates can name, for whoever misspells it."""
_SENTINEL = "\x00product\x00"


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
