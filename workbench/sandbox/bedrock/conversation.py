"""What Bedrock and Claude refuse in the messages of a well-shaped Converse request; parameters and tools are in rules.

The messages are the service's own where they are known, so that what greps for them is exercised.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.sandbox.bedrock.models import Model
from workbench.sandbox.bedrock.photos import check_image
from workbench.sandbox.bedrock.wire import invalid

_FROM_MODEL = "The model returned the following errors: "
_CLAUDE_BLOCKS = {
    "text", "image", "document", "toolUse", "toolResult", "guardContent", "cachePoint", "reasoningContent",
    "citationsContent", "searchResult",
}  # fmt: skip
_MAX_CACHE_POINTS = 4
_MAX_IMAGES = 20


def check_conversation(request: Mapping[str, Any], model: Model) -> None:
    """Raises Refused with what the service would say first about turns, blocks, tool use, cache points or images."""
    _turns(request, model)
    _blocks(request)
    _tool_turns(request)
    _cache_points(request)
    _images(request)


def _turns(request: Mapping[str, Any], model: Model) -> None:
    messages = request.get("messages") or []
    roles = [message["role"] for message in messages]
    if not roles or roles[0] != "user":
        raise invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a "
            "user message."
        )
    if "system" in roles:
        raise invalid(_FROM_MODEL + 'messages: Unexpected role "system". Use the top-level `system` parameter.')
    if any(one == other for one, other in itertools.pairwise(roles)):
        raise invalid(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
            "between user and assistant roles and try again."
        )
    if roles[-1] == "assistant" and not model.prefill:
        raise invalid(
            _FROM_MODEL
            + "This model does not support assistant message prefill. The conversation must end with a user "
            "message."
        )


def _located(request: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each content block with its place and its speaker."""
    for turn, message in enumerate(request["messages"]):
        for index, block in enumerate(message["content"]):
            yield f"messages.{turn}.content.{index}", message["role"], block


def _blocks(request: Mapping[str, Any]) -> None:
    for turn, message in enumerate(request["messages"]):
        if not message["content"]:
            raise invalid(
                f"The content field in the Message object at messages.{turn} is empty. Add a ContentBlock object to "
                "the content field and try again."
            )
    for place, role, block in _located(request):
        kind = next(iter(block))
        if kind not in _CLAUDE_BLOCKS:
            raise invalid(f"{_FROM_MODEL}{place}: This model doesn't support the {kind} content block.")
        if kind == "text" and not block["text"].strip():
            raise invalid(
                f"The text field in the ContentBlock object at {place} is blank. Add text to the text field, "
                "and try again."
            )
        if role == "assistant" and kind in {"image", "document", "toolResult"}:
            raise invalid(f"{kind} at {place} is only allowed in messages of the user role.")
        if role == "user" and kind in {"toolUse", "reasoningContent"}:
            raise invalid(f"{kind} at {place} is only allowed in messages of the assistant role.")
    for block in request.get("system", []):
        if "text" in block and not block["text"].strip():
            raise invalid(f"{_FROM_MODEL}system: text content blocks must contain non-whitespace text")


def _tool_turns(request: Mapping[str, Any]) -> None:
    uses = results = False
    asked: list[str] = []
    for turn, message in enumerate(request["messages"]):
        given = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        missing = [name for name in asked if name not in given]
        if missing:
            raise invalid(
                f"Expected toolResult blocks at messages.{turn}.content for the following Ids: {', '.join(missing)}"
            )
        if len(given) > len(asked) or set(given) - set(asked):
            raise invalid(
                f"The number of toolResult blocks at messages.{turn}.content exceeds the number of toolUse blocks of "
                "previous turn."
            )
        asked = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        if len(set(asked)) < len(asked):
            raise invalid(f"{_FROM_MODEL}messages.{turn}: `tool_use` ids must be unique")
        uses, results = uses or bool(asked), results or bool(given)
    if asked:
        raise invalid(f"Expected toolResult blocks after the last message for the following Ids: {', '.join(asked)}")
    if (uses or results) and "toolConfig" not in request:
        raise invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")


def _cache_points(request: Mapping[str, Any]) -> None:
    holders = [
        *request.get("toolConfig", {}).get("tools", []),
        *request.get("system", []),
        *(block for _, _, block in _located(request)),
    ]
    lifetimes = [holder["cachePoint"].get("ttl", "5m") for holder in holders if "cachePoint" in holder]
    if len(lifetimes) > _MAX_CACHE_POINTS:
        raise invalid(f"{_FROM_MODEL}A maximum of 4 blocks with cache_control may be provided. Found {len(lifetimes)}.")
    if "5m" in lifetimes and "1h" in lifetimes[lifetimes.index("5m") :]:
        raise invalid(
            f"{_FROM_MODEL}a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block."
        )


def _images(request: Mapping[str, Any]) -> None:
    images = [(place, block["image"]) for place, _, block in _located(request) if "image" in block]
    if len(images) > _MAX_IMAGES:
        raise invalid(f"{_FROM_MODEL}messages: too many images: {len(images)} > {_MAX_IMAGES}")
    for place, image in images:
        if "bytes" not in image["source"]:
            raise invalid(f"{_FROM_MODEL}{place}.image.source: this model takes images as bytes only")
        problem = check_image(image["source"]["bytes"], image["format"])
        if problem:
            raise invalid(f"{_FROM_MODEL}{place}.image.source.base64: {problem}")
