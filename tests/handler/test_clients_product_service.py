"""The product service's client over real sockets: what is sent, what each answer means, tokens, time, connections."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from product_events import SHIRT

from handler.clients.product_service import CHUNK_BYTES, READ_SECONDS, ProductServiceClient
from handler.errors import (
    DeadlineExceeded,
    EnrichmentError,
    ProductServiceUnauthorized,
    ProductServiceUnavailable,
    ProductUnknown,
    WriteBackRejected,
)
from handler.outcomes import Outcome
from handler.write_back import Put
from workbench.sandbox.product_service import ProductService

PUT = Put("/api/v1/products/A%2F1/description", '{"description": "글"}'.encode(), "key-1", "")
PATIENCE = 30.0
"""Seconds within which everything here ends long before."""


class Peer(ThreadingHTTPServer):
    """A product service that answers as it is told, and remembers requests and connections."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self.connections: set[int] = set()
        self.stopping = threading.Event()
        self.answer: Callable[[_Handler], None] = no_content

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Peer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - BaseHTTPRequestHandler's signature
        """Says nothing."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.server.connections.add(self.client_address[1])
        self.server.answer(self)

    def do_GET(self) -> None:
        """What a followed redirect would lead to."""
        self.server.requests.append((self.path, {}, b""))
        self.server.answer = no_content
        no_content(self)


def no_content(handler: _Handler) -> None:
    handler.send_response(204)
    handler.end_headers()


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[_Handler], None]:
    """Answers with a status and a body of known length."""

    def answer(handler: _Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def chunked(handler: _Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")


def silent(handler: _Handler) -> None:
    """Never answers."""
    handler.server.stopping.wait()
    handler.close_connection = True


def hanging_up(handler: _Handler) -> None:
    """Closes without an answer."""
    handler.close_connection = True


def dripping(handler: _Handler) -> None:
    """Answers 200 and then says its body byte by byte, without an end."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(10 * CHUNK_BYTES))
    handler.end_headers()
    try:
        while not handler.server.stopping.wait(0.02):
            handler.wfile.write(b" ")
    except OSError:
        handler.close_connection = True


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join()


Connect = Callable[..., ProductServiceClient]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients, and closes their connections at the end."""
    clients: list[ProductServiceClient] = []

    def connected(url: str, token_file: Path | None = None, *, pool_size: int = 4) -> ProductServiceClient:
        clients.append(ProductServiceClient(url, token_file, pool_size=pool_size))
        return clients[-1]

    yield connected
    for client in clients:
        client.close()


# What is sent


def test_the_put_is_sent_as_it_is(peer: Peer, connect: Connect) -> None:
    """Path still percent-encoded, body byte for byte, key and content type; no token or trace where there is none."""
    assert connect(peer.url).put(PUT, within=PATIENCE) is Outcome.WRITTEN
    ((path, headers, body),) = peer.requests
    assert (path, body) == (PUT.path, PUT.body)
    assert (headers["idempotency-key"], headers["content-type"]) == ("key-1", "application/json")
    assert not headers.keys() & {"authorization", "traceparent", "cookie"}


@pytest.mark.parametrize("product_id", ["A%2F1", "%EA%B0%80%25%3F%23", "a%252Fb", "..a", "~x", "%20"])
def test_no_path_is_normalised(peer: Peer, connect: Connect, product_id: str) -> None:
    """Whatever characters an id holds, the product service gets exactly the path that was made for it."""
    path = f"/api/v1/products/{product_id}/description"
    connect(peer.url).put(Put(path, b"{}", "key-1", ""), within=PATIENCE)
    assert peer.requests[0][0] == path


@pytest.mark.parametrize(("base", "path"), [("", PUT.path), ("/", PUT.path), ("/shop/", "/shop" + PUT.path)])
def test_the_base_url_may_end_in_a_path(peer: Peer, connect: Connect, base: str, path: str) -> None:
    """PRODUCT_SERVICE_URL with and without a path or a slash at its end."""
    connect(peer.url + base).put(PUT, within=PATIENCE)
    assert peer.requests[0][0] == path


def test_the_trace_is_passed_on(peer: Peer, connect: Connect) -> None:
    """The event's traceparent is the PUT's."""
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    connect(peer.url).put(Put(PUT.path, PUT.body, "key-1", trace), within=PATIENCE)
    assert peer.requests[0][1]["traceparent"] == trace


def test_no_proxy_or_netrc_of_the_environment_is_used(
    peer: Peer, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The product service is reached directly, with no credentials but the token file's."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert connect(peer.url).put(PUT, within=PATIENCE) is Outcome.WRITTEN
    assert "authorization" not in peer.requests[0][1]


# What the answer means


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.WRITTEN),
        (201, Outcome.WRITTEN),
        (204, Outcome.WRITTEN),
        (409, Outcome.SUPERSEDED),
        (412, Outcome.SUPERSEDED),
        (423, Outcome.PROTECTED),
    ],
)
def test_an_answer_is_an_outcome(peer: Peer, connect: Connect, status: int, outcome: Outcome) -> None:
    """Written, superseded or protected, by the status alone."""
    peer.answer = answering(status)
    assert connect(peer.url).put(PUT, within=PATIENCE) is outcome


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, WriteBackRejected),
        (302, WriteBackRejected),
        (303, WriteBackRejected),
        (307, WriteBackRejected),
        (308, WriteBackRejected),
        (400, WriteBackRejected),
        (410, WriteBackRejected),
        (422, WriteBackRejected),
        (404, ProductUnknown),
        (401, ProductServiceUnauthorized),
        (403, ProductServiceUnauthorized),
        (408, ProductServiceUnavailable),
        (425, ProductServiceUnavailable),
        (429, ProductServiceUnavailable),
        (500, ProductServiceUnavailable),
        (502, ProductServiceUnavailable),
        (599, ProductServiceUnavailable),
    ],
)
def test_a_refusal_is_an_error(peer: Peer, connect: Connect, status: int, error: type[EnrichmentError]) -> None:
    """Each status is permanent or passing, and is asked once: Kafka delivers again. No redirect is followed."""
    peer.answer = answering(status, Location="/elsewhere")
    with pytest.raises(error, match=str(status)):
        connect(peer.url).put(PUT, within=PATIENCE)
    assert [path for path, _, _ in peer.requests] == [PUT.path]


@pytest.mark.parametrize("answer", [hanging_up, silent], ids=["hangs up", "silent"])
def test_no_answer_may_heal(peer: Peer, connect: Connect, answer: Callable[[_Handler], None]) -> None:
    """No answer within the time that is left, or none at all: once, and 503."""
    peer.answer = answer
    with pytest.raises(ProductServiceUnavailable):
        connect(peer.url).put(PUT, within=0.3)
    assert len(peer.requests) == 1


def test_no_put_waits_longer_than_there_is_time(peer: Peer, connect: Connect) -> None:
    """What is left of the deadline bounds the wait, where that is less than the client's own time-outs."""
    peer.answer = silent
    client = connect(peer.url)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.put, PUT, within=0.3)
        assert isinstance(waiting.exception(timeout=READ_SECONDS / 2), ProductServiceUnavailable)


