"""Requests and answers as values: what a question is, what Bedrock accepts of it, and what is read of an answer."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st
from images import encode, halves

from handler.checks import Violation
from handler.clients.aws_config import session
from handler.clients.bedrock import BedrockClient
from handler.converse import TOOL, Answer, Picture, Prefix, Request, digest, estimate_tokens, read_answer
from handler.deadline import Deadline
from handler.errors import ModelAnswerBroken
from handler.models import Usage, model_table
from handler.photos import prepare
from workbench.sandbox.bedrock import BedrockStandIn

MODELS = list(model_table().models)
CONVERSE = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape
SCHEMA = {
    "type": "object",
    "properties": {"Color": {"type": "array", "items": {"type": "string", "enum": ["black", "red", "unknown"]}}},
    "required": ["Color"],
    "additionalProperties": False,
}
SYSTEM = "Write in Korean. Write one paragraph of between 20 and 190 characters."
TEXT = 'Write the description.\n\n<product>\n{"name": "코튼 셔츠", "attributes": {"소재": "면 100%"}}\n</product>'
VIOLATION = Violation("toolong", "가", "Write fewer characters.", "깁니다.")
(PHOTO,) = prepare(encode(halves(56, 56), "PNG"))
PICTURE = Picture(PHOTO, "ab" * 32)
PREFIX = Prefix(SYSTEM, SCHEMA)
REQUEST = Request(f"global.{MODELS[0]}", Prefix(SYSTEM), TEXT)
CODES = replace(REQUEST, prefix=PREFIX, pictures=(PICTURE,))


@pytest.fixture(scope="module")
def bedrock() -> Iterator[BedrockStandIn]:
    with BedrockStandIn() as running:
        yield running


@pytest.fixture(scope="module")
def client(bedrock: BedrockStandIn) -> BedrockClient:
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", bedrock.url)
        return BedrockClient(session("us-east-1"), read_timeout=10, pool_size=1)


def ask(client: BedrockClient, request: Request) -> Answer:
    """The stand-in's answer; it refuses what Bedrock would refuse, and so does the SDK, which the function tells not to
    look."""
    body = request.body(model_table().find(request.model_id))
    assert CONVERSE is not None
    assert not ParamValidator().validate(body, CONVERSE).has_errors()
    return read_answer(client.converse(body, deadline=Deadline(30), before_retry=lambda: None), "event")


# What Bedrock accepts


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pictures", [(), (PICTURE,), (PICTURE, PICTURE._replace(part=1))])
@pytest.mark.parametrize("schema", [None, SCHEMA])
def test_every_model_accepts_the_question_and_its_follow_up(
    bedrock: BedrockStandIn,
    client: BedrockClient,
    model: str,
    pictures: tuple[Picture, ...],
    schema: Mapping[str, Any] | None,
) -> None:
    """Texts and codes, with and without pictures, asked and asked again, pass the rules of each model's family."""
    bedrock.reset()
    request = Request(f"global.{model}", Prefix(SYSTEM, schema), TEXT, pictures=pictures)
    answer = ask(client, request)
    assert bool(answer.tool_use) is (schema is not None)
    again = ask(client, request.after(answer, [VIOLATION]))
    assert again.stop_reason in {"end_turn", "tool_use"}
    for received in bedrock.requests:
        assert received.status == 200
        assert received.model_id == f"global.{model}"
        assert received.body["inferenceConfig"] == {"maxTokens": 500}
        images = [block for block in received.body["messages"][0]["content"] if "image" in block]
        assert received.body["messages"][0]["content"] == [*images, {"text": TEXT}]
        assert len(images) == len(pictures)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_that_only_talks_is_asked_again(bedrock: BedrockStandIn, client: BedrockClient, model: str) -> None:
    """Where the tool is only offered, a model may answer in words: the follow-up is a conversation, too."""
    bedrock.reset()
    bedrock.push({"text": "It is black."})
    request = replace(CODES, model_id=f"global.{model}")
    answer = Answer("end_turn", "It is black.", None, Usage())
    assert ask(client, request.after(answer, [VIOLATION])).stop_reason
    assert ask(client, request.after(answer._replace(text="  "), [VIOLATION])).tool_use
    assert [received.status for received in bedrock.requests] == [200, 200]


