"""The HTTP surface alone: which result is which status, bugs, slots, and what its neighbours must not cost it."""

import io
import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Request, Response
from server import JSON, UPDATED, attributes, encoded
from werkzeug.test import EnvironBuilder
from wire import Answer, assert_problem

from handler.asking import Bill
from handler.errors import (
    AnswerRejected,
    Defect,
    EnrichmentError,
    LedgerUnavailable,
    ModelUnavailable,
    Throttled,
    Unavailable,
    Unusable,
)
from handler.events import ProductEvent
from handler.http_surface import MAX_BODY_BYTES, MAX_DRAINED_BYTES, HttpSurface
from handler.outcomes import Outcome, outcome_of
from handler.question import Judgement
from handler.results import TaskResult
from handler.telemetry import OPENMETRICS, Telemetry

EVENT = {"productId": "GD-1", "version": 1}
Run = Callable[[ProductEvent], list[TaskResult]]


def result(task: str, error: EnrichmentError | None = None) -> TaskResult:
    """How a task ended: written, or with this error."""
    outcome = outcome_of(error) if error else Outcome.WRITTEN
    output = None if error else "글"
    return TaskResult(task, outcome, "", "e1", "m", "f1", Judgement(output), Bill("/shop 1"), error)


def surface(
    run: Run = lambda _: [result("copy")],
    *,
    forget: Callable[[str], None] = lambda _: None,
    log: io.BytesIO | None = None,
    slots: int = 1,
) -> HttpSurface:
    telemetry = Telemetry(log or io.BytesIO())
    return HttpSurface(
        run=run, forget=forget, event_types={UPDATED}, topic_event_types={}, telemetry=telemetry, slots=slots
    )


def request(
    body: bytes | io.RawIOBase = b"",
    headers: Sequence[tuple[str, str]] = (),
    *,
    method: str = "POST",
    path: str = "/",
    length: int = 0,
) -> Request:
    environ = EnvironBuilder(path, method=method, headers=list(headers)).get_environ()
    environ["wsgi.input"] = io.BytesIO(body) if isinstance(body, bytes) else body
    environ["CONTENT_LENGTH"] = str(len(body) if isinstance(body, bytes) else length)
    return Request(environ)


def event(data: object = EVENT, event_type: str = UPDATED) -> Request:
    return request(encoded(data), [*attributes(event_type), JSON])


def answer(response: Response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers}
    return Answer(response.status_code, headers, response.get_data())


def failing(*errors: EnrichmentError | None) -> Run:
    return lambda _: [result(f"task{number}", error) for number, error in enumerate(errors)]


BY_PRECEDENCE: list[EnrichmentError | None] = [
    ModelUnavailable("a"),
    Throttled("b"),
    Defect("c"),
    AnswerRejected("d"),
    None,
]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(BY_PRECEDENCE, repeat=2)))
def test_what_may_heal_speaks_first(first: EnrichmentError | None, second: EnrichmentError | None) -> None:
    """With several tasks, 503 > 429 > 500 > 422 > 200, in whatever order they ran."""
    told = answer(surface(failing(first, second)).handle(event()))
    speaking = BY_PRECEDENCE[min(BY_PRECEDENCE.index(first), BY_PRECEDENCE.index(second))]
    if speaking is None:
        assert told.status == 200
    else:
        problem = assert_problem(told, speaking.status, speaking.code)
        assert problem["task"] == ("task0" if speaking is first else "task1")
        assert (problem["productId"], problem["detail"]) == ("GD-1", speaking.detail)


def leaves(error: type[EnrichmentError]) -> list[type[EnrichmentError]]:
    return [leaf for child in error.__subclasses__() for leaf in leaves(child)] or [error]


@pytest.mark.parametrize("error", [*leaves(Unusable), *leaves(Unavailable), Throttled, Defect])
def test_every_failure_is_told_as_its_problem(error: type[EnrichmentError]) -> None:
    """Whatever a task fails with has a status, a code in body and header, and fits the dead letter."""
    told = answer(surface(failing(error("가" * 2000))).handle(event({"productId": "품" * 128})))
    assert_problem(told, error.status, error.code)


def test_problem_is_cut_to_what_the_dead_letter_holds() -> None:
    """However long its detail, a problem is whole JSON within the limit, and has as much detail as may be."""
    for length in range(0, 500, 3):
        told = answer(surface(failing(ModelUnavailable("가" * length))).handle(event()))
        problem = assert_problem(told, 503, "modelunavailable")
        assert len(problem.get("detail", "")) >= min(length, 100)


def test_bug_in_a_task_is_told_without_its_insides() -> None:
    """A bug is 500 for its own event; its message, which may hold seller text, goes nowhere."""

    def run(_: ProductEvent) -> list[TaskResult]:
        raise ZeroDivisionError("판매자")

    log = io.BytesIO()
    told = answer(surface(run, log=log).handle(event()))

    problem = assert_problem(told, 500, "defect")
    assert problem["detail"] == "ZeroDivisionError"
    assert "판매자" not in told.body.decode()
    assert '"traceback"' in log.getvalue().decode()


