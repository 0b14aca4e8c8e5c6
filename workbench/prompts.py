"""`make prompts`: proves the task folders with their own examples and sentences, in seconds and without a model."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from handler.content import ContentError
from handler.events import ProductData
from handler.facts import facts_of
from handler.models import model_table
from handler.question import question_of
from handler.settings import Settings
from handler.task_files import Example
from handler.task_folders import load_prompts
from handler.tasks import Prompts, Task
from workbench.judging import answer_of
from workbench.oversights import shared_oversights, task_oversights
from workbench.problems import Finding, Problem
from workbench.trials import rule_problems

UNDECIDED = "undecided"
"""What a text breaks where a pattern is broken or too slow (`checks.text`)."""


def check(folder: str) -> int:
    """Prints every problem as `file:line: what to do`, then in Korean; the exit code is 1 where there is one."""
    path = Path(folder)
    try:
        prompts = load_prompts(path, Settings.model_fields["model_id"].default)
    except ContentError as error:
        print(Problem.of(error), file=sys.stderr)
        return 1
    shared = _shared_problems(path / "shared", prompts)
    problems = sorted({*shared, *_task_problems(path, prompts, is_decidable=not shared)})
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        sentences = ", ".join(f"{task.name} ({len(task.examples)} examples)" for task in prompts.tasks)
        print("\n".join([f"{folder}: all is well: {sentences}", *_notes(prompts)]))
    return 1 if problems else 0


def _shared_problems(shared: Path, prompts: Prompts) -> tuple[Problem, ...]:
    checks = [task.file.checks for task in prompts.tasks if task.file.checks]
    claims = tuple(dict.fromkeys(name for each in checks for name in each.claims))
    grounding = tuple(dict.fromkeys(name for each in checks for name in each.grounding))
    broken = rule_problems(shared, claims=claims, grounding=grounding) if checks else ()
    return (*broken, *shared_oversights(shared, claims=claims))


def _notes(prompts: Prompts) -> Iterator[str]:
    """What is allowed and has an effect beyond its own task: an event's language must be one of every text task."""
    texts = [task for task in prompts.tasks if task.rules]
    for language in dict.fromkeys(language for task in texts for language in task.languages):
        if lacking := ", ".join(prompts.lacking(language)):
            yield f"note: {lacking}: cannot write {language}, so an event in {language} is refused for every task;"
            yield f"    to allow it, list packs of {language} under checks.claims and a length for {language}"
            yield f"    참고: {lacking}: {language} 문구를 쓸 수 없어 {language} 이벤트는 모든 작업에서 거절됩니다."
            yield f"    받으려면 task.yaml 의 checks.claims 에 {language} 묶음을, length 에 {language} 길이를 더하세요"


def _task_problems(folder: Path, prompts: Prompts, *, is_decidable: bool) -> Iterator[Problem]:
    for task in prompts.tasks:
        yield from _model_problems(folder, task)
        yield from task_oversights(folder / task.name, task)
        path = folder / task.name / "examples.yaml"
        for index, example in enumerate(task.examples):
            for key, en, ko in _example_problems(prompts, task, example, is_decidable=is_decidable):
                yield Problem.found(path, Finding((index, key), en, ko))


def _model_problems(folder: Path, task: Task) -> Iterator[Problem]:
    try:
        model_table().find(task.model_id)
    except KeyError as error:
        finding = Finding(
            ("model",),
            f"model: {error.args[0]}; choose one",
            f"model: 가격표에 없는 모델입니다: {task.model_id}. handler/models.yaml 의 모델을 고르세요",
        )
        yield Problem.found(folder / task.name / "task.yaml", finding)


def _example_problems(
    prompts: Prompts, task: Task, example: Example, *, is_decidable: bool
) -> Iterator[tuple[str, str, str]]:
    """An example that breaks the task's rules teaches the model to break them. Each with the key that it is about.

    Where a shared file is broken, what that leaves undecided is no fault of the example.
    """
    if example.persona and example.persona not in task.personas:
        name = example.persona
        yield (
            "persona",
            f"no persona is called '{name}'; correct the word",
            f"'{name}': 이런 이름의 페르소나가 없습니다. 철자를 고치세요",
        )
        return
    if task.languages and example.language not in task.languages:
        known = ", ".join(task.languages)
        yield "language", f"must be one of {known}; correct it", f"{known} 가운데 하나로 고치세요"
        return
    try:
        facts = facts_of(ProductData.model_validate({"productId": "example", **example.product}), prompts.noise)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        yield "product", f"{where}: {first['msg']}; correct it", f"{where}: 이벤트에 올 수 없는 값입니다. 고치세요"
        return
    writer = task.persona(facts)[0]
    if example.persona and writer != example.persona:
        yield (
            "persona",
            f"this product's persona is '{writer}', not '{example.persona}'; change one of them",
            f"이 상품을 쓰는 페르소나: '{writer}' ('{example.persona}' 아님). 둘 중 하나를 고치세요",
        )
        return
    for broken in question_of(task, facts, example.language).judge(answer_of(example.answer)).violations:
        if broken.code == UNDECIDED and not is_decidable:
            continue
        place = broken.code + (f" at “{broken.excerpt}”" if broken.excerpt else "")
        yield (
            "answer",
            f"the answer breaks {place}: {broken.en}",
            f"예시 답이 규칙을 어깁니다. {broken.code}: {broken.ko}",
        )
