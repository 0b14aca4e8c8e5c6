"""Photos are fetched from permitted hosts, over real sockets on loopback."""

import gzip
import socket
import ssl
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from certificates import certificate_for
from hypothesis import given, settings
from hypothesis import strategies as st
from images import encode, noise

from handler.clients.photos import PhotoClient
from handler.errors import (
    EnrichmentError,
    ImageGone,
    ImageHostUnavailable,
    ImageNotAllowed,
    ImageNotAnImage,
    ImageRefused,
    ImageTimeout,
    ImageTooLarge,
    ImageUnreadable,
)
from handler.hosts import AllowedHosts
from handler.photos import prepare

JPEG, OTHER_JPEG = encode(noise(100, 80), "JPEG"), encode(noise(80, 100), "JPEG")
LOOPBACK = "127.0.0.0/8"
WITHIN = 30.0

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request to the image host; its answers are written into `host.answers`."""

    protocol_version = "HTTP/1.1"
    server: "ImageHost"

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answers[self.path.partition("?")[0]](self)

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def log_message(self, *args: object) -> None:
        pass


class ImageHost(ThreadingHTTPServer):
    """A host of photos: a path answers what a test puts there."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.connections = 0
        self.over = threading.Event()

    def url(self, path: str, host: str = "img.example.com") -> str:
        return f"http://{host}:{self.server_port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves early is what many of these tests are about."""


@contextmanager
def serving() -> Iterator[ImageHost]:
    with ImageHost() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def host() -> Iterator[ImageHost]:
    with serving() as server:
        yield server


@pytest.fixture
def neighbour() -> Iterator[ImageHost]:
    """Another one of the same name, at another port."""
    with serving() as server:
        yield server


