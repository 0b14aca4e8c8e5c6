"""Carries the product service's events to the function, as an event source does, until Kafka stands between them."""

import queue
import threading
import uuid
from types import TracebackType
from typing import Any, Self

import requests


class Courier:
    """Delivers events in order, on a thread of its own. What is put before `deliver_to` was told is dropped."""

    def __init__(self) -> None:
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._url = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.statuses: list[int] = []

    def publish(self, event: dict[str, Any]) -> None:
        """Takes an event of the product service."""
        if self._url:
            self._events.put(event)

    def deliver_to(self, url: str) -> None:
        self._url = url

    def wait(self) -> None:
        """Until everything that was published is delivered, what follows from it included."""
        self._events.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._events.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self.statuses.append(self._deliver(event))
            except requests.RequestException:
                self.statuses.append(0)
            finally:
                self._events.task_done()

    def _deliver(self, event: dict[str, Any]) -> int:
        headers = {
            "ce-specversion": "1.0",
            "ce-id": str(uuid.uuid4()),
            "ce-source": "/shop/products",
            "ce-type": event["type"],
            "Content-Type": "application/json",
        }
        return requests.post(self._url, json=event["data"], headers=headers, timeout=150).status_code
