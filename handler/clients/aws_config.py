"""What the AWS SDK reads of the environment and its files: credentials, endpoints, proxies, authorities.

All of it is the SDK's business (botocore); what it finds wrong stops the start, said as a setting.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError, InvalidRegionError
from botocore.httpsession import ProxyConfiguration
from botocore.loaders import Loader
from botocore.session import Session
from botocore.utils import (
    get_environ_proxies,
    is_valid_endpoint_url,
    is_valid_ipv6_endpoint_url,
    validate_region_name,
)
from certifi import where
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from handler.clients.pinned import Proxy
from handler.settings import SettingsError


class Service(NamedTuple):
    """One that the function calls, as the SDK's data have it."""

    api_version: str
    signing_name: str


SERVICES: Final = {
    "bedrock-runtime": Service("2023-09-30", "bedrock"),
    "dynamodb": Service("2012-08-10", "dynamodb"),
}
CREDENTIAL_SERVICES = ("signin", "sso", "sso-oidc", "sts")
"""What the SDK calls itself, for credentials: `sts` where a pod has a web identity (IRSA)."""


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


def endpoint(session: Session, name: str) -> Url:
    """Where a service of `SERVICES` answers: where the environment or the SDK's files say, else by the SDK's rules.

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
            return _configured(configured)
    loader: Any = session.get_component("data_loader")
    rules = loader.load_data(f"{name}/{SERVICES[name].api_version}/endpoint-rule-set-1")
    found = EndpointProvider(rules, loader.load_data("partitions")).resolve_endpoint(
        Region=region,
        UseFIPS=bool(session.get_config_variable("use_fips_endpoint")),
        UseDualStack=bool(session.get_config_variable("use_dualstack_endpoint")),
    )
    return parse_url(found.url)


def _configured(text: str) -> Url:
    try:
        url = parse_url(text)
        is_valid = is_valid_endpoint_url(text) or is_valid_ipv6_endpoint_url(text)
    except (ValueError, LocationParseError):
        is_valid = False
    if not is_valid or url.scheme not in {"http", "https"}:
        raise SettingsError(f"AWS_ENDPOINT_URL_*: Invalid endpoint: {text}")
    return url


def authorities(session: Session) -> str:
    """The file of those whose certificates count, found as the SDK does. Raises `SettingsError`."""
    path = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or where()
    if not Path(path).is_file():
        raise SettingsError(f"AWS_CA_BUNDLE: {path!r} is no file")
    return str(path)


def proxy_for(url: Url) -> Proxy | None:
    """The environment's, for HTTPS: plain HTTP is for what is near. Raises `SettingsError`."""
    proxies = get_environ_proxies(url.url)
    given = proxies.get("https", "") if url.scheme == "https" else ""
    if not given:
        return None
    configuration = ProxyConfiguration(proxies)
    found = configuration.proxy_url_for(url.url) or ""  # with http:// before it, where it had nothing
    try:
        is_http = parse_url(found).scheme == "http" and given.partition("://")[0] in {"http", given}
    except LocationParseError:
        is_http = False
    if not is_http:
        raise SettingsError("HTTPS_PROXY: give http://host:port; user and password percent-encoded before an @")
    return Proxy(found, configuration.proxy_headers_for(found))


@contextmanager
def as_settings() -> Iterator[None]:
    """Raises `SettingsError` for what the SDK says of its configuration: a profile, half a pair of credentials."""
    try:
        yield
    except BotoCoreError as error:  # the message names the variable
        raise SettingsError(f"AWS: {error}") from error
