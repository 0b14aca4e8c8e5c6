"""The Bedrock client over the wire: a real server, and every way in which a call can fail."""

import json
import logging
import os
import socketserver
import threading
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Any

import botocore.session
import pytest

from handler.clients.aws_config import session
from handler.clients.bedrock import ERRORS, BedrockClient
from handler.converse import read_answer
from handler.deadline import GRACE_SECONDS, Deadline
from handler.errors import (
    DeadlineExceeded,
    EnrichmentError,
    LeaseHeld,
    ModelAnswerBroken,
    ModelAnswerLate,
    ModelMisconfigured,
    ModelUnavailable,
    Throttled,
)
from handler.settings import SettingsError
from workbench.sandbox.bedrock import BedrockStandIn

BODY = {
    "modelId": "global.anthropic.claude-haiku-5-5",
    "messages": [{"role": "user", "content": [{"text": "Say hello."}]}],
    "inferenceConfig": {"maxTokens": 100},
}
READ_SECONDS = 10.0


def converse_model() -> Any:  # noqa: ANN401 - botocore has no types
    return botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse")


STOP_REASONS = converse_model().output_shape.members["stopReason"].enum


class Waiting:
    """A clock that moves only by sleeping, and remembers each sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, lambda: self.now, self.sleep)


class Caller:
    """Calls the client, and counts the attempts."""

    def __init__(self, client: BedrockClient) -> None:
        self.client = client
        self.waiting = Waiting()
        self.attempts: list[float] = []
        """When each attempt started."""

    def call(self, body: Mapping[str, Any] = BODY, *, seconds: float = 120.0) -> Mapping[str, Any]:
        def before_retry() -> None:
            self.attempts.append(self.waiting.now)

        self.attempts.append(self.waiting.now)
        return self.client.converse(body, deadline=self.waiting.deadline(seconds), before_retry=before_retry)


@pytest.fixture(scope="module")
def running() -> Iterator[BedrockStandIn]:
    with BedrockStandIn() as bedrock:
        yield bedrock


def use_account(monkeypatch: pytest.MonkeyPatch, url: str = "") -> None:
    """An AWS account of our own: nothing of the machine's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url)


@pytest.fixture(scope="module")
def client(running: BedrockStandIn) -> BedrockClient:
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_account(monkeypatch, running.url)
        return BedrockClient(session("us-east-1"), read_timeout=READ_SECONDS, pool_size=2)


@pytest.fixture
def bedrock(running: BedrockStandIn, monkeypatch: pytest.MonkeyPatch) -> BedrockStandIn:
    """The stand-in at its beginning, and the environment of clients that a test makes itself."""
    running.reset()
    use_account(monkeypatch, running.url)
    return running


@pytest.fixture
def caller(bedrock: BedrockStandIn, client: BedrockClient) -> Caller:
    assert bedrock.requests == []
    return Caller(client)


