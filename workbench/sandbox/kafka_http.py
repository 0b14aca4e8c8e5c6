"""CloudEvents over HTTP in binary mode, as the dispatcher's WebClient sends them. It judges no answer."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR
from weakref import WeakSet

from urllib3 import HTTPConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER

from workbench.sandbox.kafka_records import CloudEvent, request_headers

CONNECTIONS = 100
"""To one sink (maxPoolSize of the data plane's WebClient)."""


@dataclass(frozen=True)
class Reply:
    """An answer's part that counts. Replies are otherwise discarded: a KafkaSource's sink answers nobody."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""


class HttpSender:
    """POSTs events over kept connections, with the documented headers and no other; safe under threads."""

    def __init__(self, namespace: str, *, timeout: float) -> None:
        self.aborted = False
        self._headers = {"prefer": "reply", "kn-namespace": namespace}
        self._headers |= {"user-agent": SKIP_HEADER, "accept-encoding": SKIP_HEADER}
        self._lock = threading.Lock()
        self._open: WeakSet[HTTPConnection] = WeakSet()
        # No retries means no redirects either: a 3xx is an answer like others.
        self._pools = PoolManager(maxsize=CONNECTIONS, retries=False, timeout=Timeout(total=timeout))
        self._pools.pool_classes_by_scheme = {"http": self._pool_class()}

    def post(self, url: str, event: CloudEvent) -> Reply | None:
        """The answer, whatever its status; None where none came in time."""
        headers = {**request_headers(event), **self._headers}
        try:
            response = self._pools.request("POST", url, body=event.data, headers=headers)
        except (HTTPError, OSError, ValueError):  # ValueError: no legal header value
            return None
        return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, response.data)

    def abort(self) -> None:
        """Ends all requests, also those in flight, and leaves no socket open."""
        with self._lock:
            self.aborted = True
            sockets = [connection.sock for connection in self._open]
        for each in sockets:
            if each is not None:
                with suppress(OSError):  # already gone
                    each.shutdown(SHUT_RDWR)  # wakes the thread that reads
        self._pools.clear()

    def _pool_class(self) -> type[HTTPConnectionPool]:
        sender = self

        class Connection(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                with sender._lock:
                    sender._open.add(self)
                    if sender.aborted:
                        raise ConnectionAbortedError

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        return Pool
