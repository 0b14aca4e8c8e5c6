"""HTTP over loopback as bytes: doors that pass requests on as they are, and see what happened to each.

It understands no more of HTTP than where a message ends (Content-Length; nobody here sends chunks). Nothing is sent
twice: a broken connection on one side becomes a broken connection on the other.
"""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from io import BufferedReader
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 120.0
"""For whoever says nothing: longer than anything here waits."""


@dataclass(frozen=True)
class Message:
    """A request or an answer."""

    head: bytes
    """With its empty line."""
    body: bytes

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.head[9:12])

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        head = self.head.lower()
        return b"\r\nconnection: close" in head or (b"\r\n" in head and b"http/1.0" in head.partition(b"\r\n")[0])


def answer(status: int, body: bytes, **headers: str) -> Message:
    """An answer of our own making."""
    fields = {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return Message(f"HTTP/1.1 {status} Soak\r\n{lines}\r\n".encode(), body)


def read_message(stream: BufferedReader) -> Message | None:
    """The next message; None where the connection ended. Raises OSError."""
    head, size = bytearray(), 0
    while line := stream.readline(65_536):
        head += line
        if line == b"\r\n":
            body = stream.read(size) if size else b""
            return Message(bytes(head), body) if len(body) == size else None
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    return None


def forward(port: int, request: Message, client: socket.socket) -> Message | None:
    """The answer of whoever listens on `port`; None where none comes, or the client goes away first."""
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)) as upstream:
        upstream.sendall(request.head + request.body)
        ready, _, _ = select.select([upstream, client], [], [], PATIENCE_SECONDS)
        if upstream not in ready:
            return None
        with upstream.makefile("rb") as stream:
            return read_message(stream)
    return None


Pass = Callable[[Message, socket.socket], Message | None]
"""What to answer to a request from this client; None closes the connection."""


class Door:
    """A port that hands each request to `pass_on`, one thread a connection: `with Door(...) as door: door.url`."""

    def __init__(self, pass_on: Pass) -> None:
        self._pass_on = pass_on
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name=f"door-{self.port}").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            connections = list(self._open)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            with self._lock:
                if self._closed:
                    return
                self._open.add(client)
            with suppress(OSError), client.makefile("rb") as stream:
                while request := read_message(stream):
                    reply = self._pass_on(request, client)
                    if reply is None:
                        break
                    client.sendall(reply.head + reply.body)
                    if reply.closes:
                        break
            with self._lock:
                self._open.discard(client)
