"""What a model call costs in tokens and USD, by the real task folders and the sample events. It reads those files only.

Tokens are estimates, and upper ones (`handler.converse.estimate_tokens`, photos by their patches): no model is asked.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from handler.converse import Picture, Request, estimate_tokens
from handler.events import ProductData
from handler.facts import facts_of
from handler.models import Usage, model_table
from handler.photos import prepare
from handler.question import question_of
from handler.tasks import Prompts, Task
from workbench.sizing.plan import Call

IMAGES_URL = "http://samples/images"
"""Stands for IMAGES_URL in the samples; the files lie beside them."""


def calls_of(prompts: Prompts, samples: Path, *, tasks: Sequence[str] = ()) -> tuple[Call, ...]:
    """One call for each of `tasks`, or for all there are: the longest question that a sample event puts.

    Raises `ValueError` where a task is not known or no sample asks it.
    """
    known = {task.name: task for task in prompts.tasks}
    if unknown := sorted(set(tasks) - set(known)):
        raise ValueError(f"no task is called {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(_call(task, prompts, samples) for name, task in known.items() if not tasks or name in tasks)


def _call(task: Task, prompts: Prompts, samples: Path) -> Call:
    requests = list(_requests(task, prompts, samples))
    if not requests:
        raise ValueError(f"no event of {samples.name}/ asks task {task.name}; add one")
    request = max(requests, key=Request.estimated_tokens)
    table = model_table()
    cached = any("cachePoint" in block for block in request.body(table.find(request.model_id))["system"])
    prefix = request.prefix.tokens if cached else 0
    fresh = request.estimated_tokens() - prefix
    output = max((_answer_tokens(example.answer) for example in task.examples), default=request.max_tokens)
    return Call(
        task=task.name,
        prefix=prefix,
        fresh=fresh,
        output=output,
        max_tokens=request.max_tokens,
        usd_warm=table.cost(request.model_id, Usage(input=fresh, cache_read=prefix, output=output)),
        usd_cold=table.cost(request.model_id, Usage(input=fresh + prefix, output=output)),
    )


def _requests(task: Task, prompts: Prompts, samples: Path) -> Iterator[Request]:
    for path in sorted(samples.glob("*.json")):
        event = json.loads(path.read_text(encoding="utf-8").replace("IMAGES_URL", IMAGES_URL))
        if event["type"] not in task.file.events:
            continue
        product = ProductData.model_validate(event["data"])
        question = question_of(task, facts_of(product, prompts.noise), product.language)
        if request := question.request(tuple(_pictures(task, product, samples))):
            yield request


def _pictures(task: Task, product: ProductData, samples: Path) -> Iterator[Picture]:
    if task.file.images == "none":
        return
    for url in product.image_urls[: task.file.images.max]:
        source = (samples / "images" / url.rpartition("/")[2]).read_bytes()
        for part, photo in enumerate(prepare(source, tile=task.file.images.strips == "tile")):
            yield Picture(photo, hashlib.sha256(source).hexdigest(), part)


def _answer_tokens(answer: str | dict[str, tuple[str, ...]]) -> int:
    return estimate_tokens(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
