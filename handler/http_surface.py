"""The HTTP surface: which request is answered how. Everything about events themselves is decided elsewhere."""

import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Final

from flask import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from handler import intake
from handler.envelope import open_envelope, seal_reply
from handler.errors import BodyLate, BrokenJson, Busy, Defect, EnrichmentError, TooLarge
from handler.events import ForeignEvent, Origin, ProductDeletion, ProductEvent
from handler.results import REPLY_TYPE, Reply, TaskResult, problem, speaking_failure
from handler.telemetry import OPENMETRICS, Telemetry

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_DRAINED_BYTES: Final = 16 * MAX_BODY_BYTES
"""Read and thrown away of a body that is too large: a client that still sends would not see the answer."""
BODY_SECONDS: Final = 10.0
"""Within which the next part of a body must come: a sender that died in the middle must not hold its slot for ever."""
TEXT: Final = "text/plain; charset=utf-8"
PROBES: Final = frozenset({"/health/liveness", "/health/readiness"})


class HttpSurface:
    """Answers requests; safe to share between threads."""

    def __init__(
        self,
        *,
        run: Callable[[ProductEvent], Iterable[TaskResult]],
        forget: Callable[[str], None],
        event_types: Collection[str],
        topic_event_types: Mapping[str, str],
        telemetry: Telemetry,
        slots: int,
    ) -> None:
        """`run` enriches, `forget` clears a deleted product; `slots` events at most are in work at a time."""
        self._run = run
        self._forget = forget
        self._event_types = event_types
        self._topic_event_types = topic_event_types
        self._telemetry = telemetry
        self._slots = threading.BoundedSemaphore(slots)

    def handle(self, request: Request) -> Response:
        """POST on any path is an event; probes and metrics are GET; all else is 405."""
        if request.method == "POST":
            response = self._answer_event(request)
            self._telemetry.request_answered(response.status_code)
            return response
        if request.method == "GET" and request.path in PROBES:
            return _unread(b"ok\n", 200, {"Content-Type": TEXT})
        if request.method == "GET" and request.path == "/metrics":
            return _unread(self._telemetry.exposition(), 200, {"Content-Type": OPENMETRICS})
        allowed = "GET, POST" if request.path in {*PROBES, "/metrics"} else "POST"
        usage = f"POST an event, or GET {', '.join(sorted(PROBES))}, /metrics\n"
        return _unread(usage.encode(), 405, {"Content-Type": TEXT, "Allow": allowed})

    def _answer_event(self, request: Request) -> Response:
        """Takes an event slot or says so at once, so that a thread stays free for the probes."""
        if not self._slots.acquire(blocking=False):
            return self._refuse(Busy("every event slot is taken"), None)
        try:
            return self._enrich(request)
        finally:
            self._slots.release()

    def _enrich(self, request: Request) -> Response:
        origin: Origin | None = None
        try:
            envelope = open_envelope(dict(request.headers), _body(request))
            origin = envelope.origin._replace(traceparent=_traceparent(request))
            match intake.read(envelope, self._event_types, self._topic_event_types):
                case ForeignEvent(event_type):
                    self._telemetry.foreign(event_type)
                    return Response(status=200)
                case ProductDeletion(product_id):
                    self._forget(product_id)
                    self._telemetry.product_forgotten(origin, product_id)
                    return Response(status=200)
                case ProductEvent() as event:
                    return self._reply(event._replace(origin=origin))
        except EnrichmentError as error:
            return self._refuse(error, origin)
        except Exception as bug:  # noqa: BLE001 - a bug answers 500 without internals and leaves the worker running
            defect = Defect(type(bug).__name__)
            defect.__cause__ = bug
            return self._refuse(defect, origin)

    def _reply(self, event: ProductEvent) -> Response:
        results = []
        began = monotonic()
        for result in self._run(event):
            ended = monotonic()
            # As it ends: a process that is killed has told what it paid.
            self._telemetry.task_ended(event, result, ended - began)
            results.append(result)
            began = ended
        failure = speaking_failure(results)
        if failure and failure.error:
            return _problem(failure.error, product_id=event.product.product_id, task=failure.task)
        reply = Reply.of(event.product, results).model_dump_json(by_alias=True)
        return Response(reply.encode(), 200, seal_reply(REPLY_TYPE, event.origin))

    def _refuse(self, error: EnrichmentError, origin: Origin | None) -> Response:
        self._telemetry.event_failed(error, origin)
        return _problem(error, product_id=error.product_id)


def _problem(error: EnrichmentError, *, product_id: str = "", task: str = "") -> Response:
    headers = {"kne-errorcode": error.code, "Content-Type": "application/problem+json"}
    return _unread(problem(error, product_id=product_id, task=task), error.status, headers)


def _unread(body: bytes, status: int, headers: Mapping[str, str]) -> Response:
    """An answer to a request whose body stays unread."""
    # An iterator, not a list: functions-framework would read the body whole, however long (its hook `read_request`).
    return Response(iter([body]), status, {**headers, "Content-Length": str(len(body))})


def _traceparent(request: Request) -> str:
    """W3C trace context as it is passed on; one of another form is dropped (Trace Context, 3.2), not sent further."""
    given = request.headers.get("traceparent", "")[:55]  # a later version may say more
    return given if re.fullmatch(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", given) else ""


def _body(request: Request) -> bytes:
    request.max_content_length = MAX_BODY_BYTES + 1  # a chunked body is cut there without a word
    connection = request.environ.get("gunicorn.socket")
    try:
        if connection:
            connection.settimeout(BODY_SECONDS)
        with suppress(RequestEntityTooLarge):
            if len(body := request.get_data()) <= MAX_BODY_BYTES:
                return body
        stream, drained = request.environ["wsgi.input"], 0
        while drained < MAX_DRAINED_BYTES and (chunk := stream.read(65_536)):
            drained += len(chunk)
    except Exception as error:  # the client went away, or its chunks are not HTTP: each server raises its own
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            raise BodyLate(f"nothing came for {BODY_SECONDS:g} s") from error
        raise BrokenJson("the body ended early") from error
    finally:
        if connection:
            connection.settimeout(None)  # as gunicorn has it
    raise TooLarge(f"the limit is {MAX_BODY_BYTES} bytes")