@pytest.mark.parametrize("model", MODELS)
def test_the_body_follows_the_model_s_row(model: str) -> None:
    """The tool is forced, thinking switched off, only where the model takes that; both are said in models.yaml."""
    row = model_table().models[model]
    body = replace(CODES, model_id=model).body(row)
    choices = {"forced": {"tool": {"name": TOOL}}, "auto": {"auto": {}}}
    assert body["toolConfig"]["toolChoice"] == choices[row.tool_choice]
    fields = body.get("additionalModelRequestFields")
    assert fields == ({"thinking": {"type": "disabled"}} if row.thinking == "disable" else None)
    assert "toolConfig" not in replace(CODES, prefix=Prefix(SYSTEM)).body(row)


@pytest.mark.parametrize("schema", [None, SCHEMA])
@pytest.mark.parametrize("model", MODELS)
def test_a_cache_point_follows_only_a_prefix_that_is_long_enough(model: str, schema: Mapping[str, Any] | None) -> None:
    """Below the model's minimum Bedrock would cache nothing; tools are part of the prefix."""
    row = model_table().models[model]
    other = estimate_tokens(json.dumps(schema)) if schema else 0
    short, long = ("가" * int((row.cache_minimum - other + more) / 1.3) for more in (-1, 2))
    bodies = [replace(REQUEST, prefix=Prefix(system, schema)).body(row) for system in (short, long)]
    assert bodies[0]["system"] == [{"text": short}]
    assert bodies[1]["system"] == [{"text": long}, {"cachePoint": {"type": "default"}}]


# Fingerprints


@given(text=st.text(st.characters(exclude_categories=["Cs"])), number=st.integers(1, 9999), again=st.booleans())
def test_a_fingerprint_is_the_digest_of_the_question(text: str, number: int, again: bool) -> None:
    """Written down here once more: another way to put it together would pay for every answer again."""
    request = replace(CODES, text=text, prefix=Prefix(text + SYSTEM, SCHEMA), max_tokens=number)
    if again:
        request = request.after(Answer("end_turn", "It is black.", None, Usage()), [VIOLATION])
    question = {
        "model": MODELS[0],
        "system": text + SYSTEM,
        "pictures": [["photo-1", "ab" * 32, 0]],
        "text": text,
        "tool": SCHEMA,
        "max_tokens": number,
        "follow_up": request.follow_up,
    }
    assert request.fingerprint == digest(question)


@pytest.mark.parametrize(
    "same",
    [
        replace(CODES, model_id=f"us.{MODELS[0]}"),
        replace(CODES, model_id=MODELS[0]),
        replace(CODES, model_id=f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.{MODELS[0]}"),
        replace(CODES, prefix=replace(PREFIX, tool_schema=dict(reversed(SCHEMA.items())))),
        replace(CODES, pictures=(PICTURE._replace(photo=PHOTO._replace(data=b"other bytes", width=28)),)),
    ],
)
def test_the_same_question_has_the_same_fingerprint(same: Request) -> None:
    """The profile, the order of keys and the photo's encoding change nothing in what the model answers from."""
    assert same.fingerprint == CODES.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(CODES, model_id=f"global.{MODELS[1]}"),
        replace(CODES, prefix=replace(PREFIX, system=SYSTEM + ".")),
        replace(CODES, text=TEXT + "."),
        replace(CODES, prefix=replace(PREFIX, tool_schema=None)),
        replace(CODES, prefix=replace(PREFIX, tool_schema={**SCHEMA, "required": []})),
        replace(CODES, max_tokens=501),
        CODES.longer(),
        replace(CODES, pictures=()),
        replace(CODES, pictures=(PICTURE._replace(source_sha256="cd" * 32),)),
        replace(CODES, pictures=(PICTURE._replace(part=1),)),
        replace(CODES, pictures=(PICTURE, PICTURE)),
        CODES.after(Answer("end_turn", "x", None, Usage()), [VIOLATION]),
    ],
)
def test_another_question_has_another_fingerprint(other: Request) -> None:
    """Model, prompt, tool, limit, source bytes and conversation are what the model answers from."""
    assert other.fingerprint != CODES.fingerprint


