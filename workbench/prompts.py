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
from handler.tasks import Prompts, Task, load_prompts
from workbench.judging import answer_of
from workbench.problems import Finding, Problem
from workbench.trials import rule_problems


def check(folder: str) -> int:
    """Prints every problem as `file:line: what to do`, then in Korean; the exit code is 1 where there is one."""
    path = Path(folder)
    try:
        prompts = load_prompts(path, Settings.model_fields["model_id"].default)
    except ContentError as error:
        print(Problem.of(error), file=sys.stderr)
        return 1
    problems = sorted({problem for task in prompts.tasks for problem in _problems(path, prompts, task)})
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        sentences = ", ".join(f"{task.name} ({len(task.examples)} examples)" for task in prompts.tasks)
        print(f"{folder}: all is well: {sentences}")
    return 1 if problems else 0


def _problems(folder: Path, prompts: Prompts, task: Task) -> Iterator[Problem]:
    try:
        model_table().find(task.model_id)
    except KeyError as error:
        finding = Finding(
            ("model",), f"model: {error.args[0]}; choose one", f"model: 가격표에 없는 모델입니다({error.args[0]})"
        )
        yield Problem.found(folder / task.name / "task.yaml", finding)
    if task.file.checks:
        yield from rule_problems(
            folder / "shared", claims=task.file.checks.claims, grounding=task.file.checks.grounding
        )
    path = folder / task.name / "examples.yaml"
    for index, example in enumerate(task.examples):
        for key, en, ko in _example_problems(prompts, task, example):
            yield Problem.found(path, Finding((index, key), en, ko))


def _example_problems(prompts: Prompts, task: Task, example: Example) -> Iterator[tuple[str, str, str]]:
    """An example that breaks the task's rules teaches the model to break them. Each with the key that it is about."""
    if example.persona and example.persona not in task.personas:
        name = example.persona
        yield (
            "persona",
            f"no persona is called '{name}'; correct the word",
            f"'{name}'이라는 페르소나가 없습니다. 철자를 고치세요",
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
            f"이 상품은 '{example.persona}'이 아니라 '{writer}'가 씁니다. 둘 중 하나를 고치세요",
        )
        return
    for broken in question_of(task, facts, example.language).judge(answer_of(example.answer)).violations:
        place = f"{broken.code} at “{broken.excerpt}”"
        yield (
            "answer",
            f"the answer breaks {place}: {broken.en}",
            f"답이 규칙을 어깁니다. {broken.code} “{broken.excerpt}”: {broken.ko}",
        )
