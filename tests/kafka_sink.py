"""A sink on loopback for the KafkaSource stand-in: records what arrives, and answers what the test says."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

PATIENCE = 30.0
"""Seconds; no test waits so long unless it fails."""


@dataclass(frozen=True)
class Posted:
    """A request as it arrived; header names in lower case."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["ce-id"]


@dataclass(frozen=True)
class Answered:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Sink:
    """`with Sink(answer) as sink: ... sink.url`. `answer` runs on the request's own thread and may wait."""

    def __init__(self, answer: Callable[[Posted], Answered] = lambda _: Answered()) -> None:
        self.posted: list[Posted] = []
        self.connections = 0
        """Open ones."""
        sink, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body go out in two writes

            def setup(self) -> None:
                super().setup()
                with lock:
                    sink.connections += 1

            def finish(self) -> None:
                with lock:
                    sink.connections -= 1
                super().finish()

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                headers = {name.lower(): value for name, value in self.headers.items()}
                posted = Posted(headers, self.rfile.read(length))
                sink.posted.append(posted)
                answered = answer(posted)
                self.send_response_only(answered.status)
                for name, value in answered.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answered.body)))
                self.end_headers()
                self.wfile.write(answered.body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as the base names it
                """Nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

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
    request_queue_size = 128  # a hundred connect at once

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error here."""


def eventually(condition: Callable[[], bool]) -> None:
    """Returns as soon as it holds; fails where it does not within `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
