"""What the stand-in does wrong when it is told to, and the queue that decides for which request."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """One deviation from the plain answer. Fields combine: `{"latency_seconds": 1, "error": "ThrottlingException"}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # For which requests
    times: int = Field(default=1, ge=1)
    always: bool = False
    match: str = ""  # only requests in whose model id, text or keys this occurs

    # Before an answer
    latency_seconds: float = Field(default=0, ge=0)
    hang: bool = False  # nothing is sent until release(), the client's close or stop
    drop: bool = False  # the connection closes without an answer

    # Instead of an answer: an error of Bedrock by name, or a bare status
    error: str | None = None
    status: int | None = Field(default=None, ge=400, le=599)
    message: str = "A fault of the stand-in, on demand."
    header_style: bool = True  # the name in x-amzn-ErrorType; else in the body's __type
    empty_body: bool = False

    # Another answer
    text: str | None = None
    tool_input: dict[str, Any] | None = None
    stop_reason: str | None = None
    no_stop_reason: bool = False
    reasoning_first: bool = False
    unknown_block: bool = False
    # True: half the JSON under a Content-Length that fits; "short": a Content-Length that promises more than is sent
    truncate: bool | Literal["short"] = False


PLAIN = Fault()


@dataclass
class FaultQueue:
    """Faults in the order in which they were pushed; the first that matches a request is its fault."""

    _pending: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def push(self, *faults: Fault) -> None:
        with self._lock:
            self._pending.extend(faults)

    def take(self, model_id: str, body: object) -> Fault:
        """The fault for this request, used up once; PLAIN when there is none."""
        with self._lock:
            for index, fault in enumerate(self._pending):
                if fault.match and not _occurs(fault.match, [model_id, body]):
                    continue
                if fault.times > 1:
                    self._pending[index] = fault.model_copy(update={"times": fault.times - 1})
                elif not fault.always:
                    del self._pending[index]
                return fault
        return PLAIN

    def pending(self) -> list[Fault]:
        with self._lock:
            return list(self._pending)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()


def _occurs(needle: str, value: object) -> bool:
    if isinstance(value, str):
        return needle in value
    if isinstance(value, Mapping):
        return any(_occurs(needle, key) or _occurs(needle, member) for key, member in value.items())
    return isinstance(value, list) and any(_occurs(needle, member) for member in value)