class Resolver:
    """DNS that a test writes: each name has its answers, the last of which stays."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): addresses for name, addresses in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **options: int) -> list[Any]:
        self.asked.append(host)
        answers = self.answers.get(host, ["127.0.0.1"])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in answer.split() for found in socket.getaddrinfo(address, port, **options)]


Make = Callable[..., PhotoClient]


@pytest.fixture
def client() -> Iterator[Make]:
    """Makes clients that are closed in the end."""
    made = []

    def make(
        allowed: str = f"img.example.com, {LOOPBACK}",
        **options: Any,  # noqa: ANN401 - those of PhotoClient
    ) -> PhotoClient:
        options.setdefault("resolve", Resolver())
        made.append(PhotoClient(AllowedHosts.parse(allowed), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def reply(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    def answer(request: Request) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def drip(head: bytes, drop: bytes) -> Answer:
    """Sends something every 20 ms until the client leaves or the test is over."""

    def answer(request: Request) -> None:
        request.close_connection = True
        request.wfile.write(head)
        while not request.server.over.wait(0.02):
            request.wfile.write(drop)

    return answer


def hang(request: Request) -> None:
    request.close_connection = True
    request.server.over.wait(WITHIN)


def test_a_photo_is_fetched_as_it_is(host: ImageHost, client: Make) -> None:
    """The bytes of the file arrive unchanged, whatever type and name the host gives them."""
    host.answers["/a.png"] = reply(200, JPEG, Content_Type="image/png")
    assert client().fetch(host.url("/a.png?w=800"), within=WITHIN) == JPEG


def test_every_request_has_the_same_headers(host: ImageHost, client: Make) -> None:
    """Fixed negotiation headers, no cookies and no credentials: a host must always give the same bytes."""
    host.answers["/a"] = reply(200, JPEG, Set_Cookie="session=1; Path=/")
    photos = client()
    for _ in range(2):
        photos.fetch(host.url("/a"), within=WITHIN)
    for _, headers in host.requests:
        assert headers == {
            "Host": f"img.example.com:{host.server_port}",
            "Accept": "image/jpeg, image/png, image/webp, image/gif;q=0.9",
            "Accept-Encoding": "identity",
            "User-Agent": "product-enricher",
        }


def test_proxies_and_credentials_of_the_environment_are_ignored(
    host: ImageHost, client: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy would undo the address check, and a .netrc would hand out secrets."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login shop password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    host.answers["/a"] = reply(200, JPEG)
    assert client().fetch(host.url("/a"), within=WITHIN) == JPEG
    assert "Authorization" not in host.requests[0][1]


def test_connections_are_reused(host: ImageHost, client: Make) -> None:
    """Photos of one host share a connection, and a name is resolved once for it."""
    host.answers["/a"] = reply(200, JPEG)
    resolver = Resolver()
    photos = client(resolve=resolver)
    for _ in range(3):
        photos.fetch(host.url("/a"), within=WITHIN)
    assert host.connections == 1
    assert resolver.asked == ["img.example.com"]


def test_ports_and_names_have_connections_of_their_own(host: ImageHost, neighbour: ImageHost, client: Make) -> None:
    """A photo never comes from another server than its URL names."""
    host.answers["/a"], neighbour.answers["/a"] = reply(200, JPEG), reply(200, OTHER_JPEG)
    photos = client(f"*.example.com, {LOOPBACK}")
    for _ in range(2):
        assert photos.fetch(host.url("/a"), within=WITHIN) == JPEG
        assert photos.fetch(host.url("/a", "cdn.example.com"), within=WITHIN) == JPEG
        assert photos.fetch(neighbour.url("/a"), within=WITHIN) == OTHER_JPEG
    assert (host.connections, neighbour.connections) == (2, 1)
    names = [headers["Host"].partition(":")[0] for _, headers in host.requests]
    assert names == ["img.example.com", "cdn.example.com"] * 2


def test_threads_share_the_pool(host: ImageHost, client: Make) -> None:
    """As many connections as `pool_size` are kept, so that as many threads need no new ones."""
    together = threading.Barrier(4)

    def answer(request: Request) -> None:
        together.wait(WITHIN)
        reply(200, JPEG)(request)

    host.answers["/a"] = answer
    photos = client(pool_size=4)
    for _ in range(2):
        threads = [
            threading.Thread(target=photos.fetch, args=(host.url("/a"),), kwargs={"within": WITHIN}) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(host.requests) == 8
    assert host.connections == 4


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, ImageGone),
        (410, ImageGone),
        (400, ImageRefused),
        (401, ImageRefused),
        (403, ImageRefused),
        (405, ImageRefused),
        (416, ImageRefused),
        (451, ImageRefused),
        (408, ImageHostUnavailable),
        (425, ImageHostUnavailable),
        (429, ImageHostUnavailable),
        (500, ImageHostUnavailable),
        (502, ImageHostUnavailable),
        (503, ImageHostUnavailable),
        (504, ImageHostUnavailable),
        (300, ImageRefused),
        (304, ImageRefused),
    ],
)
def test_a_status_says_who_can_mend_it(
    host: ImageHost, client: Make, status: int, error: type[EnrichmentError]
) -> None:
    """Gone and refused are for good, the rest may heal; the detail names host and status and no query."""
    host.answers["/a"] = reply(status)
    with pytest.raises(error) as caught:
        client().fetch(host.url("/a?token=secret"), within=WITHIN)
    assert caught.value.detail == f"img.example.com answers {status}"


def test_a_web_page_instead_of_a_photo_is_found_by_its_bytes(host: ImageHost, client: Make) -> None:
    """A host that answers "not found" with status 200 does not get past the preparation."""
    host.answers["/a.jpg"] = reply(200, b"<!doctype html>", Content_Type="image/jpeg")
    with pytest.raises(ImageNotAnImage):
        prepare(client().fetch(host.url("/a.jpg"), within=WITHIN))


def test_half_a_photo_without_a_length_is_found_by_its_bytes(host: ImageHost, client: Make) -> None:
    """Where HTTP cannot tell that the file broke off, the preparation does."""

    def answer(request: Request) -> None:
        request.close_connection = True
        request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + JPEG[:1000])

    host.answers["/a"] = answer
    with pytest.raises(ImageUnreadable):
        prepare(client().fetch(host.url("/a"), within=WITHIN))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1",
        b"no http at all\r\n\r\n",
        b"",
    ],
)
def test_a_broken_answer_may_heal(host: ImageHost, client: Make, answer: bytes) -> None:
    """A connection that ends early, or speaks no HTTP, is the host's trouble of the moment."""

    def send(request: Request) -> None:
        request.close_connection = True
        request.wfile.write(answer)

    host.answers["/a"] = send
    with pytest.raises(ImageHostUnavailable):
        client().fetch(host.url("/a"), within=WITHIN)


