"""What the AWS clients share: one session, and what the SDK refuses at start, said as a setting."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore import __version__ as VERSION  # noqa: N812 - a constant, whatever it is called
from botocore.exceptions import BotoCoreError, InvalidRegionError, NoRegionError
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session
from pydantic_core import from_json

from handler.derived import STORE
from handler.settings import SettingsError

SERVICES = ("bedrock-runtime", "dynamodb", "signin", "sso", "sso-oidc", "sts")
"""What the function calls, and what the SDK calls for credentials: `sts` where a pod has a web identity (IRSA)."""
_PREFIXES = frozenset({"bedrock", "bedrock-runtime", "dynamodb", "signin", "portal.sso", "oidc", "sts"})
"""Their names in the SDK's list of endpoints."""
_LIST = f"endpoints-1, {', '.join(sorted(_PREFIXES))}"
"""How that list is cut, as `derived` names it."""


class _Files(JSONFileLoader):
    """Reads the SDK's data with a faster parser, and of its list of endpoints, which is large, only what is used."""

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - whatever JSON holds; None where there is no file
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.name == "endpoints.json" and plain.is_file():
            # The SDK also reads files of whoever runs it (AWS_DATA_PATH): another path, or edited.
            edition = f"{VERSION} {plain} {plain.stat().st_size}"
            return STORE.derive(_LIST, edition, lambda _: _own_endpoints(plain))
        if plain.is_file():
            return from_json(plain.read_bytes())
        return from_json(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


def _own_endpoints(path: Path) -> Any:  # noqa: ANN401 - as above
    data = from_json(path.read_bytes())
    for partition in data["partitions"]:
        services = partition["services"].items()
        partition["services"] = {prefix: service for prefix, service in services if prefix in _PREFIXES}
    return data


class _OwnServices(Loader):
    """Knows what it is asked for, where the SDK lists the files of its 420 services to see: 25 ms of the start."""

    FILE_LOADER_CLASS = _Files

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - the SDK's signature
        return list(SERVICES)


def session(region: str | None) -> Session:
    """The session of all clients: a second one would load the SDK's data again, which takes 40 ms.

    botocore's own: boto3 would add its S3 transfers and resources, and 20 ms, to make the same clients.
    """
    made = Session()
    made.set_config_variable("region", region)
    made.register_component("data_loader", _OwnServices())
    return made


@contextmanager
def as_settings() -> Iterator[None]:
    """Raises `SettingsError` for what the SDK says of its configuration while clients are made."""
    try:
        yield
    except (NoRegionError, InvalidRegionError) as error:
        raise SettingsError(f"AWS_REGION: {error}") from error
    except BotoCoreError as error:  # a profile, half a pair of credentials: the message names the variable
        raise SettingsError(f"AWS: {error}") from error
    except ValueError as error:  # how botocore refuses an endpoint; its message holds the URL
        raise SettingsError(f"AWS_ENDPOINT_URL_*: {error}") from error
