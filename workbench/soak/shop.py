"""The shop of a soak: the product service, stopped and started on one port and file, and a journal of its events."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from werkzeug.exceptions import NotFound

from workbench.function import ROOT, free_port
from workbench.sandbox.kafka import Publisher
from workbench.sandbox.product_service import ProductService
from workbench.sandbox.product_topic import publish_to
from workbench.soak.schedule import Edit

Position = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass(frozen=True)
class Published:
    """A record that Kafka took."""

    position: Position
    event_id: str
    type: str
    data: dict[str, Any]


class Journal(Publisher):
    """Publishes, and remembers what arrived where."""

    def __init__(self, bootstrap_servers: str) -> None:
        super().__init__(bootstrap_servers)
        self.records: list[Published] = []

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, int]:
        partition, offset = super().publish(topic, value, key=key, headers=headers)
        given, data = headers or {}, json.loads(value or b"{}")
        event_id, kind = given.get("ce_id", ""), given.get("ce_type", "")
        self.records.append(Published((topic, partition, offset), event_id, kind, data))
        return partition, offset


class Shop:
    """The running shop: `with Shop(...) as shop: shop.url`. It edits nothing by itself."""

    def __init__(self, journal: Journal, topic: str, database: Path) -> None:
        self.deleted: set[str] = set()
        self.restarts = 0
        self._lock = threading.Lock()
        self._port = free_port()
        self._database = database
        self._publish = publish_to(journal, topic)

    def __enter__(self) -> Self:
        self._service = self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._service.__exit__(None, None, None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def restart(self, seconds: float) -> None:
        """Gone for so long; its products are on disk."""
        with self._lock:
            self._service.__exit__(None, None, None)
            time.sleep(seconds)
            self._service = self._start()
            self.restarts += 1

    def fail(self, faults: tuple[dict[str, Any], ...]) -> None:
        """What the next write-backs meet."""
        with self._lock:
            requests.post(f"{self.url}/control/faults", json=list(faults), timeout=10).raise_for_status()

    def apply(self, edit: Edit) -> None:
        """Does what the edit says. A product that has its copy from a person keeps it."""
        with self._lock:
            if edit.kind == "delete":
                self.deleted.add(edit.product)
                requests.delete(f"{self.url}/api/v1/products/{edit.product}", timeout=10).raise_for_status()
            elif edit.kind == "copy":
                body = {"description": "사람이 쓴 글"}
                requests.put(
                    f"{self.url}/api/v1/products/{edit.product}/copy", json=body, timeout=10
                ).raise_for_status()
            else:
                photos = [f"{self.url}/images/{name}" for name in edit.facts.get("imageUrls", [])]
                self._service.save(edit.product, {**edit.facts, "imageUrls": photos})

    def product(self, product_id: str) -> dict[str, Any] | None:
        """The whole product; None where it is gone."""
        with self._lock:
            try:
                return self._service.product(product_id)
            except NotFound:
                return None

    def _start(self) -> ProductService:
        images = ROOT / "samples/images"
        return ProductService(
            publish=self._publish, port=self._port, images=images, database=self._database
        ).__enter__()
