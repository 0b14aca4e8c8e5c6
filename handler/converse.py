"""The conversation with the model, as values: the request with its fingerprint, and the answer. Pure.

Wire format: Bedrock's Converse API (AWS API reference, bedrock-runtime 2023-09-30).
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from handler.checks import Violation
from handler.errors import ModelAnswerBroken
from handler.models import Model, Usage, bare_id
from handler.photos import RECIPE, Photo

JsonObject = Mapping[str, Any]
TOOL = "record_attributes"


class Picture(NamedTuple):
    """One image of a request. It enters the fingerprint by its source, so that a new decoder asks nothing again."""

    photo: Photo
    source_sha256: str
    part: int = 0
    """Which tile of the source this is."""


@dataclass(frozen=True)  # no slots: what is derived from it is kept
class Prefix:
    """What comes first in a question, the same for many products: what Bedrock can cache."""

    system: str
    tool_schema: JsonObject | None = None
    """What the answer tool takes; None asks for text."""

    @cached_property
    def canonical_system(self) -> str:
        return canonical(self.system)

    @cached_property
    def canonical_tool(self) -> str:
        return canonical(self.tool_schema)

    @cached_property
    def tokens(self) -> int:
        """At most, of system prompt and tool."""
        tool = "" if self.tool_schema is None else json.dumps(self.tool_schema, ensure_ascii=False)
        return estimate_tokens(self.system) + estimate_tokens(tool)


@dataclass(frozen=True)  # as above
class Request:
    """One question to the model. Equal fingerprints mean: the same question, so the same answer serves."""

    model_id: str
    prefix: Prefix
    text: str
    """The user's turn, after the pictures."""
    pictures: tuple[Picture, ...] = ()
    max_tokens: int = 500
    follow_up: tuple[JsonObject, ...] = ()
    """Turns after the user's first one: the answer that broke rules, and what to mend."""
    grown: bool = False
    """Whether it was made longer: a question earns that once, its re-ask included."""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over canonical JSON of what the model answers from: not the profile, metadata or cache points."""
        question = {  # in the order of their names, as canonical JSON has them
            "follow_up": canonical(self.follow_up),
            "max_tokens": canonical(self.max_tokens),
            "model": canonical(bare_id(self.model_id)),
            "pictures": canonical([[RECIPE, picture.source_sha256, picture.part] for picture in self.pictures]),
            "system": self.prefix.canonical_system,
            "text": canonical(self.text),
            "tool": self.prefix.canonical_tool,
        }
        return _sha256("{" + ",".join(f'"{name}":{value}' for name, value in question.items()) + "}")

    def body(self, model: Model) -> dict[str, Any]:
        """The question to a model of this kind as the SDK's `converse` takes it: with its id, bytes as bytes."""
        pictures = [
            {"image": {"format": picture.photo.format, "source": {"bytes": picture.photo.data}}}
            for picture in self.pictures
        ]
        system: list[JsonObject] = [{"text": self.prefix.system}]
        if self.prefix.tokens >= model.cache_minimum:
            # Tools come before the system prompt in the cached prefix (AWS, "Prompt caching"): one point serves both.
            system.append({"cachePoint": {"type": "default"}})
        body: dict[str, Any] = {
            "modelId": self.model_id,
            "system": system,
            "messages": [{"role": "user", "content": [*pictures, {"text": self.text}]}, *self.follow_up],
            "inferenceConfig": {"maxTokens": self.max_tokens},
        }
        schema = self.prefix.tool_schema
        if schema is not None:
            body["toolConfig"] = {
                "tools": [{"toolSpec": {"name": TOOL, "description": _TOOL_USE, "inputSchema": {"json": schema}}}],
                "toolChoice": {"tool": {"name": TOOL}} if model.tool_choice == "forced" else {"auto": {}},
            }
        if model.thinking == "disable":
            body["additionalModelRequestFields"] = {"thinking": {"type": "disabled"}}
        return body

    def estimated_tokens(self) -> int:
        """What the question costs at most, uncached: text by `estimate_tokens`, pictures by their 28-pixel patches."""
        talk = json.dumps(self.follow_up, ensure_ascii=False) if self.follow_up else ""
        fresh = estimate_tokens(self.text) + estimate_tokens(talk)
        return self.prefix.tokens + fresh + sum(picture.photo.tokens for picture in self.pictures)

    def longer(self) -> "Request":
        """The same question with room for an answer twice as long."""
        return replace(self, max_tokens=2 * self.max_tokens, grown=True)

    def after(self, answer: "Answer", violations: Sequence[Violation]) -> "Request":
        """The re-ask in the same conversation: what the model said, and what to mend."""
        advice = "\n".join(f"- {violation.en}" for violation in violations)
        ask = f"Your answer breaks these rules:\n{advice}\nAnswer again in full, mending only what these rules name."
        said: list[JsonObject] = []
        reply: list[JsonObject] = [{"text": ask}]
        if answer.tool_use is not None:
            said = [{"toolUse": answer.tool_use}]
            reply = [
                {
                    "toolResult": {
                        "toolUseId": answer.tool_use["toolUseId"],
                        "status": "error",
                        "content": [{"text": ask}],
                    }
                }
            ]
        elif answer.text.strip():
            said = [{"text": answer.text}]
        else:
            said = [{"text": "(no answer)"}]  # Converse accepts no empty turn
        return replace(self, follow_up=({"role": "assistant", "content": said}, {"role": "user", "content": reply}))