def test_follow_ups_differ_by_what_was_said_and_what_was_wrong() -> None:
    """A re-ask is a question of its own."""
    said = Answer("end_turn", "x", None, Usage())
    prints = {
        CODES.after(said, [VIOLATION]).fingerprint,
        CODES.after(said._replace(text="y"), [VIOLATION]).fingerprint,
        CODES.after(said, [VIOLATION, VIOLATION]).fingerprint,
    }
    assert len(prints) == 3
    assert CODES.after(said._replace(paid_by="another event"), [VIOLATION]).fingerprint in prints


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def turned(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The same JSON with every object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(value=JSON)
def test_a_digest_is_canonical(value: object) -> None:
    """The order of keys and a trip through JSON do not matter."""
    assert digest(value) == digest(turned(value)) == digest(json.loads(json.dumps(value)))


@given(one=JSON, other=JSON)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    """What JSON tells apart, so does the digest."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(one) == digest(other)) is same


def test_a_digest_is_the_same_for_ever() -> None:
    """The ledger keeps fingerprints for months: a change here would ask, and pay for, everything again."""
    canonical = '{"a":null,"나":[1,"가"]}'
    assert digest({"나": [1, "가"], "a": None}) == hashlib.sha256(canonical.encode()).hexdigest()


# Follow-ups


def test_a_follow_up_after_a_tool_call_answers_that_call() -> None:
    """The violations are the tool's error, and the model's own call stands before it."""
    call = {"toolUseId": "t-1", "name": TOOL, "input": {"Color": ["navy"]}}
    other = Violation("offtable", "navy", "Color: “navy” is not in the list.", "")
    assistant, user = CODES.after(Answer("tool_use", "Sure.", call, Usage()), [VIOLATION, other]).follow_up
    assert assistant == {"role": "assistant", "content": [{"toolUse": call}]}
    result = user["content"][0]["toolResult"]
    assert (result["toolUseId"], result["status"]) == ("t-1", "error")
    assert result["content"][0]["text"] == (
        "Your answer breaks these rules:\n- Write fewer characters.\n- Color: “navy” is not in the list.\n"
        "Answer again in full, mending only what these rules name."
    )


def test_a_follow_up_after_a_text_is_a_conversation() -> None:
    """The model's text, then what to mend."""
    assistant, user = REQUEST.after(Answer("end_turn", "글", None, Usage()), [VIOLATION]).follow_up
    assert assistant == {"role": "assistant", "content": [{"text": "글"}]}
    assert "- Write fewer characters." in user["content"][0]["text"]
    (empty, _) = REQUEST.after(Answer("end_turn", " \n", None, Usage()), [VIOLATION]).follow_up
    assert empty["content"] == [{"text": "(no answer)"}]


def test_more_room_is_twice_as_much() -> None:
    """A cut answer earns the same question with room for twice the words."""
    longer = REQUEST.longer()
    assert longer.max_tokens == 2 * REQUEST.max_tokens
    assert (longer.prefix, longer.text) == (REQUEST.prefix, REQUEST.text)


# Estimates


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd" * 10, 13), ("가" * 10, 13), ("가a" * 4, 7), ("中文", 3)]
)
def test_tokens_are_estimated_from_above(text: str, tokens: int) -> None:
    """1.3 for a Korean syllable or four Latin letters."""
    assert estimate_tokens(text) == tokens


@given(one=st.text(), other=st.text())
def test_more_text_is_never_fewer_tokens(one: str, other: str) -> None:
    """So nothing can be added to slip below a limit."""
    assert estimate_tokens(one + other) >= max(estimate_tokens(one), estimate_tokens(other))


def test_a_question_counts_all_that_is_sent() -> None:
    """System, text, tool, conversation, and each picture by its patches."""
    nothing = Prefix("")
    tool = estimate_tokens(json.dumps(SCHEMA))
    assert Request("m", nothing, "").estimated_tokens() == 0
    assert Request("m", Prefix("가" * 100), "").estimated_tokens() == 130
    assert Request("m", nothing, "가" * 100).estimated_tokens() == 130
    assert Request("m", Prefix("", SCHEMA), "").estimated_tokens() == tool > 40
    assert Request("m", nothing, "", pictures=(PICTURE, PICTURE)).estimated_tokens() == 2 * 4
    talk = REQUEST.after(Answer("", "가" * 100, None, Usage()), [])
    assert talk.estimated_tokens() > 130 + REQUEST.estimated_tokens()


