"""`workbench try`: asks the model about one event, as the function would, and shows what came of it.

Spends money where the endpoint is Amazon's. Keeps no ledger and writes nothing to any product service.
"""

import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from handler.asking import Model
from handler.converse import Answer, Request
from handler.models import model_table
from handler.results import Result
from handler.settings import SettingsError
from workbench.event_file import WorkbenchError
from workbench.judging import output_lines, verdict
from workbench.rehearsal import Rehearsal

READ_SECONDS = 50.0
"""As the function waits for one answer."""
_ENDPOINTS = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL")
"""Where the AWS SDK looks for another address than Amazon's, in its order."""


def bedrock(environ: Mapping[str, str]) -> Model:
    """The function's own client, by the SDK's environment. Raises `WorkbenchError` where that does not do."""
    from handler.clients.aws_config import as_settings, session
    from handler.clients.bedrock import BedrockClient

    try:
        with as_settings():
            return BedrockClient(session(environ.get("AWS_REGION") or None), read_timeout=READ_SECONDS, pool_size=1)
    except SettingsError as error:
        en = f"{str(error).rstrip('.')}. What the function is told of AWS holds here, too"
        raise WorkbenchError(en, f"AWS 설정을 확인하세요. 함수와 같은 환경 변수를 읽습니다: {error}") from error


def place(environ: Mapping[str, str]) -> str:
    """Who is asked, in words: nobody must take a stand-in's text for a model's."""
    url = next((url for name in _ENDPOINTS if (url := environ.get(name))), "")
    if not url:
        return f"Amazon Bedrock in {environ.get('AWS_REGION') or 'the region of your AWS profile'}"
    return f"a stand-in at {url}, which is no model: judge the way, not the text" if _is_here(url) else url


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def account(tried: Rehearsal) -> Iterator[str]:
    """The story of one task: what was said, what was wrong, what was said then, what comes out and what it cost."""
    persona = f", persona {tried.persona}" if tried.persona else ""
    yield f"task {tried.task.name}{persona}, publish {tried.publication}, model {tried.task.model_id}"
    for number, answer in enumerate(tried.answers):
        if number:
            yield f"re-asked: {_re_ask(tried.requests[number])}"
        yield f"answer: {_said(answer)}"
        yield from verdict(tried.question.judge(answer))
    result, error = Result.of(tried.result), tried.result.error
    if error:
        yield f"{error.code}: {error.detail}. {error.title}"
    elif not tried.requests:
        yield f"not asked: {result.detail or 'the seller states it, or it does not apply'}"
    yield from output_lines(tried.result.judgement)
    usage = ", ".join(f"{name} {count}" for name, count in result.usage.model_dump(by_alias=True).items())
    calls = tried.result.bill.calls
    cost = f"USD {result.cost_usd:.6f}, prices of {model_table().prices_on}"
    yield f"{calls} paid call{'s' * (calls != 1)}: {usage}; {cost}"


def _said(answer: Answer) -> str:
    return json.dumps(answer.tool_use["input"], ensure_ascii=False) if answer.tool_use else answer.text


def _re_ask(request: Request) -> str:
    (block,) = request.follow_up[-1]["content"]
    content: Mapping[str, Any] = block["toolResult"]["content"][0] if "toolResult" in block else block
    return str(content["text"])