def test_bug_keeps_no_slot() -> None:
    """After a bug, the same slot serves the next event."""
    bugs = iter([RuntimeError("once")])

    def run(_: ProductEvent) -> list[TaskResult]:
        for bug in bugs:
            raise bug
        return [result("copy")]

    one_slot = surface(run)
    assert [answer(one_slot.handle(event())).status for _ in range(2)] == [500, 200]


def test_what_was_answered_is_counted() -> None:
    """The metrics count every POST by its status, and foreign events by their type."""
    counted = surface()
    for posted in (event(), event(event_type="com.example.other"), request()):
        counted.handle(posted)

    told = answer(counted.handle(request(method="GET", path="/metrics")))

    assert told.headers["content-type"] == OPENMETRICS
    text = told.body.decode()
    assert 'enricher_requests_total{status="200"} 2.0' in text
    assert 'enricher_requests_total{status="400"} 1.0' in text
    assert 'enricher_foreign_events_total{type="com.example.other"} 1.0' in text


def test_other_methods_are_not_allowed() -> None:
    """A GET of anything else says what there is."""
    told = answer(surface().handle(request(method="GET", path="/x")))
    assert (told.status, told.headers["allow"]) == (405, "POST")
    told = answer(surface().handle(request(method="HEAD", path="/health/readiness")))
    assert (told.status, told.headers["allow"]) == (405, "GET, POST")


def test_deletion_goes_to_the_ledger() -> None:
    """The product that is gone is the one that is forgotten."""
    forgotten: list[str] = []
    told = answer(surface(forget=forgotten.append).handle(event({"productId": "GD-9"}, "ProductDeletedEvent")))
    assert (told.status, told.body, forgotten) == (200, b"", ["GD-9"])


def test_ledger_that_cannot_forget_is_unavailable() -> None:
    """A deletion is delivered again until the ledger took it."""

    def forget(_: str) -> None:
        raise LedgerUnavailable("throttled")

    told = answer(surface(forget=forget).handle(event({"productId": "GD-9"}, "ProductDeletedEvent")))
    assert_problem(told, 503, "ledgerunavailable")


def test_event_without_a_slot_is_turned_away_at_once() -> None:
    """While every slot is taken, an event is 503 `busy`, and probes are answered."""
    entered, leave = threading.Event(), threading.Event()

    def run(_: ProductEvent) -> list[TaskResult]:
        entered.set()
        assert leave.wait(30)
        return [result("copy")]

    one_slot = surface(run)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(one_slot.handle, event())
        try:
            assert entered.wait(30)
            assert_problem(answer(one_slot.handle(event())), 503, "busy")
            assert answer(one_slot.handle(request(method="GET", path="/health/liveness"))).status == 200
        finally:
            leave.set()
        assert held.result().status_code == 200


class Endless(io.RawIOBase):
    """A body whose end nobody should see; counts what is read of it."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        self.taken += size
        return b" " * size if self.taken < 4 * MAX_DRAINED_BYTES else b""


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_body_that_nobody_asked_for_stays_unread(method: str) -> None:
    """A body on a probe or on another method is not read into memory, not even by the framework's own hook."""
    endless = Endless()
    asked = request(endless, method=method, path="/health/liveness", length=10**12)
    response = surface().handle(asked)
    assert response.is_streamed  # functions-framework reads the request whole where this is false
    assert endless.taken == 0


def test_body_without_end_is_given_up() -> None:
    """What is over the limit is read a while, so that the client sees the answer, and not forever."""
    endless = Endless()
    told = surface().handle(request(endless, attributes(UPDATED), length=10**12))
    assert_problem(answer(told), 413, "bodytoolarge")
    assert endless.taken <= MAX_DRAINED_BYTES + MAX_BODY_BYTES


class Cut(io.RawIOBase):
    """A body whose connection breaks."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        raise self._error

    def readinto(self, buffer: object) -> int:
        raise self._error


@pytest.mark.parametrize("error", [ConnectionResetError(), ValueError("a parser's own")])
@pytest.mark.parametrize("length", [10, MAX_BODY_BYTES + 10])
def test_body_that_ends_early_is_a_bad_request(error: Exception, length: int) -> None:
    """A client that goes away is no bug of ours."""
    told = surface().handle(request(Cut(error), attributes(UPDATED), length=length))
    assert_problem(answer(told), 400, "brokenjson")


def test_body_that_stops_arriving_may_come_again() -> None:
    """What a sender that died left behind is not held against the event."""
    told = surface().handle(request(Cut(TimeoutError()), attributes(UPDATED), length=10))
    assert_problem(answer(told), 503, "bodylate")


@pytest.mark.parametrize(
    ("data", "product_id"),
    [
        ({**EVENT, "version": -1}, "GD-1"),
        ({"prdCd": 7, "attributes": "red"}, "7"),
        ({**EVENT, "productId": ".."}, None),
    ],
)
def test_refusal_names_the_product_where_the_event_does(data: object, product_id: str | None) -> None:
    """Who reads the dead letter, or the log, knows which product it is about."""
    problem = assert_problem(answer(surface().handle(event(data))), 422, "schemaviolated")
    assert problem.get("productId") == product_id
