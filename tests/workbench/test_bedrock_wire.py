"""The Bedrock stand-in reads the wire as the service model of botocore says, and asks for a signature."""

import base64
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from workbench.sandbox.bedrock import BedrockStandIn

HAIKU = "global.anthropic.claude-haiku-4-5-20251001-v1%3A0"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/bedrock/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date, Signature={'0' * 64}",
    "X-Amz-Date": "20261122T000000Z",
}
HELLO = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
TOOL = {"name": "record", "inputSchema": {"json": {"type": "object"}}}


@pytest.fixture(scope="module")
def bedrock() -> Iterator[BedrockStandIn]:
    with BedrockStandIn() as running:
        yield running


def post(bedrock: BedrockStandIn, body: object, model: str = HAIKU, **headers: str) -> requests.Response:
    return requests.post(f"{bedrock.url}/model/{model}/converse", json=body, headers={**SIGNED, **headers}, timeout=10)


def said(block: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [block]}]}


def test_a_well_formed_request_is_answered(bedrock: BedrockStandIn) -> None:
    """The base of all refusals below: this body is accepted."""
    response = post(bedrock, HELLO)
    assert response.status_code == 200
    assert response.json()["stopReason"] == "end_turn"
    assert response.headers["x-amzn-requestid"]


def test_null_is_absence(bedrock: BedrockStandIn) -> None:
    """A member that is null counts as not sent, as everywhere in rest-json."""
    assert post(bedrock, {**HELLO, "system": None, "inferenceConfig": {"maxTokens": None}}).status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**HELLO, "sistem": []}, "#: extraneous key [sistem] is not permitted"),
        ({**HELLO, "modelId": "x"}, "extraneous key [modelId]"),
        (
            {"messages": [{"role": "user", "content": [{"text": "a"}], "name": "b"}]},
            "#/messages/0: extraneous key [name]",
        ),
        (said({"image": {"format": "png", "source": {"bytes": "AAAA"}, "alt": "x"}}), "extraneous key [alt]"),
        ({"messages": "hello"}, "#/messages: expected a list"),
        ({"messages": [[]]}, "#/messages/0: expected an object"),
        (said({"text": 7}), "#/messages/0/content/0/text: expected a string"),
        ({**HELLO, "inferenceConfig": {"maxTokens": "5"}}, "expected a value of type integer"),
        ({**HELLO, "inferenceConfig": {"maxTokens": True}}, "expected a value of type integer"),
        ({**HELLO, "inferenceConfig": {"temperature": "hot"}}, "expected a value of type float"),
        ({**HELLO, "toolConfig": {"tools": [{"toolSpec": {**TOOL, "strict": 1}}]}}, "expected a boolean"),
        ({**HELLO, "requestMetadata": []}, "#/requestMetadata: expected a map"),
        ({"messages": [{"role": "robot", "content": [{"text": "a"}]}]}, "enum value set: [user, assistant, system]"),
        (said({"image": {"format": "bmp", "source": {"bytes": "AAAA"}}}), "enum value set: [png, jpeg, gif, webp]"),
        (
            {"messages": [{"role": "user"}]},
            "'messages.0.content' failed to satisfy constraint: Member must not be null",
        ),
        ({**HELLO, "toolConfig": {"tools": [{"toolSpec": {"name": "a"}}]}}, "inputSchema' failed"),
        ({**HELLO, "inferenceConfig": {"maxTokens": 0}}, "greater than or equal to 1"),
        ({**HELLO, "inferenceConfig": {"temperature": 2.0}}, "less than or equal to 1"),
        ({**HELLO, "inferenceConfig": {"stopSequences": [""]}}, "length greater than or equal to 1"),
        ({**HELLO, "requestMetadata": {"k" * 257: "v"}}, "length less than or equal to 256"),
        ({**HELLO, "requestMetadata": {str(n): "v" for n in range(17)}}, "length less than or equal to 16"),
        ({**HELLO, "requestMetadata": {"product": "티셔츠"}}, "regular expression pattern"),
        ({**HELLO, "toolConfig": {"tools": [{"toolSpec": {**TOOL, "name": "색상 기록"}}]}}, "pattern: [a-zA-Z0-9_-]+"),
        (said({"text": "a", "cachePoint": {"type": "default"}}), "exactly one of text, image"),
        (said({}), "exactly one of text, image"),
        (said({"image": {"format": "png", "source": {"bytes": "no base64!"}}}), "expected a base64 string"),
        ("hello", "expected a JSON object"),
    ],
)
def test_what_the_service_model_forbids_is_refused(bedrock: BedrockStandIn, body: object, message: str) -> None:
    """Unknown members, wrong types, enums, ranges, patterns, unions and missing members: 400 ValidationException."""
    response = post(bedrock, body)
    assert response.status_code == 400
    assert response.headers["x-amzn-ErrorType"].startswith("ValidationException:")
    assert message in response.json()["message"]


