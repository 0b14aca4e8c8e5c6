"""Rows: what a question costs by estimate, what the prompts add to a start, and how long their check takes."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from handler.converse import estimate_tokens
from handler.models import Usage, model_table
from workbench.bench import events, questions
from workbench.bench.questions import Asked
from workbench.bench.table import Goal, Row, spread
from workbench.function import ROOT
from workbench.sandbox.bedrock import models, usage

ROUNDS = 7
FRESH_TOKENS, STABLE_TOKENS = 650, 1800
USD_A_PRODUCT = 0.0002
LOAD_MS, CHECK_SECONDS = 25.0, 3.0
_LOAD = """
import time
began = time.perf_counter()
import handler.http_surface, handler.pipeline
import handler.clients.bedrock, handler.clients.photos, handler.clients.product_service
from handler.settings import Settings
from handler.task_folders import load_prompts
imported = time.perf_counter()
load_prompts(Settings.model_fields["prompts_dir"].default, Settings.model_fields["model_id"].default)
print(imported - began, time.perf_counter() - imported)
"""


def token_rows() -> list[Row]:
    """Both tasks, by `estimate_tokens` and photo patches, beside the stand-in's own count."""
    tasks = {"description": questions.description(), "attributes with photo": questions.attributes(events.photo())}
    return [row for name, asked in tasks.items() for row in _token_rows(name, asked)]


def _token_rows(name: str, asked: Asked) -> Iterator[Row]:
    """The prefix up to the cache point, what follows it, and the price of both with a warm cache."""
    request, table = asked.request, model_table()
    stable = request.prefix.tokens
    fresh = estimate_tokens(request.text) + sum(picture.photo.tokens for picture in request.pictures)
    output = estimate_tokens(json.dumps(list(asked.content.values()), ensure_ascii=False))
    cost = table.cost(request.model_id, Usage(input=fresh, output=output, cache_read=stable))
    counted = _counted(asked)
    for title, tokens, limit, beside in (
        ("tokens after the cache point", fresh, FRESH_TOKENS, counted.fresh),
        ("tokens of the stable prefix", stable, STABLE_TOKENS, counted.read),
    ):
        yield Row(
            title=f"{title}, {name}",
            value=tokens,
            unit="tokens",
            goal=Goal("<=", limit, of="value"),
            reference=beside,
            beside="the stand-in",
        )
    title = f"USD a product, {name}, warm cache, prices of {table.prices_on}"
    yield Row(title=title, value=float(cost), unit="USD", goal=Goal("<=", USD_A_PRODUCT, of="value"))


def _counted(asked: Asked) -> usage.PromptTokens:
    request = asked.request
    body = request.body(model_table().find(request.model_id))
    model = models.model_of(request.model_id)
    cache = usage.PromptCache()
    cache.count(body, model)
    return cache.count(body, model)


def prompt_rows(*, rounds: int = ROUNDS) -> list[Row]:
    """Each round in a fresh process; the first writes byte code and does not count."""
    imports, loads, checks = [], [], []
    for _ in range(rounds + 1):
        imported, loaded = map(float, _python("-c", _LOAD).split())
        imports.append(imported * 1000)
        loads.append(loaded * 1000)
        began = time.perf_counter()
        _python("-m", "workbench", "prompts")
        checks.append(time.perf_counter() - began)
    return [
        Row(
            title="load_prompts in a fresh process",
            value=statistics.median(loads[1:]),
            unit="ms",
            goal=Goal("<=", LOAD_MS, of="value"),
            reference=statistics.median(imports[1:]),
            beside="the imports before it",
            noise=spread(imports[1:]),
        ),
        Row(
            title="make prompts",
            value=statistics.median(checks[1:]),
            unit="s",
            goal=Goal("<=", CHECK_SECONDS, of="value"),
        ),
    ]


def _python(*arguments: str) -> str:
    env = {"PATH": os.environ.get("PATH", "")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout
