"""The two questions of a bench as the function asks them, and what the stand-in answers. Asks nobody."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from handler.converse import Picture, Request
from handler.events import ProductData
from handler.facts import facts_of
from handler.photos import prepare
from handler.question import question_of
from handler.settings import Settings
from handler.task_folders import load_prompts
from handler.tasks import Prompts
from workbench.bench.events import product
from workbench.function import ROOT

COPY = (
    "새로 나온 상품을 소개할게요. 일상 속 어느 순간에 함께할지 상상해 보는 것도 즐거워요. 작은 정보까지 챙겨 보면 "
    "고르는 시간이 더 즐거워져요. 취향은 모두 다르니까 나만의 기준으로 골라 보세요. 오늘 코디를 가볍게 마무리해 보세요."
)
"""It claims nothing, so that it passes the checks for every product."""


@dataclass(frozen=True)
class Asked:
    """A task's question with an answer that passes."""

    request: Request
    content: dict[str, Any]
    """The content block that answers it."""

    @property
    def response(self) -> bytes:
        """Converse's body."""
        usage = {"inputTokens": 500, "outputTokens": 150, "totalTokens": 650}
        message = {"role": "assistant", "content": [self.content]}
        stop = "tool_use" if "toolUse" in self.content else "end_turn"
        whole = {"output": {"message": message}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 1}}
        return json.dumps(whole, ensure_ascii=False).encode()


@cache
def prompts() -> Prompts:
    """The task folders that ship."""
    return load_prompts(ROOT / "prompts", Settings.model_fields["model_id"].default)


def description() -> Asked:
    return Asked(_request("description", ()), {"text": COPY})


def attributes(photo: bytes) -> Asked:
    request = _request("attributes", tuple(Picture(part, "", number) for number, part in enumerate(prepare(photo))))
    tool = request.prefix.tool_schema
    assert tool is not None  # noqa: S101 - the task's output is codes
    labels = {name: [_first_label(schema)] for name, schema in tool["properties"].items()}
    return Asked(request, {"toolUse": {"toolUseId": "bench", "name": "record_attributes", "input": labels}})


def _request(task_name: str, pictures: tuple[Picture, ...]) -> Request:
    task = next(task for task in prompts().tasks if task.name == task_name)
    facts = facts_of(ProductData.model_validate(product("bench", name="1")), prompts().noise)
    request = question_of(task, facts, "ko").request(pictures)
    assert request is not None  # noqa: S101 - the seller states no code
    return request


def _first_label(schema: dict[str, Any]) -> str:
    label: str = schema["items"]["enum"][0]
    return label
