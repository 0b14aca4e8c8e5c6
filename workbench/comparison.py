"""`workbench render --against REF`: what an edit of the task folders changes for one event, and what that costs.

Reads the other version from git. Changes nothing in the work tree.
"""

import difflib
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from handler.converse import Request
from handler.models import Usage, model_table
from workbench.event_file import WorkbenchError
from workbench.rehearsal import Rehearsal
from workbench.render import prompt_tokens, request_text


def extract(folder: Path, revision: str, into: Path) -> None:
    """Puts the folder as it was in a git revision into another. Raises `WorkbenchError`."""
    # In a folder, git archives that folder alone, without the path to it (git-archive, "Description").
    archived = subprocess.run(["git", "archive", revision], cwd=folder, capture_output=True)
    if archived.returncode:
        reason = archived.stderr.decode(errors="replace").strip()
        ko = f"git 에서 {revision} 의 {folder} 폴더를 읽을 수 없습니다. 커밋이나 브랜치 이름을 살펴보세요"
        raise WorkbenchError(f"{folder} at {revision}: {reason}", ko)
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
        # Python before 3.11.4 has no filters, and Debian 12 has 3.11.2 (Python, tarfile, "Supporting older versions").
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(into)  # noqa: S202 - git made it, of files that are in the repository


def comparison(old: Rehearsal, new: Rehearsal, *, revision: str, catalogue: int) -> str:
    """The difference of the two requests, and what the function will do about it."""
    difference = difflib.unified_diff(_lines(old), _lines(new), fromfile=revision, tofile="now", lineterm="")
    return "\n".join([f"task {new.task.name}", *difference, *_verdict(old, new, catalogue)])


def _lines(shown: Rehearsal) -> list[str]:
    if not shown.requests:
        return [f"not asked: {shown.result.outcome.value} {shown.result.detail}".rstrip()]
    return request_text(shown.requests[0]).splitlines()


def _verdict(old: Rehearsal, new: Rehearsal, catalogue: int) -> Iterator[str]:
    if new.publication == "off":
        yield "Publishing is off for this category: nothing is asked or written."
    elif new.requests and new.requests[0].fingerprint not in {request.fingerprint for request in old.requests}:
        yield "The fingerprint changed: each product whose request changed is asked again at its next event."
        yield from _cost(new.requests[0], catalogue)
    elif new.result.fingerprint != old.result.fingerprint and not new.requests and new.result.judgement.output is None:
        yield "The fingerprint changed, and the model is not asked."
    elif new.result.fingerprint != old.result.fingerprint:
        yield "What the seller states is read differently, and the model is not asked: at the next event the output is"
        yield f"made again and {_end(new)}."
    elif new.task.edition != old.task.edition:
        yield f"Only the edition changed: at the next event the known answer is judged again and {_end(new)};"
        yield "the model is asked only where that answer breaks a rule now."
    else:
        yield "Nothing changed for this product: it is neither asked nor written again."


def _end(new: Rehearsal) -> str:
    return "written" if new.publication == "live" else "shown, not written"


def novelty(new: Rehearsal, *, revision: str, catalogue: int) -> str:
    """What a task that the revision lacks will do about this product."""
    lines = [f"task {new.task.name}: {revision} has none of this name"]
    if new.publication == "off" or not new.requests:
        return "\n".join([*lines, f"The model is not asked about this product (publish: {new.publication})."])
    asked = "Each product is asked at its next event."
    return "\n".join([*lines, asked, *_cost(new.requests[0], catalogue)])


def _cost(request: Request, catalogue: int) -> Iterator[str]:
    cost = catalogue * asking_cost(request)
    yield f"Asking for {catalogue:,} products like this one costs about USD {cost:,.0f}. That is an estimate:"
    yield f"on-demand prices of {model_table().prices_on}, tokens at most, the shared part read from the cache,"
    yield "answers half as long as max_tokens, no re-ask."


def asking_cost(request: Request) -> float:
    """USD for one answer, by estimate."""
    before, after = prompt_tokens(request)
    table = model_table()
    cached = before >= table.find(request.model_id).cache_minimum
    usage = Usage(
        input=after if cached else before + after,
        cache_read=before if cached else 0,
        output=request.max_tokens // 2,  # task.yaml: max_tokens is twice what answers usually take
    )
    return float(table.cost(request.model_id, usage))