def test_a_service_that_is_not_there_may_heal(connect: Connect) -> None:
    """A refused connection is 503."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ProductServiceUnavailable, match="NewConnectionError"):
        connect(f"http://127.0.0.1:{port}").put(PUT, within=PATIENCE)


def test_a_head_that_drips_ends_in_time(peer: Peer, connect: Connect) -> None:
    """Byte after byte is no answer: the time is for the whole head, lest the slot's lease run out."""

    def dripping_head(handler: _Handler) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        with suppress(OSError):  # the client has gone
            while not handler.server.stopping.wait(0.05):
                handler.connection.sendall(b"x")

    peer.answer = dripping_head
    client = connect(peer.url)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.put, PUT, within=0.5)
        ended, _ = wait([waiting], timeout=READ_SECONDS)
        peer.stopping.set()  # who waits still is let go
        assert ended
        assert isinstance(waiting.exception(), ProductServiceUnavailable)


@pytest.mark.parametrize("within", [0, -1])
def test_nothing_is_sent_without_time(peer: Peer, connect: Connect, within: float) -> None:
    """At the end of the deadline no PUT starts."""
    with pytest.raises(DeadlineExceeded):
        connect(peer.url).put(PUT, within=within)
    assert peer.requests == []


@pytest.mark.parametrize("answer", [dripping, answering(200, b"x" * 3 * CHUNK_BYTES), chunked])
def test_the_status_counts_whatever_the_body_does(
    peer: Peer, connect: Connect, answer: Callable[[_Handler], None]
) -> None:
    """A body without end, a long one, one in chunks: what was written is written, and nobody waits for the rest."""
    peer.answer = answer
    assert connect(peer.url).put(PUT, within=PATIENCE) is Outcome.WRITTEN


def test_a_body_that_stays_away_changes_nothing(peer: Peer, connect: Connect) -> None:
    """Headers, and then silence: the status is known."""

    def headers_only(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "5")
        handler.end_headers()
        silent(handler)

    peer.answer = headers_only
    assert connect(peer.url).put(PUT, within=0.5) is Outcome.WRITTEN


# The token