def test_a_host_that_does_not_listen_may_heal(client: Make) -> None:
    """A refused connection is not the photo's fault."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ImageHostUnavailable):
            client().fetch(f"http://img.example.com:{unused.getsockname()[1]}/a", within=WITHIN)


def test_a_name_that_cannot_be_resolved_may_heal(client: Make) -> None:
    """DNS fails now and then."""

    def resolve(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(ImageHostUnavailable, match=r"img\.example\.com"):
        client(resolve=resolve).fetch("http://img.example.com/a", within=WITHIN)


@pytest.mark.parametrize(
    "answer",
    [
        hang,
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"")),
    ],
    ids=["silent", "body", "body without end", "chunks", "header", "status line", "nothing, compressed"],
)
@pytest.mark.parametrize("limit", ["own", "event's"])
def test_a_slow_host_times_out(host: ImageHost, client: Make, answer: Answer, limit: str) -> None:
    """The whole fetch has one time limit, the client's or the event's: a byte now and then does not extend it."""
    host.answers["/a"] = answer
    own, within = (0.2, WITHIN) if limit == "own" else (WITHIN, 0.2)
    with pytest.raises(ImageTimeout, match=r"img\.example\.com"):
        client(timeout_seconds=own).fetch(host.url("/a"), within=within)


def test_redirects_share_the_time_limit(host: ImageHost, client: Make) -> None:
    """A redirect does not start the clock anew: the second host gets what the first one left."""

    def slow_redirect(request: Request) -> None:
        request.server.over.wait(0.3)
        reply(302, Location="/b")(request)

    def slow(request: Request) -> None:
        request.server.over.wait(0.3)
        reply(200, JPEG)(request)

    host.answers |= {"/a": slow_redirect, "/b": slow}
    with pytest.raises(ImageTimeout):
        client(timeout_seconds=0.45).fetch(host.url("/a"), within=WITHIN)


def test_no_time_left_is_a_timeout_without_a_request(host: ImageHost, client: Make) -> None:
    """An event whose deadline has passed does not open a connection."""
    with pytest.raises(ImageTimeout):
        client().fetch(host.url("/a"), within=0.0)
    assert host.connections == 0


def test_a_file_of_exactly_the_limit_is_fetched(host: ImageHost, client: Make) -> None:
    """The cap is inclusive."""
    host.answers["/a"] = reply(200, b"x" * 1000)
    assert len(client(max_bytes=1000).fetch(host.url("/a"), within=WITHIN)) == 1000


def test_a_larger_announced_file_is_refused_before_it_is_read(host: ImageHost, client: Make) -> None:
    """The length that a host announces is believed when it is too large: the body never comes here."""
    host.answers["/a"] = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", b"")
    with pytest.raises(ImageTooLarge):
        client(max_bytes=1000).fetch(host.url("/a"), within=WITHIN)


def test_an_endless_file_is_cut_off(host: ImageHost, client: Make) -> None:
    """Without a length the bytes are counted while they come."""

    def endless(request: Request) -> None:
        request.close_connection = True
        request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not request.server.over.is_set():
            request.wfile.write(b"x" * 65_536)

    host.answers["/a"] = endless
    with pytest.raises(ImageTooLarge):
        client(max_bytes=300_000).fetch(host.url("/a"), within=WITHIN)


def test_a_compressed_photo_is_unpacked(host: ImageHost, client: Make) -> None:
    """Some hosts store files compressed and send them so, though identity was asked for."""
    host.answers["/a"] = reply(200, gzip.compress(JPEG), Content_Encoding="gzip")
    assert client().fetch(host.url("/a"), within=WITHIN) == JPEG


def test_what_comes_over_the_wire_counts_even_if_it_unpacks_to_little(host: ImageHost, client: Make) -> None:
    """Empty compressed pieces cost traffic and time, so they are capped like any others."""

    def padded(request: Request) -> None:
        request.close_connection = True
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        request.wfile.write(gzip.compress(b"") * 1000 + gzip.compress(JPEG))

    host.answers["/a"] = padded
    with pytest.raises(ImageTooLarge):
        client(max_bytes=15_000).fetch(host.url("/a"), within=WITHIN)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_compression_bomb_is_cut_off_while_unpacking(host: ImageHost, client: Make, layers: int) -> None:
    """100 MB packed into a few kilobytes are refused at the cap, and never all in memory."""
    bomb = b"".join([gzip.compress(b"\0" * 50_000_000)] * 2)
    for _ in range(layers - 1):
        bomb = gzip.compress(bomb)
    host.answers["/a"] = reply(200, bomb, Content_Encoding=", ".join(["gzip"] * layers))
    photos = client(max_bytes=1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLarge):
            photos.fetch(host.url("/a"), within=WITHIN)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_permitted_host_is_followed(host: ImageHost, client: Make, status: int) -> None:
    """Absolute and relative redirects lead to the photo, Korean file names included."""
    host.answers["/a"] = reply(status, Location=host.url("/b", "cdn.example.com"))
    host.answers["/b"] = reply(status, Location="사진/c".encode().decode("latin-1"))
    host.answers["/%EC%82%AC%EC%A7%84/c"] = reply(200, JPEG)
    photos = client(f"img.example.com, cdn.example.com, {LOOPBACK}")
    assert photos.fetch(host.url("/a"), within=WITHIN) == JPEG
    assert [headers["Host"].partition(":")[0] for _, headers in host.requests] == [
        "img.example.com",
        "cdn.example.com",
        "cdn.example.com",
    ]


def test_a_redirects_body_is_not_read(host: ImageHost, client: Make) -> None:
    """A redirect with an endless body is followed at once."""
    host.answers["/a"] = drip(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", b"x" * 65_536)
    host.answers["/b"] = reply(200, JPEG)
    assert client().fetch(host.url("/a"), within=WITHIN) == JPEG


@pytest.mark.parametrize(
    "location",
    [
        "http://evil.example.net/b",
        "//evil.example.net/b",
        "http://127.0.0.1/b",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433/b",
        "http://[::1]/b",
        "http://user:secret@img.example.com/b",
        "ftp://img.example.com/b",
        "file:///etc/passwd",
        "http://[broken/b",
        "javascript:alert(1)",
    ],
)
def test_a_redirect_elsewhere_is_not_followed(host: ImageHost, location: str) -> None:
    """Every stop of a redirect is judged like the first URL."""
    host.answers["/a"] = reply(302, Location=location)
    resolver = Resolver(img_example_com=["127.0.0.1"])
    photos = PhotoClient(Permissive.parse("img.example.com"), resolve=resolver)
    try:
        with pytest.raises(ImageNotAllowed):
            photos.fetch(host.url("/a"), within=WITHIN)
    finally:
        photos.close()
    assert resolver.asked == ["img.example.com"]
    assert len(host.requests) == 1


class Permissive(AllowedHosts):
    """Lets the listed names lead to loopback, where the tests' hosts are, without permitting other names."""

    def permits_address(self, host: str, address: str) -> bool:
        return self.permits_host(host)


