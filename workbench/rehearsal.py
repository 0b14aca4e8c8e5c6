"""Runs the function's own pipeline on one event with nothing behind it, for planners who want to see what it does.

Every task is in shadow here, whatever its `publish` says: asked, checked, shown, never written; and the ledger is
forgotten with the run. It decides nothing by itself: what it shows is what the function would do.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from handler.asking import Asking, Bill, Model
from handler.converse import Answer, Request
from handler.deadline import Deadline
from handler.errors import AnswerUnusable
from handler.events import ProductEvent
from handler.facts import facts_of
from handler.ledger import MemoryLedger
from handler.models import model_table
from handler.outcomes import Outcome
from handler.pipeline import Photos, Pipeline
from handler.question import Question, question_of
from handler.results import TaskResult
from handler.task_files import Publication
from handler.tasks import Prompts, Task
from handler.write_back import Put

SECONDS = 120.0
"""The function's own default for one event."""


@dataclass(frozen=True)
class Rehearsal:
    """How one task went."""

    event: ProductEvent
    task: Task
    """As its folder says, with its own `publish`."""
    persona: str
    publication: Publication
    question: Question
    result: TaskResult
    requests: tuple[Request, ...]
    """What was asked, or was about to be; the second is the re-ask."""
    answers: tuple[Answer, ...]


class Silence:
    """In the model's place: says nothing, so that what would be asked can be looked at."""

    read_timeout = 0.0

    def converse(self, *_: object, **__: object) -> dict[str, Any]:
        raise AnswerUnusable("not asked, only shown")


def rehearse(prompts: Prompts, event: ProductEvent, task: Task, *, model: Model, photos: Photos) -> Rehearsal:
    """One task of one event, up to the write-back. Raises `LanguageUnsupported`."""
    ledger = MemoryLedger()
    asking = _Overheard(ledger, model, model_table())
    pipeline = Pipeline(
        prompts=replace(prompts, tasks=tuple(_staged(each, event, is_owed=each is task) for each in prompts.tasks)),
        ledger=ledger,
        asking=asking,
        photos=photos,
        product_service=_NoProductService(),
        report_failures=False,
        new_deadline=lambda: Deadline(SECONDS),
    )
    (result,) = pipeline.run(event)
    facts = facts_of(event.product, prompts.noise)
    return Rehearsal(
        event=event,
        task=task,
        persona=task.persona(facts)[0],
        publication=task.publication(facts.category),
        question=question_of(task, facts, event.product.language),
        result=result,
        requests=tuple(asking.requests),
        answers=tuple(asking.answers),
    )


def _staged(task: Task, event: ProductEvent, *, is_owed: bool) -> Task:
    events = (event.type,) if is_owed else ()
    return replace(task, file=task.file.model_copy(update={"events": events, "publish": {"**": "shadow"}}))


@dataclass(frozen=True)
class _Overheard(Asking):
    """Keeps what is asked and answered."""

    requests: list[Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def ask(self, request: Request, bill: Bill, deadline: Deadline, *, anew: bool = False) -> tuple[Request, Answer]:
        self.requests.append(request)
        request, answer = super().ask(request, bill, deadline, anew=anew)
        self.answers.append(answer)
        return request, answer


class _NoProductService:
    def put(self, put: Put, *, within: float) -> Outcome:
        raise AssertionError(f"a task in shadow must not write: {put.path}, within {within} s")
