"""DynamoDB for tests: moto's, over HTTP on loopback, with the table that users create; and a proxy that breaks it."""

import itertools
import json
import threading
import zlib
from collections.abc import Callable, Mapping
from email.message import Message
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import yaml
from botocore.session import Session
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from stores import Store
from werkzeug.serving import WSGIRequestHandler, make_server

from handler.clients.aws import AwsService
from handler.clients.dynamodb import SKEW_SECONDS, DynamoLedger
from handler.clients.dynamodb_table import Table

TABLE = Path(__file__).parent.parent / "docs/ledger-table.yaml"
_numbers = itertools.count(1)


def table_properties() -> dict[str, Any]:
    """The table's properties in the file that users create it by."""
    properties: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["Resources"]["Ledger"]["Properties"]
    return properties


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nothing to say."""


class DynamoServer:
    """moto's DynamoDB, one request at a time: with threads of its own it lets two conditional writes win."""

    def __init__(self) -> None:
        app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, app, threaded=False, request_handler=_Quiet)
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="dynamodb")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.session = LoopbackSession(self.url)  # one for all: each loads the SDK's data again
        self.client: Any = self.session.create_client("dynamodb")
        """The administrator's."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def create_table(self, name: str = "") -> str:
        """An empty table as docs/ledger-table.yaml defines it; its name."""
        properties = {**table_properties(), "TableName": name or f"ledger-{next(_numbers)}"}
        ttl = properties.pop("TimeToLiveSpecification")
        recovery = properties.pop("PointInTimeRecoverySpecification")
        properties["SSESpecification"] = {"Enabled": properties["SSESpecification"]["SSEEnabled"]}
        created = properties["TableName"]
        self.client.create_table(**properties)
        self.client.update_time_to_live(TableName=created, TimeToLiveSpecification=ttl)
        self.client.update_continuous_backups(TableName=created, PointInTimeRecoverySpecification=recovery)
        return str(created)


class LoopbackSession(Session):
    """Finds DynamoDB at `url`, as a line in the SDK's own files would say, and has credentials that nobody checks."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.set_credentials("none", "none")
        self.set_config_variable("region", "us-east-1")
        self._url = url

    def get_scoped_config(self) -> dict[str, str]:
        return {"endpoint_url": self._url}


Fault = Literal["hang", "lose", "refuse", "garble"] | tuple[int, str] | bytes
"""Never answered; done, and the answer lost; the connection closed at once; half an answer; status and error code; this
under status 200."""
Breaking = Callable[[str, Mapping[str, Any]], Fault | None]
"""What goes wrong with an operation, by its name and input."""


class DynamoProxy:
    """Stands before `DynamoServer` and breaks what it is told to."""

    def __init__(self, server: DynamoServer) -> None:
        self.breaks: Breaking = lambda _name, _input: None
        self.seen: list[str] = []
        self._closing = threading.Event()
        self._server = _ProxyServer(("127.0.0.1", 0), self._handler(server.port))
        self._thread = threading.Thread(target=self._server.serve_forever, name="dynamodb-proxy")
        self.session = LoopbackSession(f"http://127.0.0.1:{self._server.server_port}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self, port: int) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                proxy.seen.append(operation)
                match fault := proxy.breaks(operation, json.loads(body)):
                    case None:
                        self._answer(*_forwarded(port, self.headers, body))
                    case "hang":
                        proxy._closing.wait()
                    case "lose":
                        _forwarded(port, self.headers, body)
                    case "garble":
                        status, answer = _forwarded(port, self.headers, body)
                        self._answer(status, answer, cut=len(answer) // 2)
                    case "refuse":
                        pass
                    case bytes():
                        self._answer(200, fault)
                    case (status, code):
                        error = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "told to"}
                        self._answer(status, json.dumps(error).encode())
                    case _:
                        raise AssertionError(fault)

            def _answer(self, status: int, body: bytes, *, cut: int | None = None) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("x-amz-crc32", str(zlib.crc32(body)))
                self.end_headers()
                self.wfile.write(body[:cut])

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        return Handler


class _ProxyServer(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128


def _forwarded(port: int, headers: Message, body: bytes) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/", body, {name: value for name, value in headers.items() if name != "Host"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def ledger(session: Session, table: str, clock: Callable[[], float]) -> DynamoLedger:
    service = AwsService(session, "dynamodb", pool_size=50)
    return DynamoLedger(Table(table, service), clock=clock)


def store(server: DynamoServer) -> Store:
    """An empty table of its own."""
    table = server.create_table()
    return Store(lambda clock: ledger(server.session, table, clock), slack=SKEW_SECONDS)
