"""What the AWS clients share: where a service answers, who may call it, and the way that a request takes."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError, EndpointConnectionError, MetadataRetrievalError, NoCredentialsError
from certificates import certificate_for
from urllib3 import HTTPHeaderDict, Timeout
from urllib3.exceptions import ConnectTimeoutError

from handler.clients.aws import AwsAnswer, AwsService, CredentialsFailure
from handler.clients.aws_config import CREDENTIAL_SERVICES, SERVICES, endpoint, session
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
@pytest.mark.parametrize("service", SERVICES)
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
    assert f"{endpoint(session(region), service).url}{path}" == sent.value.url


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


def test_the_sdk_looks_at_no_service_but_the_one_that_it_asks() -> None:
    """Of more than four hundred, whose folders it would list first: credentials are a part of the start."""
    script = """
import sys
from handler.clients.aws_config import session
made, listed = session("us-east-1"), set()
sys.addaudithook(lambda event, arguments: listed.add(str(arguments[0])) if event == "os.listdir" else None)
made.create_client("sts")
print(*(path.rpartition("/botocore/data")[2] for path in listed))
"""
    env = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["/sts"]


def test_a_configured_endpoint_is_taken_in_the_sdks_order(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's variable before that for all, both before the file; or none of them, where that is asked for."""
    account.write_text("[default]\nendpoint_url = https://file.example\n", encoding="utf-8")
    assert endpoint(session("us-east-1"), "dynamodb").url == "https://file.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://all.example")
    assert endpoint(session("us-east-1"), "dynamodb").url == "https://all.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "https://own.example")
    assert endpoint(session("us-east-1"), "dynamodb").url == "https://own.example"
    assert endpoint(session("us-east-1"), "bedrock-runtime").url == "https://all.example"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert endpoint(session("us-east-1"), "dynamodb").url == "https://dynamodb.us-east-1.amazonaws.com"


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("region", "configured", "said"),
    [
        (None, "", "AWS_REGION: You must specify a region"),
        ("us east", "", "AWS_REGION: Provided region_name 'us east'"),
        *[
            ("us-east-1", url, f"AWS_ENDPOINT_URL_*: Invalid endpoint: {url}")
            for url in ("dynamodb:8000", "http://[::1", "http://host:99999", "http://host:x", "ftp://host", "http://")
        ],
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


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("url", ["http://[::1]:8000", "http://UPPER.example/path", "https://host.example:8443"])
def test_an_endpoint_is_any_url_that_the_sdk_takes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses in brackets, ports and paths too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert endpoint(session("us-east-1"), "dynamodb").url == url.replace("UPPER", "upper")


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
    service = AwsService(session("us-east-1"), "bedrock-runtime", pool_size=1)
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
def test_a_small_request_is_sent_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body are one system call and one packet, so that the first look at the connection finds both."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as thread:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        answer = thread.submit(post)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(65_536).endswith(b"\r\n\r\n{}")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            assert answer.result().status == 200


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("key", ["key", "key\n"])  # as a file that an editor wrote has it
def test_an_api_key_takes_the_place_of_a_signature(
    serve: Callable[..., tuple[int, type[Service]]], certificate: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Over TLS, by the authorities that AWS_CA_BUNDLE names; DynamoDB knows no such keys."""
    port, there = serve(certificate)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{port}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
    assert post().status == 200
    ledger = AwsService(session("us-east-1"), "dynamodb", pool_size=1)
    ledger.post("/", {}, b"{}", Timeout(5))
    bearer, signature = (head["Authorization"] for head in there.heads)
    assert (bearer, signature.split()[0]) == ("Bearer key", "AWS4-HMAC-SHA256")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("scheme", "user", "proof"),
    [("http://", "", None), ("", "", None), ("http://", "me:p%40ss@", "Basic bWU6cEBzcw==")],
)
def test_requests_go_by_the_proxy_of_the_environment(
    serve: Callable[..., tuple[int, type[Service]]],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    user: str,
    proof: str | None,
) -> None:
    """Through a tunnel, so that it reads nothing, with the password of its URL; not where NO_PROXY names the host."""
    port, there = serve(certificate)
    proxy_port, proxy = serve(behind=port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://bedrock.example:8443")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}{user}127.0.0.1:{proxy_port}")
    assert post().status == 200
    assert [(head["path"], head.get("Proxy-Authorization")) for head in proxy.heads] == [
        ("bedrock.example:8443", proof)
    ]
    assert [head["Host"] for head in there.heads] == ["bedrock.example:8443"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{port}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert post().status == 200
    assert (len(proxy.heads), len(there.heads)) == (1, 2)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("proxy", ["https://proxy.example:443", "socks5://proxy.example:1080", "http://me:p#ss@proxy"])
def test_a_proxy_that_cannot_be_gone_by_stops_the_start(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through TLS in TLS no answer could be cut in time; the message repeats no password."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(SettingsError, match=r"^HTTPS_PROXY: give http://host:port;[^#]*$"):
        post()


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_authorities_that_are_not_there_stop_the_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of failing every event."""
    monkeypatch.setenv(name, "/no/such/file")
    with pytest.raises(SettingsError, match="AWS_CA_BUNDLE: '/no/such/file' is no file"):
        post()


@pytest.mark.usefixtures("account")
def test_an_authority_of_a_company_is_enough(
    serve: Callable[..., tuple[int, type[Service]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 alone asks that it calls itself one in a critical extension (RFC 5280, 4.2.1.9)."""
    certificate = certificate_for(tmp_path, "localhost", basic="basicConstraints=CA:TRUE")
    port, _ = serve(certificate)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{port}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    assert post().status == 200


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("is_proxied", [False, True])
def test_a_tunnel_that_is_never_made_sent_nothing(monkeypatch: pytest.MonkeyPatch, is_proxied: bool) -> None:
    """A silent port, under TLS or as a proxy: it is the connection that is late, not an answer that was paid for."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://{'bedrock.example' if is_proxied else f'127.0.0.1:{port}'}")
        if is_proxied:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        service = AwsService(session("us-east-1"), "bedrock-runtime", pool_size=1)
        with pytest.raises(ConnectTimeoutError):
            service.post("/", {}, b"{}", Timeout(connect=0.3, read=30))


# Credentials


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_a_secret_with_a_line_break_is_sent_and_told_to_nobody(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file that an editor wrote has it: the failure says what is wrong, and not what the secret is."""
    monkeypatch.setenv(name, "TOPSECRET\n")
    with pytest.raises(CredentialsFailure, match="a character that no header can hold") as failure:
        post()
    assert not failure.value.passes
    assert failure.value.__context__ is None


def said(code: str, status: int) -> ClientError:
    """What the SDK raises for an answer of STS."""
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AssumeRoleWithWebIdentity")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (said("InternalFailure", 503), True),
        (said("Throttling", 400), True),
        (said("AccessDenied", 403), False),
        (EndpointConnectionError(endpoint_url="https://sts"), True),
        (MetadataRetrievalError(error_msg="late"), True),
        (NoCredentialsError(), False),
        (FileNotFoundError("token"), False),
    ],
)
def test_credentials_that_may_come_later_are_told_from_those_that_will_not(error: Exception, passes: bool) -> None:
    """Only what an operator must mend is called misconfigured."""
    assert CredentialsFailure.of(error).passes is passes


# Errors


@pytest.mark.parametrize(
    ("headers", "body", "name"),
    [
        ({"x-amzn-ErrorType": "ThrottlingException"}, b"{}", "ThrottlingException"),
        ({"x-amzn-ErrorType": "ThrottlingException:http://internal.amazon.com/"}, b"{}", "ThrottlingException"),
        ({}, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"}', "InternalServerError"),
        ({}, b'{"code": "AccessDeniedException"}', "AccessDeniedException"),
        ({"x-amzn-ErrorType": ""}, b'{"Code": "ThrottlingException"}', "ThrottlingException"),
        ({}, b'{"message": "no"}', ""),
        ({}, b"[]", ""),
        ({}, b"<html>", ""),
        ({}, b"", ""),
    ],
)
def test_an_error_is_named_by_header_or_body(headers: dict[str, str], body: bytes, name: str) -> None:
    """In each form that AWS services have; whatever else answers names none."""
    assert AwsAnswer(400, HTTPHeaderDict(headers), body).error == name