class RawBedrock(socketserver.ThreadingTCPServer):
    """Answers every request with the same bytes and closes: what no HTTP library would send."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.requests = 0
        self.lines: list[bytes] = []
        """Of the heads of all requests, in lower case."""
        super().__init__(("127.0.0.1", 0), _RawHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _RawHandler(socketserver.StreamRequestHandler):
    server: RawBedrock

    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip().lower()) != b"":
            self.server.lines.append(line)
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        self.rfile.read(length)
        self.server.requests += 1
        self.wfile.write(self.server.answer)


@pytest.fixture
def raw(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], tuple[RawBedrock, Caller]]]:
    """Starts a server that answers with exactly these bytes, and a caller of it."""
    servers: list[RawBedrock] = []

    def start(answer: bytes) -> tuple[RawBedrock, Caller]:
        server = RawBedrock(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        use_account(monkeypatch, server.url)
        return server, Caller(BedrockClient(session("us-east-1"), read_timeout=READ_SECONDS, pool_size=2))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def ok(body: bytes, *headers: bytes) -> bytes:
    framing = headers or (b"Content-Length: %d" % len(body),)
    return b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Type: application/json", *framing, b"", body))


def test_an_answer_comes_back_whole(caller: Caller, bedrock: BedrockStandIn) -> None:
    """The base of all failures below: one attempt, one request, one answer that can be read."""
    answer = read_answer(caller.call(), "event")
    assert answer.text
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input > 0
    assert len(bedrock.requests) == len(caller.attempts) == 1


# Errors by name and status


def test_every_modelled_error_is_mapped_on_purpose() -> None:
    """A new botocore that models another error of Converse fails here until somebody decides what it means."""
    modelled = {shape.name for shape in converse_model().error_shapes}
    assert modelled == {*ERRORS} - {"ServiceQuotaExceededException"}


@pytest.mark.parametrize("header_style", [True, False])
@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("ThrottlingException", Throttled),
        ("ModelNotReadyException", ModelUnavailable),
        ("ServiceUnavailableException", ModelUnavailable),
        ("InternalServerException", ModelUnavailable),
        ("ModelTimeoutException", ModelUnavailable),
        ("ModelErrorException", ModelUnavailable),
        ("ValidationException", ModelMisconfigured),
        ("AccessDeniedException", ModelMisconfigured),
        ("ResourceNotFoundException", ModelMisconfigured),
    ],
)
def test_errors_of_the_service_model(
    caller: Caller, bedrock: BedrockStandIn, name: str, failure: type[EnrichmentError], header_style: bool
) -> None:
    """Each modelled error ends as what an operator can do about it, in both styles of the wire."""
    bedrock.push({"error": name, "header_style": header_style, "always": True})
    with pytest.raises(EnrichmentError) as caught:
        caller.call(seconds=30)
    assert type(caught.value) is failure
    assert name in caught.value.detail
    assert len(bedrock.requests) == len(caller.attempts)
    assert (len(caller.attempts) > 1) is (failure is not ModelMisconfigured)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"status": 400, "error": "ServiceQuotaExceededException"}, Throttled),
        ({"status": 429}, Throttled),
        ({"status": 429, "empty_body": True}, Throttled),
        ({"status": 429, "error": "SomethingNewException"}, Throttled),
        ({"status": 408}, ModelUnavailable),
        ({"status": 424}, ModelUnavailable),
        ({"status": 500, "error": "SomethingNewException"}, ModelUnavailable),
        ({"status": 502}, ModelUnavailable),
        ({"status": 504}, ModelUnavailable),
        ({"status": 529}, ModelUnavailable),
        ({"status": 400, "error": "SomethingNewException"}, ModelMisconfigured),
        ({"status": 403, "error": "ExpiredTokenException"}, ModelMisconfigured),
    ],
)
def test_errors_that_converse_does_not_model_go_by_their_status(
    caller: Caller, bedrock: BedrockStandIn, fault: dict[str, Any], failure: type[EnrichmentError]
) -> None:
    """What Bedrock's model does not name is told apart by its status: throttled, passing, or to be configured."""
    bedrock.push({**fault, "always": True})
    with pytest.raises(EnrichmentError) as caught:
        caller.call(seconds=30)
    assert type(caught.value) is failure
    assert str(fault["status"]) in caught.value.detail
    assert (len(caller.attempts) > 1) is (failure is not ModelMisconfigured)


# Before the request leaves


