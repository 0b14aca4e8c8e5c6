"""Fuzzes the wire: whatever is sent, the function answers, never with a 5xx other than 503, and goes on living.

    python -m tests.fuzz.requests --count 100000 --seed 1

Most requests go into the WSGI application, which runs in this process as functions-framework builds it. Every
twentieth is spoilt once more as bytes and sent to the real server in a process of its own. The same seed sends the same
requests.
"""

import argparse
import io
import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, redirect_stdout
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from random import Random
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import functions_framework

from workbench.function import Function

# pytest and mypy call this package `fuzz`, `python -m` calls it `tests.fuzz`:
from .mutation import MARK, Sent, request, spoil_bytes  # noqa: TID252 - as above
from .neighbours import neighbours  # noqa: TID252 - as above

ROOT = Path(__file__).resolve().parent.parent.parent
RAW_SHARE = 20
"""One in so many goes over a socket."""
PATIENCE = 20.0
ANSWERS = {200, 400, 405, 413, 422, 429, 503}
Application = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]


class Broken(Exception):
    """A promise that the function did not keep."""


def check_line(text: str) -> None:
    """Every log line is JSON, without a bug and without a seller's word."""
    line = json.loads(text)
    if line.get("code") == "defect":
        raise Broken(f"a bug: {line}")
    if MARK in text:
        raise Broken(f"seller text in the log: {text}")


def check_answer(status: int, headers: dict[str, str], body: bytes) -> None:
    """Raises `Broken` where KafkaSource could not act on the answer."""
    if status not in ANSWERS:
        raise Broken(f"status {status}: {body[:500]!r}")
    if status in {200, 405}:
        return
    problem = json.loads(body)
    code = headers.get("kne-errorcode", "")
    if len(body) > 1024 or (problem["status"], problem["code"]) != (status, code) or not code.isalnum():
        raise Broken(f"no problem of status {status}: {headers} {body!r}")


def call(application: Application, sent: Sent) -> int:
    """Puts one request to the application, as a WSGI server would; returns the status. Raises `Broken`."""
    seen: list[Any] = []
    path, _, query = sent.path.partition("?")
    environ = {
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(sent.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(sent.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in sent.headers:
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        text = value.encode().decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    chunks = application(environ, lambda status, headers: seen.extend((status, headers)))
    body = b"".join(chunks)
    getattr(chunks, "close", lambda: None)()
    status = int(seen[0].split()[0])
    check_answer(status, {name.lower(): value for name, value in seen[1]}, body)
    return status


def send(port: int, raw: bytes) -> int:
    """Sends bytes to the server; returns the status, 0 where it closed the connection. Raises `Broken`."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            response = HTTPResponse(connection)
            response.begin()
            body = response.read()
        except TimeoutError as error:
            raise Broken(f"no answer within {PATIENCE} s") from error
        except (OSError, HTTPException):  # it may close before it has read all
            return 0
        if response.status >= 500 and response.status != 503:
            raise Broken(f"status {response.status}: {body[:500]!r}")
        return response.status


def raw_bytes(random: Random, sent: Sent) -> bytes:
    head = [("Host", "function"), ("Content-Length", str(len(sent.body))), ("Connection", "close"), *sent.headers]
    lines = "".join(f"{name}: {value}\r\n" for name, value in head)
    raw = f"{sent.method} {sent.path} HTTP/1.1\r\n{lines}\r\n".encode() + sent.body
    return spoil_bytes(random, raw) if random.random() < 0.7 else raw


def run(count: int, seed: int) -> Counter[int]:
    """Sends so many requests; how many were answered with each status. Raises `Broken`."""
    random, statuses = Random(seed), Counter[int]()  # noqa: S311 - no secret
    with neighbours(seed) as url:
        env = {
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
            "PRODUCT_SERVICE_URL": url,
            "IMAGE_HOSTS": "127.0.0.1",
            "PROMPTS_DIR": str(ROOT / "tests/prompts"),
            "TOPIC_EVENT_TYPES": '{"products": "ProductRegisteredEvent"}',
            "DEADLINE_SECONDS": "5",
            "THREADS": "4",
        }
        os.environ.update(env)
        with NamedTemporaryFile("a") as stdout, open(stdout.name, encoding="utf-8") as log, Function(env) as function:
            with redirect_stdout(stdout):
                create_app: Callable[..., Any] = functions_framework.create_app
                application = create_app("handle", str(ROOT / "handler/main.py"), "http").wsgi_app
            port = urlsplit(function.url).port or 0
            for number in range(count):
                sent = request(random, url)
                raw = raw_bytes(random, sent) if number % RAW_SHARE == 0 else b""
                try:
                    statuses[send(port, raw) if raw else call(application, sent)] += 1
                    for line in log:
                        check_line(line)
                except Exception as error:
                    raise Broken(f"request {number} of seed {seed}: {error!r}\n{raw or sent!r}"[:5000]) from error
            if send(port, b"GET /health/readiness HTTP/1.1\r\nHost: function\r\nConnection: close\r\n\r\n") != 200:
                raise Broken("the server is not ready any more")
        for line in function.lines:
            check_line(line)  # a worker that died and was started again says so, and not in JSON
    return statuses


def main() -> None:
    parser = argparse.ArgumentParser(description="Sends broken requests to the function.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        statuses = run(arguments.count, arguments.seed)
    except Broken as error:
        sys.exit(str(error))
    seconds = time.monotonic() - started
    print(f"{arguments.count} requests of seed {arguments.seed}, {arguments.count / seconds:.0f} a second")  # noqa: T201
    print(dict(sorted(statuses.items())), "0: closed without an answer")  # noqa: T201


if __name__ == "__main__":
    main()
