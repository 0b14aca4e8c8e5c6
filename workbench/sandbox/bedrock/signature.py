"""Asks for the form of an AWS signature; it cannot verify one without the secret."""

import re
from collections.abc import Mapping

from workbench.sandbox.bedrock.wire import Refused

_SIGV4 = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/(?P<service>[a-z-]+)/aws4_request, ?"
    r"SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}"
)


def authenticate(headers: Mapping[str, str]) -> None:
    """Raises Refused (403) without a SigV4 or bearer header of the right form."""
    authorization = headers.get("Authorization", "")
    if not authorization:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    if re.fullmatch(r"Bearer \S+", authorization):
        return
    signed = _SIGV4.fullmatch(authorization)
    if signed is None or "X-Amz-Date" not in headers:
        raise Refused("IncompleteSignatureException", "The request signature does not conform to AWS standards.")
    if signed["service"] != "bedrock":
        raise Refused("InvalidSignatureException", "Credential should be scoped to correct service: 'bedrock'.")
