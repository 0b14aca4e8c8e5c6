"""An AWS service: signed requests on connections that are kept, each answer within one deadline.

Credentials, endpoints and proxies are the SDK's business (botocore). Its clients are not used: a request takes them
three times the CPU (docs/performance.md), they keep it while Bedrock thinks, and let an answer drip for ever.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import time
from typing import Any, NamedTuple

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError, InvalidRegionError, NoCredentialsError
from botocore.loaders import Loader
from botocore.session import Session
from botocore.utils import (
    get_environ_proxies,
    get_token_from_environment,
    is_valid_endpoint_url,
    validate_region_name,
)
from certifi import where
from pydantic_core import from_json
from urllib3 import Timeout
from urllib3.util import parse_url

from handler.clients.pinned import Dialer, pooled
from handler.clients.sigv4 import Keys, Scope, signed
from handler.settings import SettingsError

API_VERSIONS = {"bedrock-runtime": "2023-09-30", "dynamodb": "2012-08-10"}
"""The services that the function calls, as the SDK names their data."""
CREDENTIAL_SERVICES = ("signin", "sso", "sso-oidc", "sts")
"""What the SDK calls itself, for credentials: `sts` where a pod has a web identity (IRSA)."""
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
        name = self.headers.get("x-amzn-errortype")
        if name is None:
            try:
                said = from_json(self.body)
            except ValueError:  # a load balancer's page
                said = None
            name = (said.get("__type") or said.get("code")) if isinstance(said, dict) else None
        return str(name or "").partition(":")[0].rpartition("#")[2]


class AwsService:
    """Safe to share between threads; keeps up to `pool_size` connections open."""

    def __init__(self, session: Session, name: str, *, signing_name: str, pool_size: int) -> None:
        """`name`: of `API_VERSIONS`. Raises `SettingsError`, and what `as_settings` turns into one."""
        url = parse_url(endpoint(session, name))
        self._host, self._base = url.netloc or "", (url.path or "").rstrip("/")
        self._scope = Scope(session.get_config_variable("region"), signing_name)
        self._credentials = session.get_credentials()
        # Bedrock alone takes a key instead of a signature (Bedrock user guide, "API keys").
        self._api_key = get_token_from_environment("bedrock") if signing_name == "bedrock" else None
        if self._api_key and url.scheme != "https":
            raise SettingsError("AWS_BEARER_TOKEN_BEDROCK: a key requires an HTTPS endpoint")
        proxy = get_environ_proxies(url.url).get("https") if url.scheme == "https" else None
        dialer = Dialer(session.get_config_variable("ca_bundle") or where())
        self._pool = pooled(dialer, size=pool_size, proxy=proxy).connection_from_url(url.url)

    def post(self, path: str, headers: Mapping[str, str], body: bytes, timeout: Timeout) -> AwsAnswer:
        """Sends it once. The answer, whole, must have come when the read time-out is over.

        Raises `urllib3.exceptions.HTTPError` for the connection, `BotoCoreError` and `ClientError` for credentials.
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
        elif self._credentials is None:
            raise NoCredentialsError
        else:
            found = self._credentials.get_frozen_credentials()  # fetched anew in time
            keys = Keys(found.access_key or "", found.secret_key or "", found.token)
            headers = signed(self._base + path, headers, body, keys=keys, scope=self._scope, now=time())
        return {**headers, "Content-Length": str(len(body)), "User-Agent": _USER_AGENT}


def _given_away(body: list[bytes]) -> Iterator[bytes]:
    """So that nobody holds the body any more while the answer is waited for: one with a photo takes 80 kB."""
    while body:
        yield body.pop()


class _OwnServices(Loader):
    """Knows what it is asked for, where the SDK lists the files of its 420 services to see: 25 ms."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the SDK's signature
        return list(CREDENTIAL_SERVICES)


def session(region: str | None) -> Session:
    """The SDK's session, which all services share: it finds configuration and credentials once."""
    made = Session()
    made.set_config_variable("region", region)
    made.register_component("data_loader", _OwnServices())
    return made


def endpoint(session: Session, name: str) -> str:
    """Where a service of `API_VERSIONS` answers: where the environment or the SDK's files say, else by the SDK's rules.

    Raises `SettingsError`.
    """
    region = session.get_config_variable("region")
    if region is None:
        raise SettingsError("AWS_REGION: You must specify a region.")
    try:
        validate_region_name(region)
    except InvalidRegionError as error:
        raise SettingsError(f"AWS_REGION: {error}") from error
    if not session.get_config_variable("ignore_configured_endpoint_urls"):
        files = session.full_config, session.get_scoped_config()
        if configured := ConfiguredEndpointProvider(*files, name).provide():
            if not is_valid_endpoint_url(configured):
                raise SettingsError(f"AWS_ENDPOINT_URL_*: Invalid endpoint: {configured}")
            return str(configured)
    loader: Any = session.get_component("data_loader")
    rules = loader.load_data(f"{name}/{API_VERSIONS[name]}/endpoint-rule-set-1")
    found = EndpointProvider(rules, loader.load_data("partitions")).resolve_endpoint(
        Region=region,
        UseFIPS=bool(session.get_config_variable("use_fips_endpoint")),
        UseDualStack=bool(session.get_config_variable("use_dualstack_endpoint")),
    )
    return str(found.url)


@contextmanager
def as_settings() -> Iterator[None]:
    """Raises `SettingsError` for what the SDK says of its configuration: a profile, half a pair of credentials."""
    try:
        yield
    except BotoCoreError as error:  # the message names the variable
        raise SettingsError(f"AWS: {error}") from error
