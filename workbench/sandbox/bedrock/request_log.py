"""Remembers what was received, for tests and people to look at."""

import itertools
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

# Enough for every test and a long evening in the sandbox, without keeping all photos of a catalogue in memory.
_REMEMBERED = 5_000


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came: `body` is the JSON of the wire, images in base64; `at` in seconds since the epoch."""

    model_id: str
    body: Any
    at: float
    status: int | None = None  # None until it is answered, and for good where the connection was dropped


class RequestLog:
    """Requests in order of arrival, the newest 5,000; every method may be called from any thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._entries: dict[int, Received] = {}
        self._arrival = threading.Condition()

    def arrived(self, model_id: str, body: object) -> int:
        """Takes a request down before it is answered; returns the number to answer it by."""
        with self._arrival:
            number = next(self._numbers)
            self._entries[number] = Received(model_id=model_id, body=body, at=time.time())
            if len(self._entries) > _REMEMBERED:
                del self._entries[next(iter(self._entries))]
            self._arrival.notify_all()
        return number

    def answered(self, number: int, status: int) -> None:
        with self._arrival:
            if number in self._entries:
                self._entries[number] = replace(self._entries[number], status=status)

    def entries(self) -> list[Received]:
        with self._arrival:
            return list(self._entries.values())

    def clear(self) -> None:
        with self._arrival:
            self._entries.clear()

    def wait_for(self, count: int, *, timeout_seconds: float) -> bool:
        """Waits until `count` requests have arrived, answered or not; False when the time is over first."""
        with self._arrival:
            return self._arrival.wait_for(lambda: len(self._entries) >= count, timeout_seconds)
