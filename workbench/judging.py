"""`workbench check`: judges an answer that a person pasted. The judgement is the function's own; this shows it."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from handler.converse import TOOL, Answer
from handler.facts import facts_of
from handler.models import Usage
from handler.question import Judgement, question_of
from handler.tasks import Prompts
from workbench.event_file import Subject, WorkbenchError


def judged(prompts: Prompts, subject: Subject, said: str) -> Judgement:
    """The judgement of what was said: a text, or for codes JSON of labels by attribute. Raises `WorkbenchError`."""
    if len(subject.tasks) != 1:
        names = ", ".join(task.name for task in subject.tasks)
        ko = f"어느 작업의 답인지 --task 로 쓰세요: {names}"
        raise WorkbenchError(f"the event owes {names}; say which is answered: --task", ko)
    (task,) = subject.tasks
    product = subject.event.product
    answer = answer_of(said) if task.file.output == "text" else _labels(said)
    return question_of(task, facts_of(product, prompts.noise), product.language).judge(answer)


def read_said(given: str) -> str:
    """The answer as it was given: on standard input (`-`), in a file, or as the words themselves."""
    if given == "-":
        return sys.stdin.read()
    try:
        return Path(given).read_text(encoding="utf-8") if Path(given).is_file() else given
    except OSError:  # a text longer than a file's name may be
        return given


def answer_of(said: str | Mapping[str, Sequence[str]]) -> Answer:
    """What a person says in the model's place: a text, or labels by attribute."""
    if isinstance(said, str):
        return Answer("end_turn", said, None, Usage())
    labels: dict[str, Any] = {name: list(words) for name, words in said.items()}
    return _tool_answer(labels)


def verdict(judgement: Judgement) -> Iterator[str]:
    """One line for each broken rule, in Korean, or one that says that all is well."""
    if not judgement.violations:
        yield "passes"
    for violation in judgement.violations:
        place = f" at “{violation.excerpt}”" if violation.excerpt else ""
        yield f"breaks {violation.code}{place}: {violation.ko}"


def output_lines(judgement: Judgement) -> Iterator[str]:
    """What may be written, with why an attribute has no codes."""
    output = judgement.output
    if output is not None:
        yield f"output: {output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)}"
    if judgement.outcomes:
        yield f"outcomes: {json.dumps(dict(judgement.outcomes))}"


def _labels(said: str) -> Answer:
    try:
        return _tool_answer(json.loads(said))  # whatever it holds: the model's JSON is judged as it comes, too
    except ValueError as error:
        en = f'the answer is no JSON ({error}); write {{"Color": ["white"]}}'
        raise WorkbenchError(en, '답이 JSON 이 아닙니다. {"Color": ["white"]} 처럼 쓰세요') from error


def _tool_answer(said: Any) -> Answer:  # noqa: ANN401 - whatever JSON holds
    return Answer("tool_use", "", {"toolUseId": "by-hand", "name": TOOL, "input": said}, Usage())