def test_a_redirect_loop_ends(host: ImageHost, client: Make) -> None:
    """Three redirects are followed, the fourth is not."""
    host.answers["/a"] = reply(302, Location="/a")
    with pytest.raises(ImageRefused, match="more than 3"):
        client().fetch(host.url("/a"), within=WITHIN)
    assert len(host.requests) == 4


def test_a_redirect_to_nowhere_is_a_refusal(host: ImageHost, client: Make) -> None:
    """A redirect without a location cannot be followed."""
    host.answers["/a"] = reply(302)
    with pytest.raises(ImageRefused, match="302"):
        client().fetch(host.url("/a"), within=WITHIN)


@pytest.mark.parametrize(
    "url",
    [
        "http://other.example.com/a",
        "https://other.example.com/a",
        "http://img.example.com.evil.net/a",
        "http://img.example.com@evil.net/a",
        "http://user@img.example.com/a",
        "http://user:secret@img.example.com/a",
        "http://evil.net\\@img.example.com/a",
        "http://evil.net#@img.example.com/a",
        "http://127.0.0.1/a",
        "http://127.1/a",
        "http://2130706433/a",
        "http://0x7f.1/a",
        "http://0177.0.0.1/a",
        "http://[::1]/a",
        "http://[::ffff:127.0.0.1]/a",
        "http://１２７.０.０.１/a",
        "http://localhost/a",
        "ftp://img.example.com/a",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "//img.example.com/a",
        "img.example.com/a",
        "http://img.example.com:port/a",
        "http://img.example.com:99999/a",
        "http://[::1/a",
        "http:///a",
        "http://",
        "",
        "사진",
        "http://img.example.com\x00.evil.net/a",
    ],
)
def test_a_url_that_is_not_permitted_is_neither_resolved_nor_fetched(client: Make, url: str) -> None:
    """Other hosts, other schemes, user names and nonsense are refused without a look-up."""
    resolver = Resolver()
    with pytest.raises(ImageNotAllowed) as caught:
        client("img.example.com", resolve=resolver).fetch(url, within=WITHIN)
    assert resolver.asked == []
    assert "secret" not in caught.value.detail


