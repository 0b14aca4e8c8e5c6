"""The Bedrock stand-in fails on demand, counts what requests cost, and leaves nothing behind when it stops."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from pydantic import ValidationError

from workbench.sandbox.bedrock import BedrockStandIn, Fault
from workbench.sandbox.bedrock.models import model_of
from workbench.sandbox.bedrock.usage import PromptCache, PromptTokens, Quota, prompt_tokens
from workbench.sandbox.bedrock.wire import Refused

HAIKU = "global.anthropic.claude-haiku-5-5"
SHIRT = '<product>\n{"name": "티셔츠", "attributes": {"소재": "면"}}\n</product>'
TOOL = {
    "tools": [{"toolSpec": {"name": "record", "inputSchema": {"json": {"type": "object"}}}}],
    "toolChoice": {"tool": {"name": "record"}},
}


@pytest.fixture
def bedrock() -> Iterator[BedrockStandIn]:
    with BedrockStandIn() as running:
        yield running


@pytest.fixture
def client(bedrock: BedrockStandIn) -> Iterator[Any]:
    runtime = connected(bedrock.url)
    yield runtime
    runtime.close()


def connected(url: str, **options: Any) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - no secret: nothing checks it
        config=Config(retries={"total_max_attempts": 1}, signature_version="v4", **options),
    )


def ask(client: Any, text: str = SHIRT, **members: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    messages = [{"role": "user", "content": [{"text": text}]}]
    return dict(client.converse(modelId=HAIKU, messages=messages, **members))


def refusal(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"error": "ThrottlingException"}, (429, "ThrottlingException")),
        ({"error": "ThrottlingException", "header_style": False}, (429, "ThrottlingException")),
        ({"error": "ModelNotReadyException"}, (429, "ModelNotReadyException")),
        ({"error": "ModelTimeoutException"}, (408, "ModelTimeoutException")),
        ({"error": "ModelErrorException"}, (424, "ModelErrorException")),
        ({"error": "InternalServerException"}, (500, "InternalServerException")),
        ({"error": "ServiceUnavailableException"}, (503, "ServiceUnavailableException")),
        ({"error": "AccessDeniedException"}, (403, "AccessDeniedException")),
        ({"error": "ServiceQuotaExceededException", "status": 400}, (400, "ServiceQuotaExceededException")),
        ({"status": 529}, (529, "529")),
        ({"status": 429, "empty_body": True}, (429, "429")),
    ],
)
def test_an_error_on_demand(
    bedrock: BedrockStandIn,
    client: Any,  # noqa: ANN401 - boto3 makes its clients at run time
    fault: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    """The client sees the error by name and status, once; the next call is answered."""
    bedrock.push(fault)
    assert refusal(lambda: ask(client)) == expected
    assert ask(client)["stopReason"] == "end_turn"
    assert [received.status for received in bedrock.requests] == [expected[0], 200]


def test_faults_come_in_order_and_as_often_as_told(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """`times` repeats a fault, and the next one in the queue follows."""
    bedrock.push({"text": "one", "times": 2}, Fault(text="two"))
    bedrock.push({"text": "for good", "always": True})
    said = [ask(client)["output"]["message"]["content"][0]["text"] for _ in range(5)]
    assert said == ["one", "one", "two", "for good", "for good"]


def test_a_fault_waits_for_the_request_that_it_matches(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """Others pass it by."""
    bedrock.push({"error": "ThrottlingException", "match": '"소재": "면"'})
    assert ask(client, "hello")["stopReason"] == "end_turn"
    assert refusal(lambda: ask(client)) == (429, "ThrottlingException")


def test_a_fault_does_not_hide_a_refusal(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """A request that Bedrock would refuse is refused, and the fault is kept for a good one."""
    bedrock.push({"error": "ThrottlingException"})
    assert refusal(lambda: ask(client, inferenceConfig={"temperature": 0.5}))[0] == 400
    assert refusal(lambda: ask(client))[0] == 429


def test_an_unknown_fault_is_refused(bedrock: BedrockStandIn) -> None:
    """A typo in a test does not pass as no fault."""
    with pytest.raises(ValidationError):
        bedrock.push({"eror": "ThrottlingException"})


def test_a_dropped_connection(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """The socket closes without an answer, and the request has no status."""
    bedrock.push({"drop": True})
    with pytest.raises(ConnectionClosedError):
        ask(client)
    assert [received.status for received in bedrock.requests] == [None]


@pytest.mark.parametrize("how", [True, "short"])
def test_half_a_document(bedrock: BedrockStandIn, client: Any, how: object) -> None:  # noqa: ANN401
    """Cut JSON does not raise in botocore, whatever Content-Length says: the caller has to notice."""
    bedrock.push({"truncate": how})
    assert "stopReason" not in ask(client)
    assert ask(client)["stopReason"] == "end_turn"


def test_less_than_promised(bedrock: BedrockStandIn) -> None:
    """A `short` body ends before its Content-Length, which a stricter client refuses; otherwise the frame is right."""
    url, headers = f"{bedrock.url}/model/{HAIKU}/converse", {"Authorization": "Bearer test"}
    body = {"messages": [{"role": "user", "content": [{"text": SHIRT}]}]}
    bedrock.push({"truncate": True}, {"truncate": "short"})
    cut = requests.post(url, json=body, headers=headers, timeout=10)
    assert int(cut.headers["Content-Length"]) == len(cut.content)
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        requests.post(url, json=body, headers=headers, timeout=10)


def test_answers_to_order(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """Text, tool input and stop reason say exactly what the fault says."""
    bedrock.push({"stop_reason": "refusal"}, {"no_stop_reason": True}, {"tool_input": {"Color": ["crimson"]}})
    assert ask(client)["stopReason"] == "refusal"
    assert "stopReason" not in ask(client)
    thinking = {"thinking": {"type": "disabled"}}
    forced = ask(client, toolConfig=TOOL, additionalModelRequestFields=thinking)
    assert forced["output"]["message"]["content"][0]["toolUse"]["input"] == {"Color": ["crimson"]}


def test_blocks_before_the_answer(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """Reasoning and a block that the SDK does not know stand before the text."""
    bedrock.push({"reasoning_first": True, "unknown_block": True, "text": "hello"})
    reasoning, unknown, text = ask(client)["output"]["message"]["content"]
    assert "reasoningContent" in reasoning
    assert unknown == {"SDK_UNKNOWN_MEMBER": {"name": "blockOfTomorrow"}}
    assert text == {"text": "hello"}


def test_a_hung_request_goes_on_when_released(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """It is on the log while it hangs, and answered after release()."""
    bedrock.push({"hang": True})
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(ask, client)
        assert bedrock.wait_for_requests(1)
        assert [received.status for received in bedrock.requests] == [None]
        bedrock.release()
        assert answer.result()["stopReason"] == "end_turn"


def test_a_hung_request_ends_with_its_client(bedrock: BedrockStandIn) -> None:
    """A read time-out of the client does not leave a thread behind in the server."""
    bedrock.push({"hang": True})
    impatient = connected(bedrock.url, read_timeout=0.2)
    before = set(threading.enumerate())
    with pytest.raises(ReadTimeoutError):
        ask(impatient)
    impatient.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_stop_frees_hung_and_idle_connections() -> None:
    """Leaving the context ends every thread, also one that hangs and one that waits for the next request."""
    before = set(threading.enumerate())
    with BedrockStandIn() as bedrock, ThreadPoolExecutor() as pool:
        client, idle = connected(bedrock.url), connected(bedrock.url)
        ask(idle)
        bedrock.push({"hang": True})
        hung = pool.submit(ask, client)
        assert bedrock.wait_for_requests(2)
        bedrock.__exit__(None, None, None)
        with pytest.raises(ConnectionClosedError):
            hung.result()
        left = [thread for thread in set(threading.enumerate()) - before if "process_request" in thread.name]
        client.close()
        idle.close()
        assert left == []


def test_a_hundred_calls_at_once(bedrock: BedrockStandIn) -> None:
    """One client on a hundred threads gets a hundred answers while all are held, then all go on."""
    bedrock.push({"latency_seconds": 0.2, "times": 100})
    client = connected(bedrock.url, max_pool_connections=100)
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: ask(client), range(100)))
    client.close()
    assert [answer["stopReason"] for answer in answers] == ["end_turn"] * 100
    assert [received.status for received in bedrock.requests] == [200] * 100


# --- what it costs


def test_a_cached_prefix_is_written_then_read(client: Any) -> None:  # noqa: ANN401
    """Identical text up to a cachePoint is written by the first call and read by the second; the rest stays fresh."""
    system = [{"text": "rule " * 800}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    first = ask(client, system=system)["usage"]
    second = ask(client, "other", system=system)["usage"]
    assert first["cacheWriteInputTokens"] == second["cacheReadInputTokens"] == 1000
    assert first["cacheReadInputTokens"] == second["cacheWriteInputTokens"] == 0
    assert first["cacheDetails"] == [{"ttl": "1h", "inputTokens": 1000}]
    assert first["totalTokens"] == first["inputTokens"] + 1000 + first["outputTokens"]
    assert ask(client, system=[{"text": "x"}, *system])["usage"]["cacheReadInputTokens"] == 0


def test_a_short_prefix_is_not_cached(client: Any) -> None:  # noqa: ANN401
    """Below the model's minimum the mark is ignored without a word."""
    usage = ask(client, system=[{"text": "rule"}, {"cachePoint": {"type": "default"}}])["usage"]
    assert usage["cacheWriteInputTokens"] == 0


