"""Faults on demand for the sandbox's product service: what an enrichment PUT meets instead of the shop."""

from threading import Lock
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from werkzeug.exceptions import UnprocessableEntity


class Fault(BaseModel):
    """Either a status, or no answer until the service stops."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: int | None = Field(default=None, ge=200, le=599)
    hang: bool = False
    times: int = Field(default=1, ge=1, le=1000)
    match: str = ""
    """Part of the raw path; empty fits every request."""

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        if self.hang == (self.status is not None):
            raise ValueError("give a status, or hang")
        return self


class Faults:
    """The faults still to come, in order; safe under threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queue: list[Fault] = []

    def replace(self, text: bytes) -> None:
        """What is to come from now on: a JSON list, empty for nothing. Raises `UnprocessableEntity`."""
        try:
            faults = TypeAdapter(list[Fault]).validate_json(text, strict=True)
        except ValidationError as error:
            raise UnprocessableEntity(str(error.errors(include_url=False)[0]["msg"])) from error
        with self._lock:
            self._queue = [fault for fault in faults for _ in range(fault.times)]

    def take(self, path: str) -> Fault | None:
        """The first fault that fits the path; it is used up."""
        with self._lock:
            fault = next((each for each in self._queue if each.match in path), None)
            if fault is not None:
                self._queue.remove(fault)
            return fault