@settings(deadline=None)
@given(st.sampled_from(["", "http://", "https://", "http://[", "http://img.example.com:", "//", "\\\\"]), st.text())
def test_any_text_as_a_url_is_refused_in_order(start: str, rest: str) -> None:
    """A seller may write anything where a URL belongs; nothing but the one error comes of it."""
    photos = PhotoClient(AllowedHosts.parse("only.this.example"), resolve=Resolver())
    with pytest.raises(ImageNotAllowed):
        photos.fetch(start + rest, within=WITHIN)
    photos.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
def test_a_permitted_name_that_resolves_to_a_private_address_is_refused(
    host: ImageHost, client: Make, address: str
) -> None:
    """Whoever owns the name cannot point it into the cluster."""
    photos = client("img.example.com", resolve=Resolver(img_example_com=[address]))
    with pytest.raises(ImageNotAllowed, match="resolves to"):
        photos.fetch(host.url("/a"), within=WITHIN)
    assert host.connections == 0


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no 127.0.0.2")
def test_of_several_addresses_only_permitted_ones_are_tried(host: ImageHost, client: Make) -> None:
    """A forbidden address beside a permitted one is never connected to, whichever comes first."""
    host.answers["/a"] = reply(200, JPEG)
    with socket.create_server(("127.0.0.2", host.server_port)) as forbidden:
        forbidden.setblocking(False)
        resolver = Resolver(img_example_com=["127.0.0.2 127.0.0.1"])
        assert client("img.example.com, 127.0.0.1/32", resolve=resolver).fetch(host.url("/a"), within=WITHIN) == JPEG
        with pytest.raises(BlockingIOError):
            forbidden.accept()


def test_the_next_permitted_address_is_tried(host: ImageHost, client: Make) -> None:
    """A name with two addresses survives the loss of the first."""
    host.answers["/a"] = reply(200, JPEG)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in (unused.getsockname(), host.server_address)
        ]
        assert client(resolve=lambda *_, **__: found).fetch(host.url("/a"), within=WITHIN) == JPEG