def test_missing_credentials_are_said_plainly(bedrock: BedrockStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials nothing is sent, and the failure says that they are missing."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    caller = Caller(BedrockClient(session("us-east-1"), read_timeout=READ_SECONDS, pool_size=1))
    with pytest.raises(ModelMisconfigured, match="credentials"):
        caller.call()
    assert bedrock.requests == []
    assert len(caller.attempts) == 1


@pytest.mark.usefixtures("bedrock")
def test_a_key_over_http_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Bedrock API key in the environment wins over IAM keys and needs HTTPS: nobody sends it in the clear."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "key")
    with pytest.raises(SettingsError, match="AWS_BEARER_TOKEN_BEDROCK: a key requires an HTTPS endpoint"):
        BedrockClient(session("us-east-1"), read_timeout=READ_SECONDS, pool_size=1)


def test_a_client_without_a_region_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No region is a mistake of the deployment: it shows when the client is made, not at the first event."""
    use_account(monkeypatch)
    with pytest.raises(SettingsError, match="AWS_REGION"):
        BedrockClient(session(None), read_timeout=1, pool_size=1)


# The connection


def test_a_dropped_connection_is_tried_again(caller: Caller, bedrock: BedrockStandIn) -> None:
    """A connection that closes before an answer heals by another attempt."""
    bedrock.push({"drop": True, "times": 2})
    assert read_answer(caller.call(), "event").text
    assert len(bedrock.requests) == len(caller.attempts) == 3


def test_a_connection_that_keeps_dropping_is_unavailable(caller: Caller, bedrock: BedrockStandIn) -> None:
    """Where no attempt gets an answer, the event is to be delivered again."""
    bedrock.push({"drop": True, "always": True})
    with pytest.raises(ModelUnavailable):
        caller.call(seconds=20)
    assert len(caller.attempts) > 1


def test_a_refused_connection_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: tried again while there is time, then unavailable."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
    use_account(monkeypatch, url)
    caller = Caller(BedrockClient(session("us-east-1"), read_timeout=READ_SECONDS, pool_size=1))
    with pytest.raises(ModelUnavailable, match="NewConnectionError"):
        caller.call(seconds=20)
    assert len(caller.attempts) > 1


def test_a_late_answer_is_not_asked_for_again(bedrock: BedrockStandIn) -> None:
    """A read time-out may already be billed: exactly one request leaves, however much time is left."""
    caller = Caller(BedrockClient(session("us-east-1"), read_timeout=0.2, pool_size=1))
    bedrock.push({"hang": True})
    with pytest.raises(ModelAnswerLate, match=r"no answer within 0\.2 s"):
        caller.call(seconds=120)
    assert len(bedrock.requests) == len(caller.attempts) == 1
    assert caller.waiting.naps == []


class SlowBedrock(socketserver.ThreadingTCPServer):
    """Takes a request, then sends its head and a blank now and then."""

    daemon_threads = True

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.closing = threading.Event()
        self.has_request = threading.Event()
        super().__init__(("127.0.0.1", 0), _SlowHandler)

    def __enter__(self) -> "SlowBedrock":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _SlowHandler(socketserver.StreamRequestHandler):
    server: SlowBedrock

    def handle(self) -> None:
        length = 0
        while (line := self.rfile.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while length:
            length -= len(self.rfile.read1(length))
        self.server.has_request.set()
        with suppress(OSError):
            self.wfile.write(self.server.head)
            for _ in range(100):  # five seconds: whoever waits longer fails instead of hanging
                if not self.server.closing.wait(0.05):
                    self.wfile.write(b" ")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_answer_that_drips_is_late(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """The time-out is for the whole answer, however often something comes of it."""
    with SlowBedrock(head) as server:
        use_account(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}")
        caller = Caller(BedrockClient(session("us-east-1"), read_timeout=1.0, pool_size=1))
        with pytest.raises(ModelAnswerLate):
            caller.call(seconds=120)
    assert len(caller.attempts) == 1


def test_a_request_is_not_kept_while_its_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo's request is larger than the photo, and hundreds wait at a time."""
    picture = {"image": {"format": "jpeg", "source": {"bytes": bytes(3_000_000)}}}
    body = {**BODY, "messages": [{"role": "user", "content": [picture]}]}
    with SlowBedrock(b"") as server:
        use_account(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}")
        caller = Caller(BedrockClient(session("us-east-1"), read_timeout=READ_SECONDS, pool_size=1))
        with ThreadPoolExecutor(1) as thread:
            tracemalloc.start()
            late = thread.submit(caller.call, body, seconds=30)
            assert server.has_request.wait(READ_SECONDS)
            ends = monotonic() + 5
            # All is sent and read by now: the caller comes to wait for the answer.
            while (held := tracemalloc.get_traced_memory()[0]) > 1_000_000 and monotonic() < ends:
                server.closing.wait(0.01)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            server.closing.set()
            with pytest.raises(EnrichmentError):
                late.result()
    assert peak > 4_000_000 > 1_000_000 > held


@pytest.mark.parametrize("truncate", [True, "short"])
def test_a_cut_answer_is_broken_and_not_asked_for_again(
    caller: Caller, bedrock: BedrockStandIn, truncate: bool | str
) -> None:
    """Half an answer was paid for: it is broken, whether its framing says so or not, and one request was sent."""
    bedrock.push({"truncate": truncate})
    with pytest.raises(ModelAnswerBroken):
        read_answer(caller.call(), "event")
    assert len(bedrock.requests) == len(caller.attempts) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ok(b'5\r\n{"out\r\n', b"Transfer-Encoding: chunked"), id="no last chunk"),
        pytest.param(ok(b'50\r\n{"out', b"Transfer-Encoding: chunked"), id="half a chunk"),
        pytest.param(ok('{"output": "셔츠'.encode()[:-1]), id="half a Korean syllable"),
        pytest.param(ok(b'{"out', b"Connection: close"), id="no length"),
        pytest.param(ok(b""), id="empty"),
        pytest.param(ok(b"<html>"), id="a proxy's page"),
        pytest.param(ok(b"[]"), id="a list"),
        pytest.param(ok(b"null"), id="null"),
        pytest.param(ok(b'{"output": "text", "stopReason": "end_turn"}'), id="text for an object"),
        pytest.param(ok(b'{"output": {"message": {"content": [{"text": 1}]}}, "usage": []}'), id="other types"),
    ],
)
def test_bytes_that_are_no_answer_are_broken_and_not_asked_for_again(
    raw: Callable[[bytes], tuple[RawBedrock, Caller]], answer: bytes
) -> None:
    """Whatever arrives under status 200 was paid for: no retry, no traceback, one request."""
    server, caller = raw(answer)
    with pytest.raises(ModelAnswerBroken):
        read_answer(caller.call(), "event")
    assert server.requests == len(caller.attempts) == 1


