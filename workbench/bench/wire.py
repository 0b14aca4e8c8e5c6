"""HTTP/1.1 as cheaply as Python can have it: messages with a Content-Length, cut out of a buffer. Opens no socket."""

import re
from dataclasses import dataclass

_SIZE = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response."""

    head: bytes
    """With its empty line."""
    body: bytes

    @property
    def status(self) -> int:
        """Of a response."""
        return int(self.head[9:12])


def body_size(head: bytes) -> int:
    """Bytes of the body that follows this head; nobody here sends chunks."""
    found = _SIZE.search(head)
    return int(found[1]) if found else 0


def take(buffer: bytearray) -> Message | None:
    """Cuts the first whole message off `buffer`; None while it has not come."""
    end = buffer.find(_END)
    if end < 0:
        return None
    end += len(_END)
    head = bytes(buffer[:end])
    whole = end + body_size(head)
    if len(buffer) < whole:
        return None
    body = bytes(buffer[end:whole])
    del buffer[:whole]
    return Message(head, body)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request on a connection that stays open; `_` in a header's name is `-`."""
    return _message(f"{method} {path} HTTP/1.1", body, {"Host": "127.0.0.1", **headers})


def response(status: int, body: bytes, *, content_type: str = "application/json") -> bytes:
    return _message(f"HTTP/1.1 {status} Bench", body, {"Content-Type": content_type})


def _message(start: str, body: bytes, headers: dict[str, str]) -> bytes:
    fields = {**headers, "Content-Length": str(len(body))}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{start}\r\n{lines}\r\n".encode() + body
