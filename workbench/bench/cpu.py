"""Rows: the function's CPU for an event, beside the bare calls that such an event cannot do without."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

from workbench.bench.events import event, product
from workbench.bench.load import Load, drive
from workbench.bench.processes import Server
from workbench.bench.stage import LEDGERS, Stage
from workbench.bench.table import Goal, Row, compared

ROUNDS = 5
EVENTS = 400
"""Of a round; one more round's worth warms each side up."""
LANES = 4
_LEDGER_CALLS: Final = ("GetItem", "UpdateItem")


@dataclass(frozen=True)
class _Case:
    title: str
    outcome: str
    calls: str
    """What the reference does besides the ledger's part."""
    goals: tuple[Goal, ...]
    has_photo: bool
    version: int = 1
    is_new_product: bool = False
    is_new_question: bool = False

    @property
    def name(self) -> str:
        """Of its products and questions, which it shares with no other case."""
        return self.title.replace(" ", "-")

    def events(self, photo_url: str) -> Iterator[bytes]:
        """Without an end."""
        url = photo_url if self.has_photo else ""
        for number in count(1):
            product_id = f"{self.name}-{number}" if self.is_new_product else self.name
            name = f"{self.name}-{number}" if self.is_new_question else self.name
            yield event(product(product_id, name=name, version=self.version, photo_url=url))

    def preparation(self, photo_url: str) -> bytes:
        """The event that makes the others what they are."""
        url = photo_url if self.has_photo else ""
        return event(product(self.name, name=self.name, version=2, photo_url=url))


CASES: Final[Sequence[_Case]] = (
    _Case(
        "attributes, 550x550 photo untouched",
        "written",
        "photo converse put",
        (Goal("<=", 1.5), Goal("<=", 3.0, of="value")),
        has_photo=True,
        is_new_product=True,
        is_new_question=True,
    ),
    _Case("superseded", "superseded", "", (Goal("<=", 2.5),), has_photo=False),
    _Case("unchanged text", "unchanged", "", (Goal("<=", 3.0),), has_photo=False, version=3),
    _Case("unchanged photo", "unchanged", "photo", (Goal("<=", 1.5),), has_photo=True, version=3),
    _Case("reused", "reused", "photo put", (Goal("<=", 1.5),), has_photo=True, is_new_product=True),
)


def cpu_rows(stage: Stage, *, rounds: int = ROUNDS, events: int = EVENTS, cases: Sequence[_Case] = CASES) -> list[Row]:
    """Each case with each ledger."""
    stage.peers.tell(delay=0, rate=0)
    return [row for case in cases for ledger in LEDGERS for row in _measured(stage, case, ledger, rounds, events)]


def _measured(stage: Stage, case: _Case, ledger: str, rounds: int, events: int) -> Iterator[Row]:
    sent = case.events(stage.photo_url)
    with stage.function(ledger) as function:
        _send(function, iter([case.preparation(stage.photo_url)]), 1)
        before = stage.peers.tell()["counts"]
        _send(function, sent, events).require(case.outcome)
        after = stage.peers.tell()["counts"]
        # Rounded: now and then an event finds a lease taken and looks again.
        ledger_calls = {name: round((after.get(name, 0) - before.get(name, 0)) / events) for name in _LEDGER_CALLS}
        calls = [*case.calls.split(), *(name for name, number in ledger_calls.items() for _ in range(number))]
        with stage.calls(" ".join(calls)) if calls else stage.hello() as reference:
            _send(reference, sent, events).require("200")
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(_milliseconds(function, sent, events, case.outcome))
                theirs.append(_milliseconds(reference, sent, events, "200"))
    beside = " + ".join(["hello", *(f"{number} {name}" for name, number in Counter(calls).items())])
    # The reference takes the ledger's calls over; an absolute limit does not know of them.
    for goal in (goal for goal in case.goals if goal.of == "ratio" or ledger == "memory"):
        title = f"CPU an event: {case.title}, {ledger}"
        yield compared(title, "ms", goal, values=ours, references=theirs, beside=beside)


def _milliseconds(server: Server, sent: Iterator[bytes], events: int, outcome: str) -> float:
    before = server.cpu_seconds()
    _send(server, sent, events).require(outcome)
    return (server.cpu_seconds() - before) / events * 1000


def _send(server: Server, sent: Iterator[bytes], events: int) -> Load:
    lanes = [list(islice(sent, events // LANES + (number < events % LANES))) for number in range(LANES)]
    return drive([server.port], [lane for lane in lanes if lane])
