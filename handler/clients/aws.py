"""An AWS service: signed requests on connections that are kept, each answer within one deadline.

The SDK's own clients are not used: a request takes them twice the CPU (docs/performance.md), they keep it while Bedrock
thinks, and let an answer drip for ever.
"""

import re
from collections.abc import Iterator, Mapping
from time import time
from typing import NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's
    HTTPClientError,
    MetadataRetrievalError,
    NoCredentialsError,
)
from botocore.session import Session
from botocore.utils import get_token_from_environment
from pydantic_core import from_json
from urllib3 import Timeout

from handler.clients.aws_config import SERVICES, authorities, endpoint, proxy_for
from handler.clients.pinned import Dialer, pooled
from handler.clients.sigv4 import Keys, Scope, signed
from handler.settings import SettingsError

_PASSING = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError"})
"""Errors of STS that another attempt may not meet."""
_USER_AGENT = "product-enricher"
"""CloudTrail names the function, and not one of many users of the SDK."""


class AwsAnswer(NamedTuple):
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The name of the error, which a header or the body holds; empty where neither does (Smithy, "AWS restJson1"
        and "AWS JSON 1.0": operation error serialization)."""
        try:
            said = from_json(self.body)
        except ValueError:  # a load balancer's page
            said = None
        names = [said.get(member) for member in ("__type", "code", "Code")] if isinstance(said, dict) else []
        name = next(filter(None, [self.headers.get("x-amzn-errortype"), *names]), "")
        return str(name).partition(":")[0].rpartition("#")[2][:100]


class CredentialsFailure(Exception):
    """A request could not be signed; the message says why, without any secret."""

    def __init__(self, message: str, *, passes: bool) -> None:
        """`passes`: whether another attempt may go better."""
        super().__init__(message[:200])
        self.passes = passes

    @classmethod
    def of(cls, error: Exception) -> "CredentialsFailure":
        """What the SDK met when it fetched credentials: from STS, a metadata service, files."""
        passes = isinstance(error, ConnectionError | HTTPClientError | MetadataRetrievalError)
        if isinstance(error, ClientError):
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            passes = status >= 500 or error.response.get("Error", {}).get("Code", "") in _PASSING
        return cls(f"credentials: {error}", passes=passes)


class AwsService:
    """Safe to share between threads; keeps up to `pool_size` connections open."""

    def __init__(self, session: Session, name: str, *, pool_size: int) -> None:
        """`name`: of `SERVICES`. Raises `SettingsError`, and what `as_settings` turns into one."""
        url = endpoint(session, name)
        has_port = url.port not in {None, {"http": 80, "https": 443}[url.scheme or ""]}
        self._host = f"{url.host}:{url.port}" if has_port else url.host or ""
        self._base = re.sub("//+", "/", url.path or "").rstrip("/")
        self._scope = Scope(session.get_config_variable("region"), SERVICES[name].signing_name)
        self._credentials = session.get_credentials()
        # Bedrock alone takes a key instead of a signature (Bedrock user guide, "API keys").
        key = get_token_from_environment("bedrock") if name == "bedrock-runtime" else None
        self._api_key = (key or "").strip()
        if self._api_key and url.scheme != "https":
            raise SettingsError("AWS_BEARER_TOKEN_BEDROCK: a key requires an HTTPS endpoint")
        pools = pooled(Dialer(authorities(session)), size=pool_size, proxy=proxy_for(url))
        self._pool = pools.connection_from_url(url.url)

    def post(self, path: str, headers: Mapping[str, str], body: bytes, timeout: Timeout) -> AwsAnswer:
        """Sends it once. The answer, whole, must have come when the read time-out is over.

        Raises `urllib3.exceptions.HTTPError` for the connection, and `CredentialsFailure`.
        """
        headers, rest = self._authorized(path, headers, body), [body]
        del body
        response = self._pool.urlopen(
            "POST",
            self._base + path,
            headers=headers,
            body=_given_away(rest),
            timeout=timeout,
            retries=False,
            redirect=False,
            decode_content=False,
        )
        return AwsAnswer(response.status, response.headers, response.data)

    def close(self) -> None:
        """Closes the connections that wait for the next request."""
        self._pool.close()

    def _authorized(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        headers = {**headers, "Host": self._host}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        else:
            headers = signed(self._base + path, headers, body, keys=self._keys(), scope=self._scope, now=time())
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            # A line break at the end of a secret's file, say. http.client would refuse it too, and tell the secret.
            raise CredentialsFailure("credentials: one of them has a character that no header can hold", passes=False)
        return {**headers, "Content-Length": str(len(body)), "User-Agent": _USER_AGENT}

    def _keys(self) -> Keys:
        try:
            found = self._credentials.get_frozen_credentials() if self._credentials else None  # fetched anew in time
        except (BotoCoreError, ClientError, OSError) as error:
            raise CredentialsFailure.of(error) from error
        if not found or not found.access_key or not found.secret_key:
            raise CredentialsFailure.of(NoCredentialsError())
        return Keys(found.access_key, found.secret_key, found.token)


def _given_away(body: list[bytes]) -> Iterator[bytes]:
    """So that nobody holds the body any more while the answer is waited for: one with a photo takes 80 kB."""
    while body:
        yield body.pop()
