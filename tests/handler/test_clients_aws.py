"""What the AWS clients share: where a service answers, who may call it, and the way that a request takes."""

import json
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from certificates import certificate_for
from urllib3 import HTTPHeaderDict, Timeout

from handler.clients.aws import API_VERSIONS, CREDENTIAL_SERVICES, AwsAnswer, AwsService, endpoint, session
from handler.clients.bedrock import BedrockClient
from handler.deadline import Deadline
from handler.settings import SettingsError

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


# Where a service answers


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An AWS account of our own, nothing of the machine's; the path of the SDK's configuration, which is not there."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return tmp_path / "config"


REGIONS = ["us-east-1", "ap-northeast-2", "us-gov-west-1", "cn-north-1"]


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("switch", ["", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", API_VERSIONS)
def test_endpoints_are_the_sdks_own(service: str, region: str, switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any partition, and where the environment asks for FIPS or both stacks."""
    if switch:
        monkeypatch.setenv(switch, "true")
    client: Any = botocore.session.Session().create_client(service, region_name=region)
    client.meta.events.register("before-send", _sent)
    call = client.list_tables if service == "dynamodb" else partial(client.converse, modelId="m", messages=[])
    with pytest.raises(Sent) as sent:
        call()
    path = "/" if service == "dynamodb" else "/model/m/converse"
    assert f"{endpoint(session(region), service)}{path}" == sent.value.url


class Sent(Exception):
    """What the SDK would send, and where."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url


def _sent(request: AWSPreparedRequest, **_: object) -> None:
    raise Sent(str(request.url))


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", CREDENTIAL_SERVICES)
@pytest.mark.usefixtures("account")
def test_the_sdk_finds_what_it_asks_for_credentials(service: str, region: str) -> None:
    """That it does not look through all of its services changes no address."""
    ours = session(region).create_client(service).meta
    theirs = botocore.session.Session().create_client(service, region_name=region).meta
    assert (ours.endpoint_url, ours.partition) == (theirs.endpoint_url, theirs.partition)


def test_a_configured_endpoint_is_taken_in_the_sdks_order(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's variable before that for all, both before the file; or none of them, where that is asked for."""
    account.write_text("[default]\nendpoint_url = https://file.example\n", encoding="utf-8")
    assert endpoint(session("us-east-1"), "dynamodb") == "https://file.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://all.example")
    assert endpoint(session("us-east-1"), "dynamodb") == "https://all.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "https://own.example")
    assert endpoint(session("us-east-1"), "dynamodb") == "https://own.example"
    assert endpoint(session("us-east-1"), "bedrock-runtime") == "https://all.example"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert endpoint(session("us-east-1"), "dynamodb") == "https://dynamodb.us-east-1.amazonaws.com"


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("region", "configured", "said"),
    [
        (None, "", "AWS_REGION: You must specify a region"),
        ("us east", "", "AWS_REGION: Provided region_name 'us east'"),
        ("us-east-1", "dynamodb:8000", "AWS_ENDPOINT_URL_*: Invalid endpoint: dynamodb:8000"),
    ],
)
def test_what_is_no_endpoint_stops_the_start(
    region: str | None, configured: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that is to be mended, before the first event."""
    if configured:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", configured)
    with pytest.raises(SettingsError, match=re.escape(said)):
        endpoint(session(region), "dynamodb")


# The way of a request


class Service(BaseHTTPRequestHandler):
    """Answers with its own name, and remembers the heads of requests; as a proxy it passes bytes on to `behind`."""

    protocol_version = "HTTP/1.1"
    heads: list[Mapping[str, str]]
    behind: int

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.heads.append({**dict(self.headers.items()), "path": self.path})
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_CONNECT(self) -> None:
        self.heads.append({**dict(self.headers.items()), "path": self.path})
        self.send_response(200)
        self.end_headers()
        with socket.create_connection(("127.0.0.1", self.behind)) as there:
            back = threading.Thread(target=_pass_on, args=(there, self.connection))
            back.start()
            _pass_on(self.connection, there)
            back.join()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[int, type[Service]]]]:
    """Starts a service, under TLS where it has a certificate; its port, and what it remembers."""
    servers: list[ThreadingHTTPServer] = []

    def start(certificate: Path | None = None, *, behind: int = 0) -> tuple[int, type[Service]]:
        here = type("Here", (Service,), {"heads": [], "behind": behind})
        server = ThreadingHTTPServer(("127.0.0.1", 0), here)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server.server_port, here

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_for(tmp_path_factory.mktemp("tls"), "localhost", "bedrock.example")


def post(path: str = "/a") -> AwsAnswer:
    service = AwsService(session("us-east-1"), "bedrock-runtime", signing_name="bedrock", pool_size=1)
    return service.post(path, {"Content-Type": "application/json"}, b"{}", Timeout(5))


@pytest.mark.usefixtures("account")
def test_the_path_of_an_endpoint_comes_first(
    serve: Callable[..., tuple[int, type[Service]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a gateway that puts services under paths."""
    port, there = serve()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}/gateway/")
    assert (post().status, post().body) == (200, b"{}")
    assert {head["path"] for head in there.heads} == {"/gateway/a"}
    assert {head["User-Agent"] for head in there.heads} == {"product-enricher"}


@pytest.mark.usefixtures("account")
def test_an_api_key_takes_the_place_of_a_signature(
    serve: Callable[..., tuple[int, type[Service]]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS, by the authorities that AWS_CA_BUNDLE names; DynamoDB knows no such keys."""
    port, there = serve(certificate)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{port}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "key")
    assert post().status == 200
    ledger = AwsService(session("us-east-1"), "dynamodb", signing_name="dynamodb", pool_size=1)
    ledger.post("/", {}, b"{}", Timeout(5))
    bearer, signature = (head["Authorization"] for head in there.heads)
    assert (bearer, signature.split()[0]) == ("Bearer key", "AWS4-HMAC-SHA256")


@pytest.mark.usefixtures("account")
def test_requests_go_by_the_proxy_of_the_environment(
    serve: Callable[..., tuple[int, type[Service]]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a tunnel, so that it reads nothing; not where NO_PROXY names the host."""
    port, there = serve(certificate)
    proxy_port, proxy = serve(behind=port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://bedrock.example:8443")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy_port}")
    assert post().status == 200
    assert [head["path"] for head in proxy.heads] == ["bedrock.example:8443"]
    assert [head["Host"] for head in there.heads] == ["bedrock.example:8443"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{port}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert post().status == 200
    assert (len(proxy.heads), len(there.heads)) == (1, 2)


# Errors


@pytest.mark.parametrize(
    ("headers", "body", "name"),
    [
        ({"x-amzn-ErrorType": "ThrottlingException"}, b"{}", "ThrottlingException"),
        ({"x-amzn-ErrorType": "ThrottlingException:http://internal.amazon.com/"}, b"{}", "ThrottlingException"),
        ({}, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}', "InternalServerError"),
        ({}, b'{"code": "AccessDeniedException"}', "AccessDeniedException"),
        ({}, b'{"message": "no"}', ""),
        ({}, b"[]", ""),
        ({}, b"<html>", ""),
        ({}, b"", ""),
    ],
)
def test_an_error_is_named_by_header_or_body(headers: dict[str, str], body: bytes, name: str) -> None:
    """In each form that AWS services have; whatever else answers names none."""
    assert AwsAnswer(400, HTTPHeaderDict(headers), body).error == name
