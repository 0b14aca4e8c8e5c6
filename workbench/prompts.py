"""`make prompts`: proves the task folders with their own examples and sentences, in seconds and without a model."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handler.content import ContentError, line_of
from handler.converse import Answer
from handler.events import ProductData
from handler.facts import facts_of
from handler.models import Usage
from handler.question import question_of
from handler.settings import Settings
from handler.task_files import Example
from handler.tasks import Prompts, Task, load_prompts
from workbench.trials import rule_problems


def check(folder: str) -> int:
    """Prints every problem as `file:line: what to do`; the exit code is 1 where there is one."""
    path = Path(folder)
    try:
        prompts = load_prompts(path, Settings.model_fields["model_id"].default)
    except ContentError as error:
        print(error, file=sys.stderr)
        return 1
    problems = sorted({problem for task in prompts.tasks for problem in _problems(path, prompts, task)})
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        sentences = ", ".join(f"{task.name} ({len(task.examples)} examples)" for task in prompts.tasks)
        print(f"{folder}: all is well: {sentences}")
    return 1 if problems else 0


def _problems(folder: Path, prompts: Prompts, task: Task) -> Iterator[str]:
    if task.file.checks:
        yield from rule_problems(
            folder / "shared", claims=task.file.checks.claims, grounding=task.file.checks.grounding
        )
    path = folder / task.name / "examples.yaml"
    for index, example in enumerate(task.examples):
        for problem in _example_problems(prompts, task, example):
            yield f"{path}:{line_of(path.read_text(encoding='utf-8'), (index, 'answer'))}: {problem}"


def _example_problems(prompts: Prompts, task: Task, example: Example) -> Iterator[str]:
    """An example that breaks the task's rules teaches the model to break them."""
    if example.persona and example.persona not in task.personas:
        yield f"no persona is called '{example.persona}'; correct the word"
        return
    facts = facts_of(ProductData.model_validate({"productId": "example", **example.product}), prompts.noise)
    if task.personas and example.persona and task.persona(facts)[0] != example.persona:
        yield f"this product's persona is '{task.persona(facts)[0]}', not '{example.persona}'; change one of them"
        return
    question = question_of(task, facts, example.language)
    for violation in question.judge(_answer(example.answer)).violations:
        yield f"the answer breaks {violation.code} at “{violation.excerpt}”: {violation.ko}"


def _answer(answer: str | dict[str, tuple[str, ...]]) -> Answer:
    if isinstance(answer, str):
        return Answer("end_turn", answer, None, Usage())
    said: dict[str, Any] = {name: list(labels) for name, labels in answer.items()}
    return Answer("tool_use", "", {"toolUseId": "example", "name": "", "input": said}, Usage())
