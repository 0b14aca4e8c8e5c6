"""What the model's stand-in would say of a product today, asked by the function's own question, away from all gates."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from handler.converse import Answer, Picture, Request, read_answer
from handler.events import ProductData
from handler.facts import facts_of
from handler.models import Usage, model_table
from handler.photos import prepare
from handler.question import question_of
from handler.task_folders import load_prompts
from workbench.function import ROOT
from workbench.soak.bedrock_gate import sha256
from workbench.soak.schedule import GARBAGE

MODEL_ID = "global.anthropic.claude-haiku-5-5"


class Expectation:
    """What is to stand in the shop; asks the stand-in at `bedrock_url` once for each distinct question."""

    def __init__(self, bedrock_url: str) -> None:
        self._prompts = load_prompts(ROOT / "prompts", MODEL_ID)
        self._tasks = {task.name: task for task in self._prompts.tasks}
        self._client = boto3.client(
            "bedrock-runtime",
            endpoint_url=bedrock_url,
            region_name="us-east-1",
            aws_access_key_id="soak",
            aws_secret_access_key="soak",  # noqa: S106 - the stand-in takes any
        )
        self._said: dict[str, Answer] = {}

    def owed(self, event_type: str) -> list[str]:
        """The tasks that an event of this name owes."""
        return [task.name for task in self._prompts.owed(event_type)]

    def outputs(self, task_name: str, data: dict[str, Any]) -> list[Any]:
        """What may stand there for these facts: the output of the first answer, or of the re-ask."""
        product = ProductData.model_validate(data)
        question = question_of(self._tasks[task_name], facts_of(product, self._prompts.noise), product.language)
        pictures: tuple[Picture, ...] = ()
        if self._tasks[task_name].file.images != "none":
            pictures = tuple(map(_picture, product.image_urls[:1]))
        request = question.request(pictures)
        if request is None:
            return [question.judge(None).output]
        garbage = Answer("end_turn", GARBAGE, None, Usage())
        again = request.after(garbage, question.judge(garbage).violations)
        return [question.judge(self._ask(each)).output for each in (request, again)]

    def _ask(self, request: Request) -> Answer:
        if request.fingerprint not in self._said:
            body = request.body(model_table().find(request.model_id))
            self._said[request.fingerprint] = read_answer(self._client.converse(**body), "")
        return self._said[request.fingerprint]._replace(paid_by="")


@cache
def _picture(url: str) -> Picture:
    source = (Path(ROOT) / "samples/images" / Path(urlsplit(url).path).name).read_bytes()
    [photo] = prepare(source)
    return Picture(photo, sha256(source))
