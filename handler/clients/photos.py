"""Fetches photos over HTTP from the permitted hosts, within a deadline. Judges no pixel and keeps no file.

Built on the adapter of requests, not on its Session: that one keeps cookies, asks the environment for proxies and, even
with redirects off, reads a redirect's whole body, of any size.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import cast
from urllib.parse import urljoin, urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPResponse, Timeout
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as PoolTimeout

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
        ca_file: str = DEFAULT_CA_BUNDLE_PATH,
    ) -> None:
        """`pool_size`: connections kept to one host, as many as there are threads; `ca_file`: in PEM."""
        self._hosts = hosts
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._adapter = pooled(Dialer(hosts, resolve, ca_file), size=pool_size)

    def fetch(self, url: str, *, within: float) -> bytes:
        """The file behind `url`, redirects followed, in at most `within` seconds.

        Raises `ImageNotAllowed`, `ImageGone`, `ImageRefused`, `ImageTooLarge`, `ImageHostUnavailable` or
        `ImageTimeout`.
        """
        deadline = monotonic() + min(self._timeout_seconds, within)
        base = ""
        for _ in range(1 + MAX_REDIRECTS):
            host, request = self._permitted(url, base=base)
            with _failures(host), self._send(request, deadline) as response:
                if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                    return self._body(response, host)
                url = response.headers["Location"].encode("latin-1").decode("utf-8", "replace")
                base = cast("str", request.url)
        raise ImageRefused(f"{host} redirects more than {MAX_REDIRECTS} times")

    def close(self) -> None:
        """Closes the pooled connections."""
        self._adapter.close()

    def _permitted(self, url: str, *, base: str) -> tuple[str, requests.PreparedRequest]:
        try:
            request = requests.Request("GET", urljoin(base, url), headers=_HEADERS).prepare()
            parts = urlsplit(cast("str", request.url))  # as requests reads it when it connects
        except ValueError as error:
            raise ImageNotAllowed("the URL of a photo cannot be read") from error
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"}:
            raise ImageNotAllowed("the URL of a photo is neither http nor https")
        if parts.username is not None:
            raise ImageNotAllowed(f"the URL of a photo on {host} has a user name in it")
        if not self._hosts.permits_host(host):
            raise ImageNotAllowed(f"{host} is not in IMAGE_HOSTS")
        return host, request

    def _send(self, request: requests.PreparedRequest, deadline: float) -> requests.Response:
        timeout = Timeout(total=left(deadline))
        return self._adapter.send(request, stream=True, timeout=timeout)  # type: ignore[arg-type]  # missing in the stubs

    def _body(self, response: requests.Response, host: str) -> bytes:
        if not response.ok or response.status_code >= 300:
            raise _refusal(host, response.status_code)
        raw: HTTPResponse = response.raw
        if (raw.length_remaining or 0) > self._max_bytes:
            raise ImageTooLarge(f"{host} announces {raw.length_remaining:,} bytes")
        body = bytearray()
        # Some hosts store files compressed and ignore Accept-Encoding: both sizes count.
        while chunk := raw.read(_CHUNK, decode_content=True):
            body += chunk
            if max(len(body), raw.tell()) > self._max_bytes:
                raise ImageTooLarge(f"{host} sends more than {self._max_bytes:,} bytes")
        return bytes(body)


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
    except (TimeoutError, requests.Timeout, PoolTimeout) as error:
        raise ImageTimeout(f"{host} did not answer in time") from error
    except (OSError, HTTPError) as error:  # a RequestException is an OSError
        raise ImageHostUnavailable(f"{host}: {type(error).__name__}") from error
