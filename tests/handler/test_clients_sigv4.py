"""Signatures: the same as the SDK's own, whatever is signed."""

import calendar
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from handler.clients.sigv4 import Keys, Scope, signed

HOST = "bedrock-runtime.ap-northeast-2.amazonaws.com"
WORDS = st.text("abcXYZ019-_.", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40).map(str.strip)
PATHS = st.lists(
    st.text("abcXYZ019-_.~%:!$&'()*+,;=@ 가", min_size=1).filter(lambda part: part not in {".", ".."}), max_size=4
)


@given(
    parts=PATHS,
    headers=st.dictionaries(WORDS.map(lambda name: f"X-Own-{name.strip('-.')}"), VALUES, max_size=4),
    body=st.binary(max_size=200),
    keys=st.builds(Keys, WORDS, WORDS, st.none() | WORDS),
    scope=st.builds(Scope, WORDS, WORDS),
)
def test_a_signature_is_the_sdk_s(
    parts: list[str], headers: dict[str, str], body: bytes, keys: Keys, scope: Scope
) -> None:
    """Any path, headers, body, credentials and scope: the SDK's signer, at the same second, adds the same headers."""
    path = "/" + "/".join(parts)
    headers = {name.lower(): value for name, value in headers.items()}
    request = AWSRequest("POST", f"https://{HOST}{path}", headers, body)
    SigV4Auth(ReadOnlyCredentials(*keys, None), scope.service, scope.region).add_auth(request)
    theirs = dict(request.headers.items())
    now = calendar.timegm(time.strptime(theirs["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))

    ours = signed(path, {**headers, "Host": HOST}, body, keys=keys, scope=scope, now=now)

    assert ours == {**theirs, "Host": HOST}
