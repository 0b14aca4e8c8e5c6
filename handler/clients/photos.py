"""Fetches photos over HTTP from the permitted hosts, within a deadline. Judges no pixel and keeps no file.

On urllib3 itself: requests would keep cookies, ask the environment for proxies and, even with redirects off, read a
redirect's whole body, of any size; and it costs as much CPU again as the request.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from urllib.parse import urljoin

import certifi
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as PoolTimeout
from urllib3.util import Url, parse_url

from handler.clients.pinned import Dialer, Resolve, left, pooled
from handler.errors import (
    EnrichmentError,
    ImageGone,
    ImageHostUnavailable,
    ImageNotAllowed,
    ImageRefused,
    ImageTimeout,
    ImageTooLarge,
)
from handler.hosts import AllowedHosts

MAX_REDIRECTS = 3
_CHUNK = 65_536  # bytes
_REDIRECTS = {301, 302, 303, 307, 308}
_GONE = {404, 410}
_TRANSIENT = {408, 425, 429}  # besides 5xx
# Fixed: a host that negotiates must always give the same bytes, for they are part of the fingerprint.
_HEADERS = {
    "Accept": "image/jpeg, image/png, image/webp, image/gif;q=0.9",
    "Accept-Encoding": "identity",
    "User-Agent": "product-enricher",
}


class PhotoClient:
    """Fetches photos. One serves all threads of a process and pools their connections."""

    def __init__(
        self,
        hosts: AllowedHosts,
        *,
        resolve: Resolve = socket.getaddrinfo,
        timeout_seconds: float = 10.0,
        max_bytes: int = 10 * 1024 * 1024,
        pool_size: int = 10,
        ca_file: str = certifi.where(),
    ) -> None:
        """`pool_size`: connections kept to one host, as many as there are threads; `ca_file`: in PEM."""
        self._permits = lru_cache(maxsize=256)(hosts.permits_host)
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._pools = pooled(Dialer(ca_file, hosts, resolve), size=pool_size)

    def fetch(self, url: str, *, within: float) -> bytes:
        """The file behind `url`, redirects followed, in at most `within` seconds.

        Raises `ImageNotAllowed`, `ImageGone`, `ImageRefused`, `ImageTooLarge`, `ImageHostUnavailable` or
        `ImageTimeout`.
        """
        deadline = monotonic() + min(self._timeout_seconds, within)
        base = ""
        for _ in range(1 + MAX_REDIRECTS):
            target = self._permitted(url, base=base)
            host = _name_of(target)
            with _failures(host), self._send(target, deadline) as response:
                if response.status not in _REDIRECTS or "Location" not in response.headers:
                    return self._body(response, host)
                url = response.headers["Location"].encode("latin-1").decode("utf-8", "replace")
                base = target.url
        raise ImageRefused(f"{host} redirects more than {MAX_REDIRECTS} times")

    def close(self) -> None:
        """Closes the pooled connections."""
        self._pools.clear()

    def _permitted(self, url: str, *, base: str) -> Url:
        try:
            target = parse_url(urljoin(base, url))  # what is judged is what the pool connects to
        except (ValueError, HTTPError) as error:
            raise ImageNotAllowed("the URL of a photo cannot be read") from error
        host = _name_of(target)
        if target.scheme not in {"http", "https"}:
            raise ImageNotAllowed("the URL of a photo is neither http nor https")
        if target.auth is not None:
            raise ImageNotAllowed(f"the URL of a photo on {host} has a user name in it")
        if not self._permits(host):
            raise ImageNotAllowed(f"{host} is not in IMAGE_HOSTS")
        return target

    def _send(self, target: Url, deadline: float) -> BaseHTTPResponse:
        pool = self._pools.connection_from_host(target.host, target.port, target.scheme)
        return pool.urlopen(
            "GET",
            target.request_uri,
            headers=_HEADERS,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
            timeout=Timeout(total=left(deadline)),
        )

    def _body(self, response: BaseHTTPResponse, host: str) -> bytes:
        if response.status >= 300:
            raise _refusal(host, response.status)
        if (response.length_remaining or 0) > self._max_bytes:
            raise ImageTooLarge(f"{host} announces {response.length_remaining:,} bytes")
        if response.length_remaining is not None and "Content-Encoding" not in response.headers:
            return response.read()  # in one piece: nothing is copied
        body = bytearray()
        # Some hosts store files compressed and ignore Accept-Encoding: both sizes count.
        while chunk := response.read(_CHUNK, decode_content=True):
            body += chunk
            if max(len(body), response.tell()) > self._max_bytes:
                raise ImageTooLarge(f"{host} sends more than {self._max_bytes:,} bytes")
        return bytes(body)


def _name_of(target: Url) -> str:
    return (target.host or "").strip("[]")


def _refusal(host: str, status: int) -> EnrichmentError:
    detail = f"{host} answers {status}"
    if status in _GONE:
        return ImageGone(detail)
    if status in _TRANSIENT or status >= 500:
        return ImageHostUnavailable(detail)
    return ImageRefused(detail)


@contextmanager
def _failures(host: str) -> Iterator[None]:
    try:
        yield
    except NewConnectionError as error:  # urllib3 counts it among the time-outs
        raise ImageHostUnavailable(f"{host} cannot be connected to") from error
    except (TimeoutError, PoolTimeout) as error:
        raise ImageTimeout(f"{host} did not answer in time") from error
    except (OSError, HTTPError) as error:
        raise ImageHostUnavailable(f"{host}: {type(error).__name__}") from error
