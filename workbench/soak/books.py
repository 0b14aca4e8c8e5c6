"""What was written down during a soak, on every side of the function. No judgement in here."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.sandbox.kafka_delivery import Ending
from workbench.soak.bedrock_gate import Call
from workbench.soak.functions import Line
from workbench.soak.ledger_gate import Store
from workbench.soak.shop import Position, Published

GOOD = frozenset({"written", "reused", "unchanged", "superseded", "protected", "shadow", "held", "insufficient"})
"""Outcomes that are acknowledged (docs/operations.md)."""


@dataclass(frozen=True, kw_only=True)
class Books:
    """Journals in order of time."""

    published: Sequence[Published]
    endings: Sequence[tuple[Position, Ending]]
    dead_letters: int
    """Records in the dead-letter topic."""
    lines: Sequence[Line]
    calls: Sequence[Call]
    stores: Sequence[Store]
    leased: frozenset[str]
    killed: Mapping[str, float]
    products: Mapping[str, dict[str, Any] | None]
    """What the shop holds at the end; None: deleted."""
    deleted: frozenset[str]
    owed: Callable[[str], Sequence[str]]
    """Tasks by event name."""
    expected: Callable[[str, dict[str, Any]], list[Any]]
    """Outputs by task, for an event's data."""

    @cached_property
    def endings_of(self) -> Mapping[Position, list[Ending]]:
        found: defaultdict[Position, list[Ending]] = defaultdict(list)
        for position, ending in self.endings:
            found[position].append(ending)
        return found

    @cached_property
    def lines_of(self) -> Mapping[tuple[str, str], list[dict[str, Any]]]:
        """By event and task."""
        found: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for line in self.lines:
            if line.fields.get("kind") == "task":
                found[line.fields["eventId"], line.fields["task"]].append(line.fields)
        return found

    def terminal(self, record: Published, task: str) -> str:
        """A good outcome, `dead letter: code`, or nothing.

        Several deliveries of one event may run at once after KafkaSource died: the last that ended well counts for an
        event that was acknowledged.
        """
        endings, lines = self.endings_of.get(record.position, []), self.lines_of.get((record.event_id, task), [])
        if not endings:
            return ""
        good = [line["outcome"] for line in lines if line["outcome"] in GOOD]
        if endings[-1].kind == "acknowledged":
            return good[-1] if good else ""
        if lines and lines[-1]["outcome"] in GOOD:  # it is another task that failed
            return str(lines[-1]["outcome"])
        code = lines[-1].get("code") if lines else endings[-1].code
        return f"dead letter: {code}" if code and endings[-1].kind == "dead-lettered" else ""
