"""Reads the event that a planner has in a file, as the function would read it from HTTP. Asks and judges nothing."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler import intake
from handler.envelope import STRUCTURED, open_envelope
from handler.errors import EnrichmentError
from handler.events import ProductEvent
from handler.hosts import AllowedHosts
from handler.pipeline import Photos
from handler.tasks import Prompts, Task

LOCAL_PHOTO = "https://photo.invalid/"
"""The URL of a picture that is a file here (RFC 2606: the name exists nowhere)."""


class WorkbenchError(Exception):
    """What whoever typed the command must mend: one line in English, and one in Korean."""

    def __init__(self, en: str, ko: str) -> None:
        super().__init__(f"{en}\n    {ko}")


@dataclass(frozen=True)
class Subject:
    """What a command is about: one product event, and the tasks that it is tried with."""

    event: ProductEvent
    tasks: tuple[Task, ...]


def read_subject(prompts: Prompts, file: str, *, task: str = "", photos: int | None = None) -> Subject:
    """The event in `file` (`-`: standard input): a structured CloudEvent, or only its data, which owes every task.

    So many `photos` stand in for its own. Raises `WorkbenchError`.
    """
    known = {each.name: each for each in prompts.tasks}
    if task and task not in known:
        names = ", ".join(known)
        raise WorkbenchError(f"no task is called '{task}'; there are {names}", f"--task 에 쓸 수 있는 작업: {names}")
    try:
        members = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        ko = f"{file}: 파일을 읽을 수 없습니다. 경로를 살펴보세요"
        raise WorkbenchError(f"{file}: cannot be read: {error.strerror}", ko) from error
    except ValueError as error:  # JSON's and Unicode's
        ko = f"{file}: JSON 이 아닙니다. 쉼표, 따옴표, 괄호, UTF-8 인코딩을 살펴보세요"
        raise WorkbenchError(f"{file}: is no JSON: {error}", ko) from error
    if not isinstance(members, dict):
        en = f"{file}: is no JSON object; give a CloudEvent in structured mode, or its data"
        raise WorkbenchError(en, f'{file}: {{"productId": "1", ...}} 처럼 중괄호로 묶은 상품이나 CloudEvent 를 쓰세요')
    is_event = "specversion" in members
    event = _event(members if is_event else _wrapped(members, prompts), prompts, file, photos)
    owed = prompts.owed(event.type) if is_event else prompts.tasks
    return Subject(event, (known[task],) if task else tuple(owed))


def _wrapped(data: dict[str, Any], prompts: Prompts) -> dict[str, Any]:
    event_type = prompts.tasks[0].file.events[0]
    return {"specversion": "1.0", "id": "by-hand", "source": "/workbench", "type": event_type, "data": data}


def _event(members: dict[str, Any], prompts: Prompts, file: str, photos: int | None) -> ProductEvent:
    data = members.get("data")
    if photos is not None and isinstance(data, dict):
        urls = [f"{LOCAL_PHOTO}{number}" for number in range(photos)]
        members = {**members, "data": {**data, "imageUrls": urls, "imgUrl": None}}
    try:
        envelope = open_envelope({"content-type": STRUCTURED}, json.dumps(members).encode())
        event = intake.read(envelope, prompts.event_types, {})
    except EnrichmentError as error:
        ko = f"{file}: 이벤트에 올 수 없는 값입니다({error.detail}). 고치세요"
        raise WorkbenchError(f"{file}: {error.detail}. {error.title}", ko) from error
    if not isinstance(event, ProductEvent):
        names = ", ".join(sorted(prompts.event_types))
        en = f"{file}: no task listens to this event; they listen to {names}"
        raise WorkbenchError(en, f"{file}: 이 이벤트를 듣는 작업이 없습니다. type 에 쓸 수 있는 이름: {names}")
    _check_language(event.product.language, prompts, file)
    return event


def _check_language(language: str, prompts: Prompts, file: str) -> None:
    """As the function does, which refuses the event for every task; here with what to mend."""
    if language in prompts.languages:
        return
    lacking = ", ".join(f"{name}/task.yaml" for name in prompts.lacking(language))
    known = ", ".join(sorted(prompts.languages))
    en = f"{file}: language '{language}' is refused for every task: supported are {known}"
    ko = f"{file}: '{language}' 언어는 모든 작업에서 거절됩니다. 쓸 수 있는 언어: {known}"
    if lacking:
        en += f"; to allow it, add its packs to checks.claims, and its length, in {lacking}"
        ko += f". 받으려면 {lacking} 파일의 checks.claims 에 그 언어의 묶음을, length 에 길이를 더하세요"
    raise WorkbenchError(en, ko)


@dataclass(frozen=True)
class LocalPhotos:
    """Serves what was read from files here as the event's photos."""

    pictures: Sequence[bytes]

    def fetch(self, url: str, *, within: float) -> bytes:  # noqa: ARG002 - it takes no time
        return self.pictures[int(url.removeprefix(LOCAL_PHOTO))]


def photo_source(files: Sequence[Path], environ: Mapping[str, str] = os.environ) -> AbstractContextManager[Photos]:
    """Where pictures come from: `files`, or else the image hosts that IMAGE_HOSTS permits, as in the function.

    Raises `WorkbenchError`.
    """
    if files:
        try:
            return nullcontext(LocalPhotos([file.read_bytes() for file in files]))
        except OSError as error:
            ko = f"{error.filename}: 파일을 읽을 수 없습니다. 경로를 살펴보세요"
            raise WorkbenchError(f"{error.filename}: cannot be read: {error.strerror}", ko) from error
    from handler.clients.photos import PhotoClient  # takes as long to load as all else together

    try:
        return closing(PhotoClient(AllowedHosts.parse(environ.get("IMAGE_HOSTS", ""))))
    except ValueError as error:
        ko = f"환경 변수 IMAGE_HOSTS 를 고치세요({error})"
        raise WorkbenchError(f"IMAGE_HOSTS: {error}", ko) from error
