"""HTTP connections that go only to an address that was judged, and end at a deadline. Knows neither side's business.

A name is resolved once a connection, its addresses are judged, and the socket is connected to one that passed: between
check and connection nobody can change the answer. TLS still checks the certificate against the name.
"""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from operator import itemgetter
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from handler.errors import ImageNotAllowed, drop_tracebacks
from handler.hosts import AllowedHosts

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Resolve = Callable[..., list[Any]]
"""Called and answering as `socket.getaddrinfo`; only the resolver's own options bound how long that one takes."""


@dataclass(frozen=True)
class Dialer:
    """Opens the sockets of a pool; `ca_file` is in PEM."""

    ca_file: str
    hosts: AllowedHosts | None = None
    """Whose addresses alone are connected to; None where whoever configures the function chose the host."""
    resolve: Resolve = socket.getaddrinfo

    def dial(self, host: str, port: int, deadline: float) -> socket.socket:
        """A connection to the first permitted address that takes it. Raises `ImageNotAllowed` or `OSError`."""
        host = host.strip("[]")
        found = self.resolve(host, port, type=socket.SOCK_STREAM)
        hosts = self.hosts
        permitted = [entry for entry in found if hosts is None or hosts.permits_address(host, entry[4][0])]
        failure: OSError | None = None
        for family, kind, protocol, _, address in permitted:
            connection = _Socket(family, kind, protocol)
            # Head and body may be two packets: without it the second waits for the first's acknowledgement.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Gateways forget idle connections, some without a word: a question sent on one would count as paid.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):  # else after two hours, as systems have it
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE_SECONDS)
            connection.deadline = deadline  # a proxy's answer is read while the connection is made
            try:
                connection.settimeout(left(deadline))
                connection.connect(address)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        addresses = ", ".join(sorted({entry[4][0] for entry in found}))
        raise failure or ImageNotAllowed(f"{host} resolves to {addresses}, which IMAGE_HOSTS does not permit")

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """One for all connections: reading the CA file takes 12 ms."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.sslsocket_class = _TLSSocket
        # As Python before 3.13 and the AWS SDK: authorities of companies often lack what RFC 5280 asks of them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


class Proxy(NamedTuple):
    """Whom connections for HTTPS go by."""

    url: str
    headers: dict[str, str]
    """What proves who asks it."""


def pooled(dialer: Dialer, *, size: int, proxy: Proxy | None = None) -> PoolManager:
    """Pools that keep up to `size` connections to a host, each opened by `dialer`."""
    pools = PoolManager(maxsize=size)
    if proxy:
        pools = ProxyManager(proxy.url, proxy_headers=proxy.headers, maxsize=size)
    classes: dict[str, Any] = {"http": partial(_Pool, dialer=dialer), "https": partial(_TLSPool, dialer=dialer)}
    pools.pool_classes_by_scheme = classes
    # urllib3 would compare 29 options at each request; nothing but these three differs here.
    keys: dict[str, Any] = dict.fromkeys(classes, itemgetter("scheme", "host", "port"))
    pools.key_fn_by_scheme = keys
    return pools


def left(deadline: float) -> float:
    """The seconds until `deadline` on the monotonic clock; raises `TimeoutError` where there are none."""
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


IDLE_SECONDS = 60
"""After which the system asks whether the other side is still there."""
SLACK_SECONDS = 0.25
"""By so much may a time-out be off: each setting of one is a system call that gives the interpreter away."""
SMALL_BYTES = 16_384
"""A body up to this is copied to be sent together with its head: one system call less, and one packet."""


class _Socket(socket.socket):
    """Gives a whole response one deadline: a time-out starts anew with every byte of a host that drips."""

    deadline: float

    def settimeout(self, value: float | None) -> None:
        """Only makes it longer: urllib3 sets it twice a request. The deadline makes it shorter, and sending may take as
        long as reading."""
        if _is_longer(self, value):
            super().settimeout(value)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        if _is_late(self, self.deadline):
            super().settimeout(left(self.deadline))
        return super().recv_into(buffer, nbytes, flags)


class _TLSSocket(ssl.SSLSocket):
    """The same under TLS."""

    deadline: float

    def settimeout(self, value: float | None) -> None:
        if _is_longer(self, value):
            super().settimeout(value)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        if _is_late(self, self.deadline):
            super().settimeout(left(self.deadline))
        return super().recv_into(buffer, nbytes, flags)


def _is_longer(connection: socket.socket, value: float | None) -> bool:
    """Whether the time-out would be longer, by more than is worth a system call."""
    timeout = connection.gettimeout()
    return timeout is None or value is None or value > timeout + min(SLACK_SECONDS, value / 50)


def _is_late(connection: socket.socket, deadline: float) -> bool:
    """Whether the socket would wait beyond the deadline. Raises `TimeoutError` where that is over."""
    timeout = connection.gettimeout()
    return timeout is None or timeout > left(deadline) + SLACK_SECONDS


class _Connection(HTTPConnection):
    def __init__(self, *, dialer: Dialer, **options: Any) -> None:  # noqa: ANN401 - the pool's own, passed through
        super().__init__(**options)
        self.dialer = dialer
        self._head: bytes | None = None
        """Of a request with a body: empty, then held until that comes."""

    def _new_conn(self) -> socket.socket:
        deadline = monotonic() + cast("float", self.timeout)
        try:
            connection = self.dialer.dial(self.host, self.port, deadline)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the connection was not made in time") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        socket.socket.settimeout(connection, max(0.001, deadline - monotonic()))  # what is left for the TLS handshake
        return connection

    def request(self, method: str, url: str, body: Any = None, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - passed through
        self._head = None if body is None else b""
        super().request(method, url, body, *arguments, **options)
        if self._head:
            self.send(b"")  # the body had nothing to send

    def send(self, data: Any) -> None:  # noqa: ANN401 - bytes, here
        if self._head == b"":  # what is sent first is the head
            self._head = data
            return
        head, self._head = self._head or b"", None
        if head and len(data) > SMALL_BYTES:
            super().send(head)
            head = b""
        super().send(head + data)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself overrides it
        cast("_Socket", self.sock).deadline = monotonic() + cast("float", self.timeout)
        return super().getresponse()


class _TLSConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        self.ssl_context = self.dialer.tls
        try:
            super().connect()
        except TimeoutError as error:  # urllib3 would call it a read time-out: of a request that was never sent
            raise ConnectTimeoutError(self, "the proxy's tunnel or TLS was not made in time") from error


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection

    def urlopen(self, *arguments: Any, **options: Any) -> BaseHTTPResponse:  # noqa: ANN401 - passed through
        try:
            return super().urlopen(*arguments, **options)
        except HTTPError as error:
            drop_tracebacks(error)  # urllib3's frames hold it
            raise


class _TLSPool(HTTPSConnectionPool, _Pool):
    ConnectionCls = _TLSConnection