def test_the_cache_forgets_after_its_time() -> None:
    """Five minutes by default, from the last use."""
    clock = iter((0.0, 299.0, 500.0, 801.0))
    cache, model = PromptCache(clock=lambda: next(clock)), model_of(HAIKU)
    request = {"system": [{"text": "rule " * 800}, {"cachePoint": {"type": "default"}}], "messages": []}
    assert [cache.count(request, model).read for _ in range(4)] == [0, 1000, 1000, 0]


def test_syllables_and_letters_are_estimated() -> None:
    """1.3 tokens a Hangul syllable, a quarter for other ASCII."""
    model = model_of(HAIKU)
    blocks = [{"text": "가" * 10}, {"text": "abcd" * 10}]
    assert prompt_tokens({"messages": [], "system": blocks}, model) == 13 + 10


def test_requests_a_minute_are_limited(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """Over the quota: ThrottlingException; without a limit again: answers."""
    bedrock.configure(requests_per_minute=2)
    ask(client)
    ask(client)
    assert refusal(lambda: ask(client)) == (429, "ThrottlingException")
    bedrock.configure(requests_per_minute=None)
    ask(client)


def test_tokens_are_reserved_with_max_tokens(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """An unset maxTokens reserves the model's maximum, which the quota may not have."""
    bedrock.configure(tokens_per_minute=10_000)
    assert refusal(lambda: ask(client)) == (429, "ThrottlingException")
    for _ in range(5):  # settled at what was used, not at what was reserved
        ask(client, inferenceConfig={"maxTokens": 4_000})


def test_the_quota_fills_up_again() -> None:
    """A minute gives back a minute's worth, and never more."""
    now = 0.0
    quota = Quota(requests=1, tokens=None, clock=lambda: now)
    quota.reserve(1)
    now = 30.0
    with pytest.raises(Refused):
        quota.reserve(1)
    now = 600.0
    quota.reserve(1)
    with pytest.raises(Refused):
        quota.reserve(1)


def test_a_settled_call_costs_its_prompt_and_five_times_its_output() -> None:
    """The reservation beyond that comes back; what the cache gave is free."""
    quota = Quota(requests=None, tokens=1_000, clock=lambda: 0.0)
    quota.reserve(600)
    quota.settle(600, PromptTokens(fresh=100, read=50), 20)
    quota.reserve(800)
    with pytest.raises(Refused):
        quota.reserve(1)


# --- the control API


def test_control_over_http(bedrock: BedrockStandIn, client: Any) -> None:  # noqa: ANN401
    """What a test does in Python, a person does with curl; every page says that this is no model."""
    control = f"{bedrock.url}/control"
    posted = requests.post(f"{control}/faults", json=[{"status": 529}, {"text": "hi"}], timeout=10).json()
    assert posted["faults"] == [{"status": 529}, {"text": "hi"}]
    assert refusal(lambda: ask(client)) == (529, "529")
    received = requests.get(f"{control}/requests", timeout=10).json()["requests"]
    assert [(entry["model_id"], entry["status"]) for entry in received] == [(HAIKU, 529)]
    changed = requests.post(f"{control}/settings", json={"latency_seconds": 0.01}, timeout=10).json()
    assert changed["settings"] == {"latency_seconds": 0.01, "requests_per_minute": None, "tokens_per_minute": None}
    assert requests.delete(f"{control}/requests", timeout=10).json()["requests"] == 0
    assert requests.post(f"{control}/release", timeout=10).json()["faults"] == [{"text": "hi"}]
    reset = requests.delete(control, timeout=10).json()
    assert (reset["faults"], reset["settings"]["latency_seconds"]) == ([], 0)
    assert requests.get(control, timeout=10).json() == reset
    assert reset["what"] == "stand-in, not a model"


@pytest.mark.parametrize(
    ("path", "body"),
    [("faults", {"eror": "x"}), ("faults", "x"), ("settings", {"latency_seconds": -1}), ("settings", [])],
)
def test_control_refuses_what_it_does_not_know(bedrock: BedrockStandIn, path: str, body: object) -> None:
    """A typo is a 400 that names the field."""
    response = requests.post(f"{bedrock.url}/control/{path}", json=body, timeout=10)
    assert response.status_code == 400
    assert response.json()["errors"]
