"""The Bedrock stand-in refuses what Claude on Bedrock refuses, spoken to by the real client."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

from workbench.sandbox.bedrock import BedrockStandIn

HAIKU_5, SONNET_55, OPUS_5 = (f"global.anthropic.claude-{name}" for name in ("haiku-5-5", "sonnet-5-5", "opus-5-5"))
SONNET_5, SONNET_46 = "global.anthropic.claude-sonnet-5", "global.anthropic.claude-sonnet-4-6"
HAIKU_4 = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
NO_THINKING = {"thinking": {"type": "disabled"}}
SCHEMA = {"type": "object", "properties": {"Color": {"type": "array", "items": {"enum": ["black", "unknown"]}}}}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with BedrockStandIn() as bedrock:
        runtime = boto3.client(
            "bedrock-runtime",
            endpoint_url=bedrock.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - no secret: nothing checks it
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, signature_version="v4"),
        )
        yield runtime
        runtime.close()


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks) or [{"text": "hello"}]}


def model(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks) or [{"text": "hi"}]}


def use(name: str) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": name, "name": "record", "input": {}}}


def result(name: str) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": name, "content": [{"text": "noted"}]}}


def tools(choice: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a tool spec
    offered = {"tools": [{"toolSpec": {"name": "record", "inputSchema": {"json": SCHEMA}, **spec}}]}
    return {"toolConfig": offered if choice is None else {**offered, "toolChoice": choice}}


def picture(size: tuple[int, int] = (32, 32), kind: str = "png") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, "navy").save(stream, kind)
    return stream.getvalue()


def image(data: bytes, kind: str = "png") -> dict[str, Any]:
    return {"image": {"format": kind, "source": {"bytes": data}}}


def cached(*lifetimes: str) -> dict[str, Any]:
    return {"system": [{"text": "a"}, *({"cachePoint": {"type": "default", "ttl": ttl}} for ttl in lifetimes)]}


FORCED = {"tool": {"name": "record"}}

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    (HAIKU_4, {"inferenceConfig": {"temperature": 0.5}}),
    (HAIKU_4, {"messages": [user(), model()]}),
    (HAIKU_4, {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}}}),
    (HAIKU_4, tools(FORCED)),
    (HAIKU_5, tools()),
    (HAIKU_5, {**tools(FORCED), "additionalModelRequestFields": NO_THINKING}),
    (HAIKU_5, {**tools({"any": {}}), "additionalModelRequestFields": NO_THINKING}),
    (OPUS_5, {"outputConfig": {"effort": "max"}}),
    (SONNET_55, tools({"auto": {}})),
    (HAIKU_5, {"messages": [user(), model(use("a")), user(result("a"))], **tools()}),
    (HAIKU_5, {"messages": [user(*[image(picture())] * 20)]}),
    (HAIKU_5, cached("1h", "1h", "5m", "5m")),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    # sampling, prefill and thinking by family
    (HAIKU_5, {"inferenceConfig": {"temperature": 0.5}}, "`temperature` is deprecated"),
    (SONNET_5, {"inferenceConfig": {"topP": 0.5}}, "`top_p` is deprecated"),
    (OPUS_5, {"additionalModelRequestFields": {"top_k": 5}}, "`top_k` is deprecated"),
    (HAIKU_4, {"inferenceConfig": {"temperature": 0.5, "topP": 0.5}}, "cannot both be specified"),
    (SONNET_46, {"messages": [user(), model()]}, "does not support assistant message prefill"),
    (HAIKU_5, {"messages": [user(), model()]}, "does not support assistant message prefill"),
    (
        HAIKU_5,
        {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}}},
        "not supported",
    ),
    (
        HAIKU_5,
        {"additionalModelRequestFields": {"thinking": {"type": "adaptive", "budget_tokens": 2000}}},
        "not supported",
    ),
    (HAIKU_5, {"additionalModelRequestFields": {"thinking": {"type": "off"}}}, "Input tag should be"),
    (HAIKU_5, {"additionalModelRequestFields": {"thinking": "disabled"}}, "thinking: Input should be an object"),
    (HAIKU_5, {"additionalModelRequestFields": {"thinkin": {}}}, "thinkin: Extra inputs are not permitted"),
    (OPUS_5, {"additionalModelRequestFields": NO_THINKING}, "thinking.type.disabled"),
    (HAIKU_4, {"outputConfig": {"effort": "low"}}, "output_config.effort"),
    (HAIKU_5, {"outputConfig": {"effort": "some"}}, "output_config.effort"),
    (HAIKU_5, {"outputConfig": {"effort": "max"}, "additionalModelRequestFields": NO_THINKING}, "effort high or below"),
    (HAIKU_4, {"inferenceConfig": {"maxTokens": 64_001}}, "max_tokens: 64001 > 64000"),
    # tool choice by family
    (HAIKU_5, tools(FORCED), "Thinking may not be enabled when tool_choice forces tool use"),
    (SONNET_5, tools({"any": {}}), "Thinking may not be enabled when tool_choice forces tool use"),
    (SONNET_55, {**tools(FORCED), "additionalModelRequestFields": NO_THINKING}, "forced tool use is not supported"),
    (OPUS_5, tools({"any": {}}), "forced tool use is not supported"),
    (HAIKU_4, tools({"tool": {"name": "other"}}), "Tool 'other' not found"),
    # structured output
    (HAIKU_5, tools(strict=True), "output_config.format: Extra inputs are not permitted"),
    (
        HAIKU_5,
        {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}}},
        "The model returned the following errors: output_config.format: Extra inputs are not permitted",
    ),
    # tool schemas
    (HAIKU_5, tools(inputSchema={"json": {"type": "array"}}), "input_schema.type: Input should be 'object'"),
    (HAIKU_5, tools(inputSchema={"json": []}), "input_schema.type: Input should be 'object'"),
    (
        HAIKU_5,
        tools(inputSchema={"json": {"type": "object", "properties": {"색상": {}}}}),
        "Property keys should match",
    ),
    (HAIKU_5, tools(inputSchema={"json": {"type": "object", "required": 1}}), "JSON schema is invalid"),
    (HAIKU_5, {"toolConfig": {"tools": tools()["toolConfig"]["tools"] * 2}}, "Tool names must be unique"),
    # the conversation
    (HAIKU_5, {"messages": []}, "must start with a user message"),
    (HAIKU_5, {"messages": [model(), user()]}, "must start with a user message"),
    (HAIKU_5, {"messages": [user(), user()]}, "must alternate"),
    (HAIKU_5, {"messages": [user(), {"role": "system", "content": [{"text": "a"}]}]}, 'Unexpected role "system"'),
    (HAIKU_5, {"messages": [{"role": "user", "content": []}]}, "messages.0 is empty"),
    (HAIKU_5, {"messages": [user({"text": " \n"})]}, "messages.0.content.0 is blank"),
    (HAIKU_5, {"system": [{"text": " "}]}, "system: text content blocks"),
    (HAIKU_5, {"messages": [user(), model(use("a")), user()], **tools()}, "Expected toolResult blocks at messages.2"),
    (HAIKU_5, {"messages": [user(), model(), user(result("a"))], **tools()}, "exceeds the number of toolUse blocks"),
    (HAIKU_5, {"messages": [user(), model(use("a")), user(result("a"), result("a"))], **tools()}, "exceeds the number"),
    (HAIKU_5, {"messages": [user(), model(use("a"), use("a")), user(result("a"))], **tools()}, "ids must be unique"),
    (HAIKU_5, {"messages": [user(use("a"))], **tools()}, "only allowed in messages of the assistant role"),
    (HAIKU_5, {"messages": [user(), model(use("a")), user(result("a"))]}, "toolConfig field must be defined"),
    (
        HAIKU_5,
        cached("5m", "5m", "5m", "5m", "5m"),
        "A maximum of 4 blocks with cache_control may be provided. Found 5",
    ),
    (HAIKU_5, cached("5m", "1h"), "must not come after a ttl='5m'"),
    (HAIKU_5, {"guardrailConfig": {"guardrailIdentifier": "abc", "guardrailVersion": "1"}}, "does not exist"),
    # images
    (HAIKU_5, {"messages": [user(*[image(picture())] * 21)]}, "too many images: 21 > 20"),
    (HAIKU_5, {"messages": [user(image(picture((8001, 2))))]}, "max allowed size: 8000 pixels"),
    (HAIKU_5, {"messages": [user(image(picture() + b"\0" * 3_932_160))]}, "image exceeds 3.75 MB maximum"),
    (HAIKU_5, {"messages": [user(image(picture(), "jpeg"))]}, "does not match the provided media type image/jpeg"),
    (HAIKU_5, {"messages": [user(image(b"<svg/>"))]}, "Could not process image"),
    (HAIKU_5, {"messages": [user(image(picture((800, 800), "jpeg")[:-2000], "jpeg"))]}, "Could not process image"),
    (HAIKU_5, {"messages": [user(), model(image(picture())), user()]}, "only allowed in messages of the user role"),
    (
        HAIKU_5,
        {"messages": [user({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://photos/1.png"}}}})]},
        "takes images as bytes only",
    ),
]


@pytest.mark.parametrize(("model_id", "members"), ACCEPTED)
def test_what_claude_takes_is_answered(client: Any, model_id: str, members: dict[str, Any]) -> None:  # noqa: ANN401
    """The neighbours of the refusals pass, so that a refusal is for its own reason."""
    response = client.converse(modelId=model_id, **{"messages": [user()], **members})
    assert response["output"]["message"]["role"] == "assistant"


@pytest.mark.parametrize(("model_id", "members", "message"), REFUSED)
def test_what_claude_refuses_is_refused(
    client: Any,  # noqa: ANN401 - boto3 makes its clients at run time
    model_id: str,
    members: dict[str, Any],
    message: str,
) -> None:
    """Each rule of a model family answers 400 ValidationException in the service's words."""
    with pytest.raises(ClientError) as caught:
        client.converse(modelId=model_id, **{"messages": [user()], **members})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert message in caught.value.response["Error"]["Message"]