# Answers

RESPONSE: dict[str, Any] = {
    "stopReason": "tool_use",
    "usage": {"inputTokens": 5, "outputTokens": 6, "totalTokens": 11},
    "output": {"message": {"role": "assistant", "content": [{"text": "안녕"}]}},
}


def saying(*blocks: Mapping[str, Any]) -> dict[str, Any]:
    return {**RESPONSE, "output": {"message": {"content": list(blocks)}}}


def test_an_answer_is_read_block_by_block() -> None:
    """Texts are joined, the first tool call counts with its three members, and other blocks are passed over."""
    call = {"toolUseId": "t-1", "name": TOOL, "input": {"Color": ["red"]}, "type": "server_tool_use"}
    answer = read_answer(
        saying(
            {"reasoningContent": {"reasoningText": {"text": "생각", "signature": "x"}}},
            {"text": "안"},
            {"SDK_UNKNOWN_MEMBER": {"name": "future"}},
            {"toolUse": call},
            {"text": "녕"},
            {"toolUse": {**call, "toolUseId": "t-2"}},
        ),
        "event",
    )
    tool_use = {"toolUseId": "t-1", "name": TOOL, "input": {"Color": ["red"]}}
    assert answer == Answer("tool_use", "안녕", tool_use, Usage(input=5, output=6), "event")


def test_cached_tokens_are_counted_where_they_are_named() -> None:
    """Without caching Bedrock leaves them out."""
    usage = {**RESPONSE["usage"], "cacheReadInputTokens": 7, "cacheWriteInputTokens": 8}
    assert read_answer({**RESPONSE, "usage": usage}, "").usage == Usage(input=5, output=6, cache_read=7, cache_write=8)


def test_a_null_member_is_a_missing_one() -> None:
    """As AWS has it (Smithy, "AWS restJson1"): gateways may write it out."""
    blocks = saying({"text": None}, {"toolUse": None, "text": "안녕"})
    usage = {**RESPONSE["usage"], "cacheReadInputTokens": None, "cacheWriteInputTokens": None}
    answer = read_answer({**blocks, "usage": usage}, "")
    assert (answer.text, answer.tool_use, answer.usage) == ("안녕", None, Usage(input=5, output=6))


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {key: RESPONSE[key] for key in ("stopReason", "usage")},
        {key: RESPONSE[key] for key in ("stopReason", "output")},
        {key: RESPONSE[key] for key in ("usage", "output")},
        {**RESPONSE, "output": {}},
        {**RESPONSE, "output": None},
        {**RESPONSE, "output": {"message": {"content": None}}},
        {**RESPONSE, "usage": {"inputTokens": 5}},
        {**RESPONSE, "usage": None},
        {**RESPONSE, "stopReason": None},
        {**RESPONSE, "usage": {"inputTokens": None, "outputTokens": 6}},
        saying({"text": 1}),
        saying({"toolUse": {"name": TOOL, "input": {}}}),
        saying({"toolUse": {"toolUseId": "t-1", "name": TOOL}}),
    ],
)
def test_an_answer_that_lacks_something_is_broken(broken: Mapping[str, Any]) -> None:
    """What a gateway cuts off or empties is no bug of ours, and never stored."""
    with pytest.raises(ModelAnswerBroken):
        read_answer(broken, "event")


@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    tool_input=JSON,
    numbers=st.tuples(*[st.integers(0, 10**9)] * 4),
)
def test_an_answer_survives_the_ledger(text: str, tool_input: object, numbers: tuple[int, int, int, int]) -> None:
    """What is stored is exactly what was said and paid."""
    usage = Usage(input=numbers[0], output=numbers[1], cache_read=numbers[2], cache_write=numbers[3])
    for tool_use in (None, {"toolUseId": "t", "name": TOOL, "input": tool_input}):
        answer = Answer("end_turn", text, tool_use, usage, "event")
        assert Answer.from_json(answer.to_json()) == answer
