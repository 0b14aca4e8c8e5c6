"""Puts answers and errors into the service's HTTP form, wrong in the ways that a fault asks for."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.sandbox.bedrock.answers import Answer
from workbench.sandbox.bedrock.faults import Fault
from workbench.sandbox.bedrock.wire import Refused, error_statuses


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer; `length` is what Content-Length promises where that is not the truth."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    length: int | None = None


def json_reply(document: object, status: int = 200) -> Reply:
    """A document as the service sends one."""
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4())}
    return Reply(status=status, body=json.dumps(document, ensure_ascii=False).encode(), headers=headers)


def refused(refusal: Refused) -> Reply:
    """The error answer in the style that Bedrock itself uses."""
    return _error(refusal.name, refusal.status, {"message": refusal.message}, header_style=True)


def failed(fault: Fault) -> Reply:
    """The error that the fault asks for."""
    status = fault.status or error_statuses().get(fault.error or "", 500)
    body: dict[str, object] = {"message": fault.message}
    if fault.error == "ModelErrorException":
        body |= {"originalStatusCode": 500, "resourceName": "stand-in"}
    reply = _error(fault.error, status, body, header_style=fault.header_style)
    return replace(reply, body=b"") if fault.empty_body else reply


def spoken(answer: Answer, usage: Mapping[str, Any], latency_ms: int, fault: Fault) -> Reply:
    """The answer of the model's place."""
    document: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": answer.content}},
        "stopReason": answer.stop_reason,
        "usage": usage,
        "metrics": {"latencyMs": latency_ms},
    }
    if fault.no_stop_reason:
        del document["stopReason"]
    whole = json_reply(document)
    if not fault.truncate:
        return whole
    promised = len(whole.body) if fault.truncate == "short" else None
    return replace(whole, body=whole.body[: len(whole.body) // 2], length=promised)


def _error(name: str | None, status: int, body: dict[str, object], *, header_style: bool) -> Reply:
    if name and not header_style:
        return json_reply({"__type": name, **body}, status)
    reply = json_reply(body, status)
    if not name:
        return reply
    kind = {"x-amzn-ErrorType": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return replace(reply, headers={**reply.headers, **kind})