def test_a_second_dns_answer_cannot_replace_the_checked_one(host: ImageHost, client: Make) -> None:
    """The connection goes to the address that was checked: the name is not resolved again (DNS rebinding)."""
    host.answers["/a"] = reply(200, JPEG)
    resolver = Resolver(img_example_com=["127.0.0.1", "169.254.169.254"])
    photos = client("img.example.com, 127.0.0.1/32", resolve=resolver)
    assert photos.fetch(host.url("/a"), within=WITHIN) == JPEG
    assert resolver.asked == ["img.example.com"]


def test_a_listed_address_is_reached_without_a_name(host: ImageHost, client: Make) -> None:
    """A sandbox names its host by address, with the system's own resolver."""
    host.answers["/a"] = reply(200, JPEG)
    photos = client("127.0.0.1", resolve=socket.getaddrinfo)
    assert photos.fetch(host.url("/a", "127.0.0.1"), within=WITHIN) == JPEG


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For img.example.com."""
    return certificate_for(tmp_path_factory.mktemp("tls"), "img.example.com")


@pytest.fixture
def tls_host(host: ImageHost, certificate: Path) -> ImageHost:
    """The image host under TLS; `server_names` are the names that clients asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    host.server_names = []  # type: ignore[attr-defined]
    context.sni_callback = lambda _, name, __: host.server_names.append(name)  # type: ignore[attr-defined]
    host.socket = context.wrap_socket(host.socket, server_side=True, do_handshake_on_connect=False)
    return host


def secure(url: str) -> str:
    return url.replace("http://", "https://")


def test_tls_is_checked_against_the_name_though_the_address_is_pinned(
    tls_host: ImageHost, client: Make, certificate: Path
) -> None:
    """SNI and certificate belong to the host name, and the connection is reused as without TLS."""
    tls_host.answers["/a"] = reply(200, JPEG)
    photos = client(ca_file=str(certificate.with_suffix(".crt")))
    for _ in range(2):
        assert photos.fetch(secure(tls_host.url("/a")), within=WITHIN) == JPEG
    assert tls_host.server_names == ["img.example.com"]  # type: ignore[attr-defined]
    assert tls_host.connections == 1


def test_a_certificate_for_another_name_is_refused(tls_host: ImageHost, client: Make, certificate: Path) -> None:
    """A host that cannot prove its name gets no request."""
    photos = client(f"cdn.example.com, {LOOPBACK}", ca_file=str(certificate.with_suffix(".crt")))
    with pytest.raises(ImageHostUnavailable, match="SSLError"):
        photos.fetch(secure(tls_host.url("/a", "cdn.example.com")), within=WITHIN)
    assert tls_host.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(tls_host: ImageHost, client: Make) -> None:
    """By default only the public authorities count."""
    with pytest.raises(ImageHostUnavailable, match="SSLError"):
        client().fetch(secure(tls_host.url("/a")), within=WITHIN)
    assert tls_host.requests == []


@pytest.mark.parametrize(
    "answer", [hang, drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")]
)
def test_a_slow_host_times_out_under_tls(tls_host: ImageHost, client: Make, certificate: Path, answer: Answer) -> None:
    """The one time limit holds under TLS as well."""
    tls_host.answers["/a"] = answer
    photos = client(ca_file=str(certificate.with_suffix(".crt")), timeout_seconds=0.3)
    with pytest.raises(ImageTimeout):
        photos.fetch(secure(tls_host.url("/a")), within=WITHIN)


def test_a_handshake_that_never_comes_times_out(client: Make) -> None:
    """A port that accepts and says nothing does not hold a thread."""
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ImageTimeout):
        client(timeout_seconds=0.2).fetch(f"https://img.example.com:{silent.getsockname()[1]}/a", within=WITHIN)