def test_a_body_that_is_not_json_is_refused(bedrock: BedrockStandIn) -> None:
    """Half a document is a ValidationException, and the connection stays usable."""
    with requests.Session() as session:
        url = f"{bedrock.url}/model/{HAIKU}/converse"
        assert session.post(url, data=b'{"messages": [', headers=SIGNED, timeout=10).status_code == 400
        assert session.post(url, json=HELLO, headers=SIGNED, timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("model", "status", "name"),
    [
        ("global.anthropic.claude-haiku-5-5", 200, ""),
        ("us-gov.anthropic.claude-haiku-5-5", 200, ""),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile%2Fus.anthropic.claude-sonnet-5", 200, ""),
        ("anthropic.claude-haiku-5-5", 400, "ValidationException"),
        ("in.anthropic.claude-haiku-5-5", 404, "ResourceNotFoundException"),
        ("global.anthropic.claude-haiku-9", 404, "ResourceNotFoundException"),
        ("anthropic.claude-3-haiku-20240307-v1%3A0", 404, "ResourceNotFoundException"),
        ("haiku", 400, "ValidationException"),
        ("%20", 400, "ValidationException"),
    ],
)
def test_a_model_is_named_by_its_inference_profile(bedrock: BedrockStandIn, model: str, status: int, name: str) -> None:
    """Base ids that only profiles serve are 400, retired and unknown models 404."""
    response = post(bedrock, HELLO, model)
    assert response.status_code == status
    assert response.headers.get("x-amzn-ErrorType", "").split(":")[0] == name


def test_a_base_id_is_told_to_use_a_profile(bedrock: BedrockStandIn) -> None:
    """The message is the one that AWS gives for a model without on-demand throughput."""
    assert "with on-demand throughput isn't supported" in post(bedrock, HELLO, "anthropic.claude-opus-5-5").text


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        ("", "MissingAuthenticationTokenException"),
        ("Basic dTpw", "IncompleteSignatureException"),
        (SIGNED["Authorization"].replace("/bedrock/", "/bedrock-runtime/"), "InvalidSignatureException"),
    ],
)
def test_a_call_without_a_signature_is_forbidden(bedrock: BedrockStandIn, authorization: str, name: str) -> None:
    """SigV4 for the service `bedrock` is asked for; its secret cannot be checked."""
    response = post(bedrock, HELLO, Authorization=authorization)
    assert response.status_code == 403
    assert response.headers["x-amzn-ErrorType"].startswith(f"{name}:")


def test_an_unknown_path_is_an_unknown_operation(bedrock: BedrockStandIn) -> None:
    """Only Converse is spoken, and the answer says who speaks."""
    response = requests.post(f"{bedrock.url}/model/{HAIKU}/invoke", json={}, headers=SIGNED, timeout=10)
    assert response.status_code == 404
    assert "stand-in, not a model" in response.json()["message"]


def test_the_log_holds_what_came(bedrock: BedrockStandIn) -> None:
    """A request is recorded with its model id unquoted, its body as JSON and the status that it was answered with."""
    bedrock.reset()
    body = said({"image": {"format": "png", "source": {"bytes": base64.b64encode(b"no image").decode()}}})
    post(bedrock, HELLO)
    post(bedrock, body)
    first, second = bedrock.requests
    assert (first.model_id, first.body, first.status) == ("global.anthropic.claude-haiku-4-5-20251001-v1:0", HELLO, 200)
    assert (second.body, second.status) == (body, 400)
    assert 0 < first.at <= second.at


def test_the_stand_in_knows_nothing_of_the_function() -> None:
    """It is the other side of the wire: importing it loads no module of handler."""
    probe = "import sys, workbench.sandbox.bedrock; print([name for name in sys.modules if name.startswith('handler')])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
