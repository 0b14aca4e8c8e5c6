"""One HTTP exchange over a socket of its own: the bytes that are sent are the bytes that are meant."""

import json
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

PATIENCE = 30.0
"""Seconds; no test waits so long unless it fails."""
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "productId", "task"}
MAX_PROBLEM_BYTES = 1024
"""What KafkaSource copies to the dead letter."""

Header = tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        return json.loads(self.body)


def exchange(port: int, request: bytes, *, patience: float = PATIENCE) -> Answer:
    """Sends the bytes to a server on loopback and reads one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection, method=request.partition(b" ")[0].decode())
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def request_bytes(
    body: bytes, headers: Iterable[Header] = (), *, method: str = "POST", path: str = "/", chunked: bool = False
) -> bytes:
    """An HTTP/1.1 request. Header values are sent as UTF-8, as KafkaSource sends them."""
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
    lines = [("Host", "function"), ("Connection", "close"), framing, *headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + sent


def assert_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The answer is a problem (RFC 9457) that KafkaSource can copy to the dead letter; returns its members."""
    assert (answer.status, answer.headers.get("kne-errorcode")) == (status, code), answer
    assert re.fullmatch(r"[a-z0-9]+", code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.body) <= MAX_PROBLEM_BYTES
    problem: dict[str, Any] = answer.json()
    assert problem.keys() <= PROBLEM_FIELDS
    assert (problem["type"], problem["code"], problem["status"]) == (f"urn:product-enricher:{code}", code, status)
    assert problem["title"].endswith(".")
    return problem
