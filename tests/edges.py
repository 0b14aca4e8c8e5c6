"""The function's edges as fakes that remember what they were told: clock, Bedrock, image hosts, product service."""

import gc
import json
import threading
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

from PIL import Image

from handler.deadline import Deadline
from handler.errors import EnrichmentError, ImageGone, ProductServiceUnavailable
from handler.outcomes import Outcome
from handler.write_back import Put, outcome_of_status
from workbench.sandbox.product_contract import failure_report, write_back

GOOD_COPY = "편하게 입기 좋은 베이직 코튼 티셔츠예요. 오늘 코디를 가볍게 마무리해 보세요."
RANKING_COPY = "단연 최고의 베이직 코튼 티셔츠예요. 오늘 코디를 가볍게 마무리해 보세요."
"""Breaks `superlative`."""
GOOD_LABELS: Mapping[str, list[str]] = {"Color": ["white"], "Print": ["solid"]}


def _photo(colour: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "PNG")
    return out.getvalue()


PHOTO = _photo("white")
OTHER_PHOTO = _photo("black")


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def deadline(self, seconds: float = 120.0) -> Deadline:
        return Deadline(seconds, self, self.sleep)


Saying = str | Mapping[str, Any] | EnrichmentError
"""A text, labels by attribute, a whole Converse response, or the error that is raised."""


def response(saying: str | Mapping[str, Any], stop_reason: str = "", **usage: int) -> dict[str, Any]:
    """A Converse response that says so: a text, or labels."""
    if isinstance(saying, str):
        block: dict[str, Any] = {"text": saying}
    else:
        block = {"toolUse": {"toolUseId": "tool-1", "name": "record_attributes", "input": dict(saying)}}
    return {
        "stopReason": stop_reason or ("end_turn" if isinstance(saying, str) else "tool_use"),
        "output": {"message": {"role": "assistant", "content": [block]}},
        "usage": {"inputTokens": 1000, "outputTokens": 200, **usage},
    }


class ScriptedModel:
    """Bedrock: says what it was told to, call by call; after that, something good."""

    read_timeout = 50.0

    def __init__(self, *sayings: Saying) -> None:
        self.sayings = list(sayings)
        self.bodies: list[Mapping[str, Any]] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        return len(self.bodies)

    def converse(
        self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
    ) -> Mapping[str, Any]:
        with self._lock:
            self.bodies.append(body)
            saying = self.sayings.pop(0) if self.sayings else _good(body)
        if isinstance(saying, EnrichmentError):
            raise saying
        return saying if isinstance(saying, Mapping) and "stopReason" in saying else response(saying)


def _good(body: Mapping[str, Any]) -> Saying:
    if "toolConfig" not in body:
        return GOOD_COPY
    schema = body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
    return {name: GOOD_LABELS[name] for name in schema["properties"]}


class ImageHost:
    """The image hosts: what stands behind each URL; every other one is gone."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | EnrichmentError] = {"https://img.example.com/shirt.png": PHOTO}
        self.fetched: list[str] = []

    def fetch(self, url: str, *, within: float) -> bytes:
        self.fetched.append(url)
        file = self.files.get(url, ImageGone("404"))
        if isinstance(file, EnrichmentError):
            raise file
        return file


LOST = 0
"""A status of `Shop`: it did as it was told, and its answer was lost."""


class Shop:
    """The product service: holds every PUT to the contract, and answers 204 or, in order, the `statuses` it is told.

    A key that it accepted before writes nothing again. It `checks_versions`, or shows whatever came last.
    """

    def __init__(self, *, checks_versions: bool = False) -> None:
        self.puts: list[Put] = []
        self.statuses: list[int] = []
        self.report_statuses: list[int] = []
        self.shown: dict[str, dict[str, Any]] = {}
        """Path -> the body that was written there last."""
        self.applied: list[dict[str, Any]] = []
        """The bodies of all outputs that changed what is shown, in order."""
        self._checks_versions = checks_versions
        self._accepted: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def put(self, put: Put, *, within: float) -> Outcome:
        assert within >= 0
        is_report = _hold(put)
        with self._lock:
            self.puts.append(put)
            statuses = self.report_statuses if is_report else self.statuses
            status = statuses.pop(0) if statuses else 204
            if not is_report and status < 300 and self._write(put) == 409:
                status = 409
        if status == LOST:
            raise ProductServiceUnavailable("ReadTimeout")
        return outcome_of_status(status)

    def _write(self, put: Put) -> int:
        """204, or 409 for what is stale."""
        if (put.path, put.idempotency_key) in self._accepted:
            return 204
        body = json.loads(put.body)
        new, old = (each.get("source", {}).get("version") for each in (body, self.shown.get(put.path, {})))
        if self._checks_versions and new is not None and old is not None and new < old:
            return 409
        self._accepted.add((put.path, put.idempotency_key))
        self.shown[put.path] = body
        self.applied.append(body)
        return 204

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The bodies of all PUTs of an output."""
        return [json.loads(put.body) for put in self.puts if not _is_report(put)]

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The bodies of all failure reports."""
        return [json.loads(put.body) for put in self.puts if _is_report(put)]


def _is_report(put: Put) -> bool:
    return "/enrichment-failures/" in put.path


def _hold(put: Put) -> bool:
    """Whether it is a failure report; raises werkzeug's `UnprocessableEntity` where the contract is broken."""
    body = json.loads(put.body)
    if _is_report(put):
        failure_report(body)
        return True
    write_back(put.path.rpartition("/")[2], body)
    return False


def garbage_of(action: Callable[[], object]) -> set[str]:
    """The types of what an action leaves for the collection of garbage, with their modules."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        action()
        gc.collect()
        return {f"{type(each).__module__}.{type(each).__name__}" for each in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
