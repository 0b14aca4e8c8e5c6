"""What the AWS clients share: one session, and what the SDK refuses at start, said as a setting."""

from collections.abc import Iterator
from contextlib import contextmanager

from boto3 import Session
from botocore.exceptions import BotoCoreError, InvalidRegionError, NoRegionError

from handler.settings import SettingsError


def session(region: str | None) -> Session:
    """The session of all clients: a second one would load the SDK's data again, which takes 40 ms."""
    return Session(region_name=region)


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
