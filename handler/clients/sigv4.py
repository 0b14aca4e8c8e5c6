"""AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"). Pure.

As the SDK signs, but without its request objects, which take longer than all hashes: a written event signs six times.
"""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from time import gmtime, strftime
from typing import NamedTuple
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(NamedTuple):
    """Credentials as of one moment."""

    access_key: str
    secret_key: str
    token: str | None


class Scope(NamedTuple):
    """What a signature is good for, on one day."""

    region: str
    service: str


def signed(
    path: str, headers: Mapping[str, str], body: bytes, *, keys: Keys, scope: Scope, now: float
) -> dict[str, str]:
    """The headers of a POST without a query, all of them signed, with what says so. `headers` must hold `Host`."""
    moment = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    everything = {**headers, "X-Amz-Date": moment}
    if keys.token:
        everything["X-Amz-Security-Token"] = keys.token
    lower = sorted((name.lower(), " ".join(value.split())) for name, value in everything.items())
    names = ";".join(name for name, _ in lower)
    lines = "".join(f"{name}:{value}\n" for name, value in lower)
    request = f"POST\n{quote(path)}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    day = moment[:8]
    place = f"{day}/{scope.region}/{scope.service}/aws4_request"
    text = f"{ALGORITHM}\n{moment}\n{place}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(_key(keys.secret_key, day, scope), text.encode(), "sha256").hex()
    everything["Authorization"] = (
        f"{ALGORITHM} Credential={keys.access_key}/{place}, SignedHeaders={names}, Signature={signature}"
    )
    return everything


@lru_cache(maxsize=8)
def _key(secret: str, day: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
