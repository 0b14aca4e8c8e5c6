"""The product service: PUTs what was made, and reads what its answer means. One attempt: Kafka delivers again."""

import threading
import time
from contextlib import suppress
from pathlib import Path

import certifi
from urllib3 import Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from handler.clients.pinned import Dialer, pooled
from handler.errors import DeadlineExceeded, ProductServiceUnauthorized, ProductServiceUnavailable
from handler.outcomes import Outcome
from handler.write_back import Put, outcome_of_status

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
"""For the head of the answer, whole: with what comes before and after, well within the lease on the slot."""
DRAIN_SECONDS = 1.0
"""How long a reply is read, which says nothing more: one read to its end lets its connection serve again."""
CHUNK_BYTES = 65_536


class ProductServiceClient:
    """Safe to share between threads; keeps up to `pool_size` connections open."""

    def __init__(self, url: str, token_file: Path | None, *, pool_size: int) -> None:
        self._base = (parse_url(url).path or "").rstrip("/")
        self._token = _Token(token_file) if token_file else None
        # urllib3 itself, for one host: requests costs as much CPU again as the request.
        self._pool = pooled(Dialer(certifi.where()), size=pool_size).connection_from_url(url)

    def close(self) -> None:
        """Closes the connections that wait for the next PUT."""
        self._pool.close()

    def put(self, put: Put, *, within: float) -> Outcome:
        """Sends the PUT within so many seconds. Raises the product service's leaves and `DeadlineExceeded`."""
        if within <= 0:
            raise DeadlineExceeded("no time is left for the write-back")
        headers = {"Content-Type": "application/json", "Idempotency-Key": put.idempotency_key}
        if put.traceparent:
            headers["traceparent"] = put.traceparent
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.read()}"
        try:
            response = self._pool.urlopen(
                "PUT",
                self._base + put.path,
                body=put.body,
                headers=headers,
                timeout=Timeout(total=within, connect=CONNECT_SECONDS, read=READ_SECONDS),
                redirect=False,  # a PUT that turns into a GET would look like a success
                retries=False,
                preload_content=False,
            )
        except HTTPError as error:
            raise ProductServiceUnavailable(type(error).__name__) from error
        with response, suppress(HTTPError):
            ends = time.monotonic() + DRAIN_SECONDS
            while response.read1(CHUNK_BYTES) and time.monotonic() < ends:
                pass
        return outcome_of_status(response.status)


class _Token:
    """A bearer token in a file that a secret mount replaces while the process runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._token = ""

    def read(self) -> str:
        """The token, read again when the file is another one or was written."""
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            with self._lock:
                if seen != self._seen:
                    self._token = self._path.read_text(encoding="ascii").strip()
                    self._seen = seen
                token = self._token
        except (OSError, UnicodeError) as error:
            raise ProductServiceUnauthorized(f"the token file cannot be read: {type(error).__name__}") from error
        if len(token.split()) != 1:
            raise ProductServiceUnauthorized("the token file must hold one token on one line")
        return token