def replace(path: Path, text: str) -> None:
    """Replaces the file as a secret mount does: another file is renamed over it."""
    new = path.with_name("new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def test_the_token_is_sent(peer: Peer, connect: Connect, tmp_path: Path) -> None:
    """The file's content without the newline at its end."""
    token_file = tmp_path / "token"
    token_file.write_text("secret-1\n")
    connect(peer.url, token_file).put(PUT, within=PATIENCE)
    assert peer.requests[0][1]["authorization"] == "Bearer secret-1"


@pytest.mark.parametrize("length", ["same", "longer"])
def test_a_replaced_token_file_is_read_again(peer: Peer, connect: Connect, tmp_path: Path, length: str) -> None:
    """The next PUT after the mount changed has the new token, also one of the same length and time stamp."""
    token_file = tmp_path / "token"
    replace(token_file, "secret-1")
    client = connect(peer.url, token_file)
    client.put(PUT, within=PATIENCE)
    stat = token_file.stat()
    token = "secret-2" if length == "same" else "secret-22"
    replace(token_file, token)
    os.utime(token_file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    client.put(PUT, within=PATIENCE)
    assert [headers["authorization"] for _, headers, _ in peer.requests] == ["Bearer secret-1", f"Bearer {token}"]


def test_a_mount_whose_link_turns_is_read_again(peer: Peer, connect: Connect, tmp_path: Path) -> None:
    """Kubernetes swaps the link to the folder behind the file."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"secret-{name}")
    (tmp_path / "..data").symlink_to("a")
    token_file = tmp_path / "token"
    token_file.symlink_to("..data/token")
    client = connect(peer.url, token_file)
    client.put(PUT, within=PATIENCE)
    (tmp_path / "..new").symlink_to("b")
    (tmp_path / "..new").replace(tmp_path / "..data")
    client.put(PUT, within=PATIENCE)
    assert [headers["authorization"] for _, headers, _ in peer.requests] == ["Bearer secret-a", "Bearer secret-b"]


@pytest.mark.parametrize(
    "content", [None, "비밀", "\n", "one\ntwo"], ids=["missing", "not ASCII", "empty", "two lines"]
)
def test_a_token_file_that_cannot_be_read_may_heal(
    peer: Peer, connect: Connect, tmp_path: Path, content: str | None
) -> None:
    """503, nothing is sent, and when the file is there the next PUT goes."""
    token_file = tmp_path / "token"
    if content:
        token_file.write_text(content, encoding="utf-8")
    client = connect(peer.url, token_file)
    with pytest.raises(ProductServiceUnauthorized) as failure:
        client.put(PUT, within=PATIENCE)
    assert "비밀" not in failure.value.detail
    assert peer.requests == []
    replace(token_file, "secret-1")
    assert client.put(PUT, within=PATIENCE) is Outcome.WRITTEN


def test_a_token_of_two_lines_is_no_header_injection(peer: Peer, connect: Connect, tmp_path: Path) -> None:
    """A file that holds more than a token sends nothing."""
    token_file = tmp_path / "token"
    token_file.write_text("secret\r\nX-Other: 1")
    with pytest.raises(EnrichmentError) as failure:
        connect(peer.url, token_file).put(PUT, within=PATIENCE)
    assert failure.value.status == 503
    assert peer.requests == []


# Connections


@pytest.mark.parametrize("answer", [no_content, answering(200, b"hello"), answering(503, b"no"), chunked])
def test_a_connection_serves_again(peer: Peer, connect: Connect, answer: Callable[[_Handler], None]) -> None:
    """Five PUTs one after another are one connection, whatever the body and status of the answers."""
    peer.answer = answer
    client = connect(peer.url)
    for _ in range(5):
        try:
            client.put(PUT, within=PATIENCE)
        except ProductServiceUnavailable:
            assert answer is not no_content
    assert len(peer.requests) == 5
    assert len(peer.connections) == 1


def test_threads_share_the_pool(peer: Peer, connect: Connect) -> None:
    """Eight threads with many PUTs need no more than eight connections, and none is thrown away."""
    client = connect(peer.url, pool_size=8)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: client.put(PUT, within=PATIENCE), range(80)))
    assert outcomes == [Outcome.WRITTEN] * 80
    assert len(peer.connections) <= 8


# The sandbox's product service, which implements the contract


def test_the_contract_is_met(connect: Connect, tmp_path: Path) -> None:
    """A body of the contract is written with the right token, refused without, and refused for an unknown product."""
    token_file = tmp_path / "token"
    token_file.write_text("secret")
    source = '{"eventId": "e", "eventSource": "/shop", "version": 1, "updatedAt": null}'
    generator = (
        '{"task": "copy", "edition": "e", "model": "m", "fingerprint": "f",'
        ' "generatedAt": "2026-11-20T09:30:04Z", "ai": true}'
    )
    body = f'{{"description": "글", "language": "ko", "source": {source}, "generator": {generator}}}'.encode()
    facts = {key: value for key, value in SHIRT.items() if key != "productId"}
    with ProductService(publish=lambda event: None, token="secret") as service:  # noqa: S106 - the test's own
        service.save("A/1", facts)
        with pytest.raises(ProductServiceUnauthorized):
            connect(service.url).put(Put(PUT.path, body, "key-1", ""), within=PATIENCE)
        client = connect(service.url, token_file)
        assert client.put(Put(PUT.path, body, "key-1", ""), within=PATIENCE) is Outcome.WRITTEN
        assert service.product("A/1")["description"] == "글"
        with pytest.raises(ProductUnknown):
            client.put(Put("/api/v1/products/nobody/description", body, "key-2", ""), within=PATIENCE)
