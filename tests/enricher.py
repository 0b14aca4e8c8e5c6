"""The function around its pipeline, with fake edges: the ledger and the task folders are real."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edges import Clock, ImageHost, Saying, ScriptedModel, Shop

from handler.asking import Asking
from handler.deadline import Deadline
from handler.events import Order, ProductEvent
from handler.ledger import Ledger, MemoryLedger, Slot, Written
from handler.models import model_table
from handler.pipeline import Pipeline
from handler.results import TaskResult
from handler.task_folders import load_prompts
from handler.tasks import Prompts

MODEL_ID = "global.anthropic.claude-haiku-5-5"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
COPY = Slot("shirt", "copy", "ko")
"""The slot of the description of `product_events.SHIRT`."""

Edits = Mapping[str, tuple[str, str]]
"""File -> old text, new text."""


@dataclass
class Enricher:
    """Runs events through a pipeline. Every part may be exchanged before the next event."""

    prompts: Prompts
    model: ScriptedModel = field(default_factory=ScriptedModel)
    clock: Clock = field(default_factory=Clock)
    shop: Shop = field(default_factory=Shop)
    images: ImageHost = field(default_factory=ImageHost)
    report_failures: bool = True
    ledger: Ledger = field(init=False)
    new_deadline: Callable[[], Deadline] = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(self.clock)
        self.new_deadline = self.clock.deadline

    def deliver(self, event: ProductEvent) -> list[TaskResult]:
        """The results of one delivery."""
        return list(
            Pipeline(
                prompts=self.prompts,
                ledger=self.ledger,
                asking=Asking(self.ledger, self.model, model_table()),
                photos=self.images,
                product_service=self.shop,
                report_failures=self.report_failures,
                new_deadline=self.new_deadline,
                now=lambda: NOW,
            ).run(event)
        )

    def run(self, event: ProductEvent) -> TaskResult:
        """The only result of an event that owes one task."""
        (result,) = self.deliver(event)
        return result

    def latest(self, slot: Slot = COPY) -> Order | None:
        """The newest version that the ledger knows."""
        return next((order for order in self.ledger.raise_latest(slot, None).latest if order.kind == "version"), None)

    def written(self, slot: Slot = COPY) -> Written | None:
        """What the ledger knows as written last."""
        return self.ledger.raise_latest(slot, None).written

    def say(self, *sayings: Saying) -> None:
        """What the model says next."""
        self.model.sayings[:] = sayings

    @property
    def copies(self) -> list[str]:
        """Every description that was PUT, in order."""
        return [body["description"] for body in self.shop.writes if "description" in body]

    @property
    def tags(self) -> list[dict[str, Any]]:
        """Every set of attributes that was PUT, in order."""
        return [body["attributes"] for body in self.shop.writes if "attributes" in body]


def edited(prompts_dir: Path, folder: Path, edits: Edits) -> Prompts:
    """The task folders as a planner left them; the copy goes to `folder`."""
    shutil.copytree(prompts_dir, folder)
    for name, (old, new) in edits.items():
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    return load_prompts(folder, MODEL_ID)
