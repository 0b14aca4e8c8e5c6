"""One event, start to end: facts -> photos -> request -> answer -> checks -> output -> PUT -> outcome.

Decides by pure functions and reaches the world only through the parts that it is given. It must not know HTTP, the SDKs
or the environment.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from handler.asking import Asking, Bill
from handler.converse import Picture, Request
from handler.deadline import Deadline
from handler.errors import (
    AnswerRefused,
    AnswerRejected,
    AnswerUnusable,
    Defect,
    EnrichmentError,
    LanguageUnsupported,
    LeaseHeld,
    drop_tracebacks,
)
from handler.events import ProductEvent
from handler.facts import facts_of
from handler.ledger import Ledger, Slot, SlotState, Written
from handler.outcomes import REPORTED, Outcome, outcome_of
from handler.photos import prepare
from handler.question import Judgement, Question, question_of
from handler.results import TaskResult
from handler.tasks import Prompts, Task
from handler.write_back import Generator, Put, put_failure, put_output

WRITE_SECONDS = 30.0
"""The lease of a slot: reading `latest`, the PUT, recording it."""
POLL_SECONDS = 0.1
REPORT_SECONDS = 1.0
"""For a failure report: it may come when the deadline is over, and must not make the event late."""


class Photos(Protocol):
    """The image hosts. Raises the image leaves of `handler.errors`."""

    def fetch(self, url: str, *, within: float) -> bytes: ...


class ProductService(Protocol):
    """The product service. What it answers well is an outcome; the rest it raises."""

    def put(self, put: Put, *, within: float) -> Outcome: ...


@dataclass(slots=True)
class _Work:
    """One task of one event, as far as it has come."""

    task: Task
    event: ProductEvent
    slot: Slot
    deadline: Deadline
    bill: Bill
    fingerprint: str = ""
    judgement: Judgement = field(default_factory=lambda: Judgement(None))

    def repeats(self, state: SlotState, written: Written) -> bool:
        """Whether this would write what certainly was written last, and nobody asked to write it again."""
        last = state.written
        same = last is not None and (last.fingerprint, last.edition) == (written.fingerprint, written.edition)
        return same and not state.in_doubt and self.event.product.rewrite is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Runs the tasks that an event owes."""

    prompts: Prompts
    ledger: Ledger
    asking: Asking
    photos: Photos
    product_service: ProductService
    report_failures: bool
    new_deadline: Callable[[], Deadline]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def run(self, event: ProductEvent) -> Iterator[TaskResult]:
        """One result for each task as it ends, one after another under one deadline. Raises `LanguageUnsupported`."""
        language, languages = event.product.language, self.prompts.languages
        if language not in languages:
            lacking = ", ".join(self.prompts.lacking(language))
            asked = f"{language}: " if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})?", language) else ""
            raise LanguageUnsupported(
                f"{asked}supported are {', '.join(sorted(languages))}; {lacking} cannot write it",
                product_id=event.product.product_id,
            )
        deadline = self.new_deadline()
        bill = f"{event.origin.source} {event.origin.id}"
        reports = []
        for task in self.prompts.owed(event.type):
            work = _Work(task, event, _slot(task, event), deadline, Bill(bill))
            result = self._finish(work)
            yield result
            if self.report_failures and (result.outcome in REPORTED or result.is_partial):
                reports.append(put_failure(event, task, result, self._generator(work)))
        for report in reports:  # at last, so that no task waits for them
            with suppress(EnrichmentError):  # best effort: the outcomes stand without the planner's work list
                self.product_service.put(report, within=REPORT_SECONDS)

    def _enrich(self, work: _Work) -> tuple[Outcome, str]:
        """The story of one task: its outcome, and a detail where that needs one."""
        task, product = work.task, work.event.product
        # Raised whatever the outcome will be: an older event must not overtake one that changed nothing.
        state = self.ledger.raise_latest(work.slot, work.event.order)
        if state.supersedes(work.event.order):
            return Outcome.SUPERSEDED, "a newer event of this product is known"
        if task.name in product.protected:
            return Outcome.PROTECTED, "the event lists the task as protected"
        facts = facts_of(product, self.prompts.noise)
        publication = task.publication(facts.category)
        if publication == "off":
            return Outcome.HELD, "task.yaml publishes nothing for this category"
        question = question_of(task, facts, product.language)
        pictures: tuple[Picture, ...] = ()
        missing = task.lacks(facts, has_images=bool(product.image_urls))
        if missing and (question.needs_model or "category" in missing):  # without it nobody knows what applies
            return Outcome.INSUFFICIENT, f"the product lacks {', '.join(missing)}"
        if question.needs_model:
            pictures = self._pictures(work)
            if "images" in task.file.needs.fields and not pictures:
                return Outcome.INSUFFICIENT, "every photo is a detail strip"
        request = question.request(pictures)
        work.fingerprint = question.fingerprint(request)
        written = Written(work.event.order, work.fingerprint, task.edition)
        if publication == "live" and work.repeats(state, written):
            return Outcome.UNCHANGED, ""
        work.judgement = self._judged(work, question, request)
        return (Outcome.SHADOW, "") if publication == "shadow" else (self._write(work, written), "")

    def _pictures(self, work: _Work) -> tuple[Picture, ...]:
        images = work.task.file.images
        pictures: list[Picture] = []
        if images != "none":
            for url in work.event.product.image_urls:
                if len(pictures) >= images.max:
                    break
                source = self.photos.fetch(url, within=work.deadline.remaining())
                sha256 = hashlib.sha256(source).hexdigest()
                parts = prepare(source, tile=images.strips == "tile")
                pictures += [Picture(photo, sha256, part) for part, photo in enumerate(parts)]
            del pictures[images.max :]
        return tuple(pictures)

    def _judged(self, work: _Work, question: Question, request: Request | None) -> Judgement:
        """The judged answer; one that breaks rules is asked once to mend them. Raises `AnswerRejected`."""
        if request is None:
            return question.judge(None)
        anew = work.event.product.rewrite == "ask"
        request, answer = self.asking.ask(request, work.bill, work.deadline, anew=anew)
        judgement = question.judge(answer)
        if judgement.violations:
            again = request.after(answer, judgement.violations)
            with suppress(AnswerRefused, AnswerUnusable):  # what was right in the first answer stands
                judgement = question.judge(self.asking.ask(again, work.bill, work.deadline, anew=anew)[1])
        if judgement.output is None:
            work.judgement = judgement
            raise AnswerRejected(", ".join(dict.fromkeys(violation.code for violation in judgement.violations)))
        return judgement

    def _write(self, work: _Work, written: Written) -> Outcome:
        """PUTs under the slot's lease, by what is known then: one writer at a time, nothing stale, nothing twice."""
        while (lease := self.ledger.acquire_slot(work.slot, WRITE_SECONDS)) is None:
            if not work.deadline.pause(POLL_SECONDS):
                raise LeaseHeld("another worker is writing the same product")
        with ExitStack() as stack:
            # Whatever fails from here on may have been written all the same: the next one must not rely on `written`.
            stack.push(
                lambda failure, *_: self.ledger.release_slot(lease, in_doubt=lease.state.in_doubt or bool(failure))
            )
            if lease.state.supersedes(work.event.order):
                return Outcome.SUPERSEDED
            if work.repeats(lease.state, written):
                return Outcome.UNCHANGED
            put = put_output(
                work.event,
                work.task,
                work.slot,
                work.judgement,
                step=(lease.state.writes, written),
                generator=self._generator(work),
            )
            outcome = self.product_service.put(put, within=work.deadline.remaining())
            if outcome is not Outcome.WRITTEN:
                return outcome
            self.ledger.record_written(lease, written)
            stack.pop_all()  # recording gave the lease up
        return Outcome.WRITTEN if work.bill.calls else Outcome.REUSED

    def _finish(self, work: _Work) -> TaskResult:
        """Every task ends with a result: one that fails does not undo another."""
        error: EnrichmentError | None = None
        try:
            outcome, detail = self._enrich(work)
        except EnrichmentError as failure:
            drop_tracebacks(failure)
            error, outcome, detail = failure, outcome_of(failure), failure.detail
        except Exception as bug:  # noqa: BLE001 - a bug answers 500 for its own event and leaves the worker running
            error, outcome, detail = Defect(type(bug).__name__), Outcome.DEFECT, type(bug).__name__
            error.__cause__ = bug
        return TaskResult(
            task=work.task.name,
            outcome=outcome,
            detail=detail,
            edition=work.task.edition,
            model=work.task.model_id,
            fingerprint=work.fingerprint,
            judgement=work.judgement,
            bill=work.bill,
            error=error,
        )

    def _generator(self, work: _Work) -> Generator:
        return Generator(
            task=work.task.name,
            edition=work.task.edition,
            model=work.task.model_id,
            fingerprint=work.fingerprint,
            generated_at=self.now(),
        )


def _slot(task: Task, event: ProductEvent) -> Slot:
    language = event.product.language if task.file.output == "text" else ""  # codes have no language
    return Slot(event.product.product_id, task.name, language)