def test_an_error_page_that_is_no_json_goes_by_its_status(raw: Callable[[bytes], tuple[RawBedrock, Caller]]) -> None:
    """A load balancer's 502 with HTML is as passing as Bedrock's own."""
    server, caller = raw(b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>")
    with pytest.raises(ModelUnavailable, match="502"):
        caller.call(seconds=20)
    assert server.requests == len(caller.attempts) > 1


def test_what_is_no_http_is_unavailable(raw: Callable[[bytes], tuple[RawBedrock, Caller]]) -> None:
    """A server that speaks another protocol answered nothing that could have been paid."""
    _, caller = raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    with pytest.raises(ModelUnavailable):
        caller.call(seconds=20)


# Retries


def test_retries_wait_with_jitter_and_stop_before_the_deadline(caller: Caller, bedrock: BedrockStandIn) -> None:
    """Waits are random up to a doubling bound, and no attempt starts that could end after the deadline."""
    bedrock.push({"error": "ServiceUnavailableException", "always": True})
    with pytest.raises(ModelUnavailable):
        caller.call(seconds=60)
    naps = caller.waiting.naps
    assert len(caller.attempts) == len(bedrock.requests) == len(naps) + 1 >= 4
    assert all(0 <= nap <= min(20, 0.5 * 2**index) for index, nap in enumerate(naps))
    assert caller.attempts[-1] <= 60 - READ_SECONDS + GRACE_SECONDS
    other = Caller(caller.client)
    with pytest.raises(ModelUnavailable):
        other.call(seconds=60)
    assert other.waiting.naps[:4] != naps[:4]


def test_an_error_that_heals_costs_no_failure(caller: Caller, bedrock: BedrockStandIn) -> None:
    """Throttled, then unavailable, then answered: the caller sees the answer, and every attempt was announced."""
    bedrock.push({"error": "ThrottlingException"}, {"status": 529})
    assert read_answer(caller.call(), "event").text
    assert len(bedrock.requests) == len(caller.attempts) == 3
    assert len(caller.waiting.naps) == 2


def test_no_call_starts_with_less_time_than_it_may_take(caller: Caller, bedrock: BedrockStandIn) -> None:
    """With less left than the read time-out, nothing is sent."""
    with pytest.raises(DeadlineExceeded):
        caller.call(seconds=READ_SECONDS - 1)
    assert bedrock.requests == []


def test_what_is_raised_before_a_retry_ends_the_call(caller: Caller, bedrock: BedrockStandIn) -> None:
    """A lease lost while Bedrock was busy: the second request is not sent."""
    bedrock.push({"error": "ThrottlingException", "always": True})
    waiting, announced = Waiting(), []

    def before_retry() -> None:
        announced.append(len(waiting.naps))
        if len(announced) == 2:
            raise LeaseHeld("lost")

    with pytest.raises(LeaseHeld):
        caller.client.converse(BODY, deadline=waiting.deadline(120), before_retry=before_retry)
    assert len(bedrock.requests) == 2
    assert announced == [1, 2]  # after each wait, for that is how a lease gets lost


def test_a_throttled_call_waits_for_the_quota(caller: Caller, bedrock: BedrockStandIn) -> None:
    """After 429 the first wait already is up to eight seconds, at random, and so many callers spread over that."""
    bedrock.push({"error": "ThrottlingException", "always": True})
    naps: list[list[float]] = []
    for _ in range(20):
        throttled = Caller(caller.client)
        with pytest.raises(Throttled):
            throttled.call(seconds=60)
        assert throttled.attempts[-1] <= 60 - READ_SECONDS + GRACE_SECONDS
        naps.append(throttled.waiting.naps)
    assert all(0 <= nap <= min(20, 8 * 2**index) for each in naps for index, nap in enumerate(each))
    first = [each[0] for each in naps]
    assert (min(first) < 4 < max(first), max(each[1] for each in naps) > 8) == (True, True)


def test_each_error_waits_in_its_own_way(caller: Caller, bedrock: BedrockStandIn) -> None:
    """An error that passes is asked again within half a second at first, however long a throttle would wait."""
    for _ in range(20):
        bedrock.push({"error": "ServiceUnavailableException"})
        caller.call()
    assert len(caller.waiting.naps) == 20
    assert max(caller.waiting.naps) <= 0.5


# Answers


@pytest.mark.parametrize("stop_reason", [*STOP_REASONS, "refusal", "something_new"])
def test_every_stop_reason_passes_through(caller: Caller, bedrock: BedrockStandIn, stop_reason: str) -> None:
    """The client judges no stop reason, not even one that is newer than Converse's list."""
    bedrock.push({"stop_reason": stop_reason})
    assert read_answer(caller.call(), "event").stop_reason == stop_reason


def test_blocks_are_taken_by_their_key(caller: Caller, bedrock: BedrockStandIn) -> None:
    """Reasoning that comes first and a kind of block that nobody knows are passed over."""
    bedrock.push({"reasoning_first": True, "unknown_block": True, "text": "안녕하세요"})
    response = caller.call()
    assert len(response["output"]["message"]["content"]) == 3
    assert read_answer(response, "event").text == "안녕하세요"


def test_an_answer_without_a_stop_reason_is_broken(caller: Caller, bedrock: BedrockStandIn) -> None:
    """The client passes it on, the reader does not."""
    bedrock.push({"no_stop_reason": True})
    with pytest.raises(ModelAnswerBroken, match="stopReason"):
        read_answer(caller.call(), "event")


# Concurrency


def test_parallel_calls_keep_their_connections(bedrock: BedrockStandIn, caplog: pytest.LogCaptureFixture) -> None:
    """32 threads, twice each: at most 32 connections are opened, and none is thrown away."""
    client = BedrockClient(session("us-east-1"), read_timeout=READ_SECONDS, pool_size=32)
    together = threading.Barrier(32)

    def call(_: int) -> str:
        together.wait()
        return read_answer(Caller(client).call(), "event").text

    bedrock.push({"hang": True, "times": 32})
    with caplog.at_level(logging.DEBUG, "urllib3.connectionpool"), ThreadPoolExecutor(32) as threads:
        first = [threads.submit(call, number) for number in range(32)]
        assert bedrock.wait_for_requests(32)  # all at once, so that each has a connection of its own
        bedrock.release()
        assert all(future.result() for future in first)
        assert all(threads.map(call, range(32)))
    opened = [record for record in caplog.records if "Starting new HTTP connection" in record.getMessage()]
    assert 0 < len(opened) <= 32
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_the_request_is_what_was_given(caller: Caller, bedrock: BedrockStandIn) -> None:
    """The body reaches Bedrock as it is: nothing is added, and the model stands in the path."""
    caller.call()
    (received,) = bedrock.requests
    assert received.model_id == BODY["modelId"]
    assert received.body == json.loads(json.dumps({key: BODY[key] for key in ("messages", "inferenceConfig")}))


def test_a_call_says_whose_it_is(raw: Callable[[bytes], tuple[RawBedrock, Caller]]) -> None:
    """CloudTrail names the function, and not one of many users of the SDK."""
    server, caller = raw(ok(b"{}"))
    caller.call()
    assert b"user-agent: product-enricher" in server.lines
