"""Proxies around the function: all that leaves it passes here one by one, and one request can be its last."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

PATIENCE = 60.0
"""Seconds for an answer from behind; the function itself gives up long before."""
NOT_PASSED_ON = {"connection", "content-length", "date", "server", "transfer-encoding"}


class Moment(StrEnum):
    """Before: the request never left. After: it was served, and the function never learns of it."""

    BEFORE = "before"
    AFTER = "after"


class Boundary(NamedTuple):
    """One edge of a step."""

    request: int
    """From 0, in the order in which the function sends them."""
    moment: Moment


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Border:
    """Counts the requests of all its gates together; at `fatal` it calls `kill` instead of answering."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self.requests: list[str] = []
        """DynamoDB's operation, or the last part of the path."""
        self._fatal: Boundary | None = None
        self._kill = kill
        self._lock = threading.Lock()

    def begin(self, fatal: Boundary | None) -> None:
        """Counts from here."""
        with self._lock:
            self.requests.clear()
            self._fatal = fatal

    def cross(self, name: str, forward: Callable[[], _Answer]) -> _Answer | None:
        """The answer; None: the function died here."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(name)
        if self._fatal == (number, Moment.BEFORE):
            self._kill()
            return None
        answer = forward()
        if self._fatal == (number, Moment.AFTER):
            self._kill()
            return None
        return answer


class Gate:
    """One way through the border, to the server at `upstream`: `with Gate(border, url) as gate: ... gate.url`."""

    def __init__(self, border: Border, upstream: str) -> None:
        self._server = _Server(border, upstream)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, border: Border, upstream: str) -> None:
        self.border = border
        self.upstream = urlsplit(upstream).netloc
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - BaseHTTPRequestHandler's signature
        """Says nothing: the border keeps the list."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        name = self.headers.get("X-Amz-Target") or self.path.replace("/", ".")
        self.close_connection = True  # unless an answer gets through
        with suppress(OSError, HTTPException):  # either side has gone: both are told to go in these tests
            answer = self.server.border.cross(name.rpartition(".")[2], lambda: self._forward(body))
            if answer is not None:
                self._send(answer)
                self.close_connection = False

    do_PUT = do_POST  # noqa: N815 - BaseHTTPRequestHandler's naming

    def _forward(self, body: bytes) -> _Answer:
        connection = HTTPConnection(self.server.upstream, timeout=PATIENCE)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            response = connection.getresponse()
            return _Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def _send(self, answer: _Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()