_TOOL_USE = "Records the attributes of the product. Call it exactly once."


class Answer(NamedTuple):
    """What the model said to one request; the ledger remembers exactly this."""

    stop_reason: str
    text: str
    tool_use: JsonObject | None
    """`{toolUseId, name, input}` of the first tool call."""
    usage: Usage
    paid_by: str = ""
    """The event that paid for it."""

    def to_json(self) -> str:
        return json.dumps(
            {
                "stopReason": self.stop_reason,
                "text": self.text,
                "toolUse": self.tool_use,
                "usage": self.usage.model_dump(),
                "paidBy": self.paid_by,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> "Answer":
        value = json.loads(text)
        return cls(value["stopReason"], value["text"], value["toolUse"], Usage(**value["usage"]), value["paidBy"])


def read_answer(response: JsonObject, paid_by: str) -> Answer:
    """Reads a Converse response, block by block and by key: unknown and reasoning blocks are passed over.

    A member that is null is missing. Raises `ModelAnswerBroken` where one that is needed is missing or something else.
    """
    try:
        stop_reason, usage = response["stopReason"], response["usage"]
        if not isinstance(stop_reason, str):
            raise KeyError("stopReason")
        blocks = response["output"]["message"]["content"]
        return Answer(
            stop_reason=stop_reason,
            text="".join(text for block in blocks if (text := block.get("text"))),
            tool_use=next((_tool_use(called) for block in blocks if (called := block.get("toolUse"))), None),
            usage=Usage(
                input=usage["inputTokens"],
                output=usage["outputTokens"],
                cache_read=usage.get("cacheReadInputTokens") or 0,
                cache_write=usage.get("cacheWriteInputTokens") or 0,
            ),
            paid_by=paid_by,
        )
    except KeyError as error:
        raise ModelAnswerBroken(f"Bedrock's answer lacks {error}") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise ModelAnswerBroken(f"Bedrock's answer has another form: {type(error).__name__}") from error


def _tool_use(block: JsonObject) -> JsonObject:
    return {key: block[key] for key in ("toolUseId", "name", "input")}


def canonical(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, not escaped."""
    return _ENCODER.encode(value)


def digest(value: object) -> str:
    """SHA-256, in hex, of the value's canonical JSON."""
    return _sha256(canonical(value))


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def estimate_tokens(text: str) -> int:
    """An upper estimate for the Claude 5 tokenizer: 1.3 a CJK character, 1.3 for four others."""
    wide = sum(map(len, _WIDE.findall(text)))
    return math.ceil(1.3 * (wide + (len(text) - wide) / 4))


_WIDE = re.compile("[\u1100-\U0010ffff]+")
