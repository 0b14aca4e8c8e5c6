"""The session that the AWS clients share: what the SDK finds in it, and where credentials come from."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import botocore.session
import pytest

from handler.clients.aws import SERVICES, session
from handler.clients.bedrock import BedrockClient
from handler.deadline import Deadline

ROLE = "arn:aws:iam::111122223333:role/product-enricher"
ASSUMED = f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <AssumedRoleUser><Arn>{ROLE}</Arn><AssumedRoleId>AROA:enricher</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAENRICHER</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
      <SessionToken>session</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>"""
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    "metrics": {"latencyMs": 1},
}


class Aws(BaseHTTPRequestHandler):
    """STS at `/`, Bedrock elsewhere; both remember what they were sent."""

    assumed: list[dict[str, list[str]]]
    signed: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/":
            self.assumed.append(parse_qs(body.decode()))
            self._answer("text/xml", ASSUMED)
        else:
            self.signed.append(f"{self.headers['Authorization']} {self.headers['X-Amz-Security-Token']}")
            self._answer("application/json", json.dumps(ANSWER))

    def _answer(self, content_type: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Aws]]:
    """The neighbours of a pod whose service account has a role, and no other credentials."""

    here = type("Here", (Aws,), {"assumed": [], "signed": []})
    token = tmp_path / "token"
    token.write_text("web-identity", encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_ROLE_ARN": ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ENDPOINT_URL_STS": url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        }.items():
            monkeypatch.setenv(name, value)
        yield here
        server.shutdown()


def test_a_service_account_with_a_role_gets_its_credentials(aws: type[Aws]) -> None:
    """As service.yaml has it (IRSA): the token in the pod is exchanged at STS, and signs the model's call."""
    client = BedrockClient(session("us-east-1"), read_timeout=5.0, pool_size=1)

    response = client.converse(
        {"modelId": "a-model", "messages": [{"role": "user", "content": [{"text": "Hi."}]}]},
        deadline=Deadline(20.0),
        before_retry=lambda: None,
    )

    assert response["stopReason"] == "end_turn"
    [assumed] = aws.assumed
    assert (assumed["RoleArn"], assumed["WebIdentityToken"]) == ([ROLE], ["web-identity"])
    [signed] = aws.signed
    assert "Credential=ASIAENRICHER/" in signed
    assert signed.endswith(" session")


@pytest.mark.parametrize("region", ["us-east-1", "ap-northeast-2", "us-gov-west-1", "cn-north-1"])
@pytest.mark.parametrize("service", SERVICES)
def test_endpoints_are_the_sdks_own(service: str, region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out of the SDK's data changes no address and no signature, in any partition."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    ours = session(region).create_client(service).meta
    theirs = botocore.session.Session().create_client(service, region_name=region).meta
    assert (ours.endpoint_url, ours.region_name, ours.partition) == (
        theirs.endpoint_url,
        theirs.region_name,
        theirs.partition,
    )
