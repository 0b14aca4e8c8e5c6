"""`workbench render`: exactly what the model would see of one event, as text to read. Asks nothing."""

import base64
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from handler.converse import Request, estimate_tokens
from handler.errors import InputTooLarge
from handler.models import model_table
from handler.results import Result
from workbench.rehearsal import Rehearsal


def page(shown: Rehearsal, *, folder: Path) -> str:
    """What is asked, with all that decides about it, and why nothing is asked where nothing is.

    `folder` is where `save_pictures` puts the pictures.
    """
    lines = [
        f"task         {shown.task.name}" + (f", persona {shown.persona}" if shown.persona else ""),
        f"publish      {shown.publication}",
        f"model        {shown.task.model_id}",
        f"fingerprint  {shown.result.fingerprint or 'none'}",
        f"edition      {shown.task.edition}",
    ]
    if not shown.requests:
        return "\n".join([*lines, "", *_reason(shown)])
    request = shown.requests[0]
    before, after = prompt_tokens(request)
    cached = "before the cache point" if _caches(request) else "before the product, too few to be cached"
    lines.append(f"tokens       {before} {cached}, {after} after it, at most (an estimate)")
    if shown.publication == "off":
        lines.append("not asked    task.yaml publishes nothing for this category")
    if isinstance(shown.result.error, InputTooLarge):
        lines += _reason(shown)
    if settled := _settled(shown, request):
        lines.append(f"settled      {settled}")
    lines += [f"picture {number}    {file}" for number, file in enumerate(picture_files(shown, folder), 1)]
    return "\n".join([*lines, "", request_text(request)])


def request_text(request: Request) -> str:
    """The request as the model reads it: tool, system, what is cached up to here, pictures, product; then the rest."""
    return "\n".join(_blocks(request))


def _blocks(request: Request) -> Iterator[str]:
    body = request.body(model_table().find(request.model_id))
    tools = body.get("toolConfig", {})
    for tool in tools.get("tools", ()):
        yield from (_rule("tool"), _json(tool["toolSpec"]))
    for block in body["system"]:
        yield from (_rule("system"), block["text"]) if "text" in block else (_rule("cache point"),)
    for number, picture in enumerate(request.pictures, 1):
        photo = picture.photo
        size = f"{photo.format}, {photo.width} x {photo.height}, {photo.tokens} tokens"
        yield from (_rule(f"picture {number}"), f"{size}, source {picture.source_sha256[:16]}, part {picture.part}")
    yield from (_rule("user"), request.text)
    rest = {key: value for key, value in body.items() if key not in {"system", "messages", "toolConfig"}}
    if tools:
        rest["toolChoice"] = tools["toolChoice"]
    yield from (_rule("parameters"), _json(rest), "")


def _rule(title: str) -> str:
    return f"──── {title} ".ljust(72, "─")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _reason(shown: Rehearsal) -> Iterator[str]:
    error = shown.result.error
    if error:
        yield from (f"not asked    {error.code}: {error.detail}", f"             {error.title}")
    elif shown.result.judgement.output is not None:
        result = Result.of(shown.result)
        yield "not asked    the seller states it, or it does not apply"
        yield f"output       {json.dumps(result.output, ensure_ascii=False)} {json.dumps(result.outcomes)}"
    else:
        yield f"not asked    {shown.result.outcome.value}: {shown.result.detail}"


def _settled(shown: Rehearsal, request: Request) -> str:
    """The attributes that need no asking, with why."""
    schema = request.prefix.tool_schema
    asked = schema["properties"] if schema else {}
    known = shown.question.judge(None)
    names = [name for name in shown.task.codes.root if name not in asked]
    said = {name: known.outcomes.get(name) or f"stated, {known.output[name]}" for name in names}
    return "; ".join(f"{name}: {why}" for name, why in said.items())


def prompt_tokens(request: Request) -> tuple[int, int]:
    """Tokens at most before the cache point and after it: what all products share, and what is of this one."""
    after = estimate_tokens(request.text) + sum(picture.photo.tokens for picture in request.pictures)
    return request.prefix.tokens, after


def _caches(request: Request) -> bool:
    return any("cachePoint" in block for block in request.body(model_table().find(request.model_id))["system"])


def wire_json(request: Request) -> str:
    """What boto3's `converse` is given, bytes in base64 as they go over the wire."""
    return json.dumps(request.body(model_table().find(request.model_id)), ensure_ascii=False, indent=2, default=_base64)


def _base64(value: Any) -> str:  # noqa: ANN401 - what json cannot encode
    return base64.b64encode(value).decode()


def picture_files(shown: Rehearsal, folder: Path) -> list[Path]:
    """The names under which the request's pictures are saved."""
    name = f"{quote(shown.event.product.product_id, safe='')}-{shown.task.name}"
    pictures = shown.requests[0].pictures if shown.requests else ()
    return [folder / f"{name}-{number}.{picture.photo.format}" for number, picture in enumerate(pictures, 1)]


def picture_folder(shown: Rehearsal, given: Path | None) -> Path:
    """Where the pictures go: the folder that was given, or else a new one that the system will sweep."""
    if given is None:
        return Path(tempfile.mkdtemp(prefix="workbench-")) if picture_files(shown, Path()) else Path()
    given.mkdir(parents=True, exist_ok=True)
    return given


def save_pictures(shown: Rehearsal, folder: Path) -> None:
    """Writes the pictures as the model gets them."""
    pictures = shown.requests[0].pictures if shown.requests else ()
    for file, picture in zip(picture_files(shown, folder), pictures, strict=True):
        file.write_bytes(picture.photo.data)
