"""Answers in the model's place: copy where no tool is offered, a tool's input where one is. It never sees the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.sandbox.bedrock.copywriting import compose
from workbench.sandbox.bedrock.faults import Fault
from workbench.sandbox.bedrock.labels import tool_input
from workbench.sandbox.bedrock.question import question_of
from workbench.sandbox.bedrock.usage import text_tokens


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The content blocks, why they end, and what they cost in output tokens."""

    content: list[dict[str, Any]]
    stop_reason: str
    tokens: int


def answer_to(request: Mapping[str, Any], fault: Fault, *, max_tokens: int) -> Answer:
    """The answer to a request that the service accepts, bent as the fault asks."""
    spec = _offered_tool(request)
    if fault.text is not None:
        answer = _said(fault.text, request, max_tokens)
    elif fault.tool_input is not None or spec is not None:
        answer = _used(request, spec, fault.tool_input, max_tokens)
    else:
        answer = _said(compose(question_of(request)), request, max_tokens)
    before: list[dict[str, Any]] = []
    if fault.reasoning_first:
        thought = "The stand-in does not think; this block only stands first."
        before.append({"reasoningContent": {"reasoningText": {"text": thought, "signature": "stand-in"}}})
    if fault.unknown_block:
        before.append({"blockOfTomorrow": {"text": "A block that this SDK does not know."}})
    stop_reason = fault.stop_reason or answer.stop_reason
    return replace(answer, content=[*before, *answer.content], stop_reason=stop_reason)


def _offered_tool(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The tool that is forced, else the first one offered."""
    config = request.get("toolConfig", {})
    forced = config.get("toolChoice", {}).get("tool", {}).get("name")
    specs = [tool["toolSpec"] for tool in config.get("tools", []) if "toolSpec" in tool]
    return next((spec for spec in specs if forced in (None, spec["name"])), None)


def _said(text: str, request: Mapping[str, Any], max_tokens: int) -> Answer:
    stop_reason = "end_turn"
    for stop in request.get("inferenceConfig", {}).get("stopSequences", []):
        if stop in text:
            text, stop_reason = text[: text.index(stop)], "stop_sequence"
    if text_tokens(text) > max_tokens:
        while text_tokens(text) > max_tokens:
            text = text[:-1]
        stop_reason = "max_tokens"
    return Answer(content=[{"text": text}], stop_reason=stop_reason, tokens=text_tokens(text))


def _used(
    request: Mapping[str, Any], spec: Mapping[str, Any] | None, dictated: dict[str, Any] | None, max_tokens: int
) -> Answer:
    given = dictated if dictated is not None or spec is None else tool_input(spec, question_of(request))
    tokens = text_tokens(json.dumps(given, ensure_ascii=False))
    cut = tokens > max_tokens
    use = {
        "toolUseId": f"tooluse_standin{len(request['messages'])}",
        "name": spec["name"] if spec else "tool",
        "input": {} if cut else given,
    }
    return Answer(
        content=[{"toolUse": use}],
        stop_reason="max_tokens" if cut else "tool_use",
        tokens=min(tokens, max_tokens),
    )
