"""The stand-in as an HTTP server on loopback: sockets and threads only. What it says is decided in account, control."""

import contextlib
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from workbench.sandbox.bedrock.account import Account, Settings
from workbench.sandbox.bedrock.control import control
from workbench.sandbox.bedrock.faults import Fault
from workbench.sandbox.bedrock.replies import Reply, refused
from workbench.sandbox.bedrock.request_log import Received
from workbench.sandbox.bedrock.wire import Refused

# The service's own limit for a request body.
_MAX_BODY_BYTES = 25_000_000
# How soon a held request notices that its client has gone or that it may go on.
_POLL_SECONDS = 0.05
_STOP_SECONDS = 5


class BedrockStandIn:
    """Runs the stand-in while its context is open.

    with BedrockStandIn() as bedrock:
        client = boto3.client("bedrock-runtime", endpoint_url=bedrock.url, ...)
    """

    def __init__(self, port: int = 0, latency_seconds: float = 0.0) -> None:
        self._account = Account(Settings(latency_seconds=latency_seconds))
        self._server = _Server(port, self._account)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where a client reaches it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> list[Received]:
        """What was received, in order of arrival; a request that is still held is among them."""
        return self._account.log.entries()

    def wait_for_requests(self, count: int, *, timeout_seconds: float = 10) -> bool:
        """Waits until `count` requests have arrived, answered or not; False when the time is over first."""
        return self._account.log.wait_for(count, timeout_seconds=timeout_seconds)

    def push(self, *faults: Fault | dict[str, Any]) -> None:
        """Queues faults in order; see Fault for the fields. Raises pydantic.ValidationError for an unknown one."""
        self._account.faults.push(*(Fault.model_validate(fault) for fault in faults))

    def configure(self, **changes: float | None) -> None:
        """Changes settings: latency_seconds, requests_per_minute, tokens_per_minute."""
        self._account.configure(changes)

    def release(self) -> None:
        """Lets every hung request go on to its answer."""
        self._account.release()

    def reset(self) -> None:
        """Back to the beginning: no requests, faults, cached prompts or changed settings; hung requests go on."""
        self._account.reset()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, account: Account) -> None:
        self.account = account
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._closed = threading.Condition()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
        with self._closed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - socketserver's signature
        super().shutdown_request(request)
        with self._closed:
            self._connections.discard(request)
            self._closed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
        """A client that goes away is an everyday event; anything else is a defect, and printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Closes every socket, and waits for the threads that held one."""
        self.stopping.set()
        self.shutdown()
        with self._closed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._closed.wait_for(lambda: not self._connections, _STOP_SECONDS)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: head and body leave together

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - BaseHTTPRequestHandler's signature
        """Says nothing: the request log is the log."""

    def do_POST(self) -> None:
        """A Converse call, or a word to the stand-in itself."""
        size = int(self.headers.get("Content-Length", 0))
        if size > _MAX_BODY_BYTES:
            self._send(refused(Refused("RequestEntityTooLargeException", "The request body is too large.")))
            self.close_connection = True
            return
        raw = self.rfile.read(size)
        path, account = urlsplit(self.path).path, self.server.account
        match path.split("/"):
            case ["", "model", model_id, "converse"] if self.command == "POST":
                self._send(account.converse(unquote(model_id), dict(self.headers), raw, pause=self._pause))
            case _:
                self._send(control(account, self.command, path, raw))

    do_GET = do_POST  # noqa: N815 - BaseHTTPRequestHandler's naming
    do_DELETE = do_POST  # noqa: N815 - BaseHTTPRequestHandler's naming

    def _send(self, reply: Reply | None) -> None:
        if reply is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.length is not None:
            self.close_connection = True

    def _pause(self, fault: Fault, released: threading.Event) -> bool:
        """Waits out latency and hang; False when the client or the server is gone meanwhile."""
        due = time.monotonic() + self.server.account.settings.latency_seconds + fault.latency_seconds
        while time.monotonic() < due or (fault.hang and not released.is_set()):
            left = _POLL_SECONDS if fault.hang else min(_POLL_SECONDS, max(0, due - time.monotonic()))
            if self.server.stopping.wait(left) or self._client_gone():
                return False
        return not self.server.stopping.is_set()

    def _client_gone(self) -> bool:
        try:
            waiting: bytes = self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not waiting
