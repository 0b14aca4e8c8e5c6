"""Rows: from the start of the process to its first answers, and what it holds in memory then."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from workbench.bench.events import event, product
from workbench.bench.processes import BenchError, Server, exchange
from workbench.bench.stage import Stage
from workbench.bench.table import Goal, Row, compared

ROUNDS = 7
READY = {"memory": 2.2, "dynamodb": 2.3}
FIRST_EVENT = {"memory": 2.4, "dynamodb": 2.5}
IDLE_MEMORY = 2.3


@dataclass
class _Starts:
    """Round by round: milliseconds, and MB after the first event."""

    ready: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def add(self, server: Server, first_event: bytes) -> None:
        with server:
            status = exchange(server.port, first_event).status
            answered = perf_counter()
            if status != 200:
                raise BenchError(f"the first event was answered {status}")
            self.ready.append((server.ready - server.started) * 1000)
            self.answered.append((answered - server.started) * 1000)
            self.memory.append(server.memory_mb())


def start_rows(stage: Stage, *, rounds: int = ROUNDS) -> list[Row]:
    """Starts all kinds in turn; the first round writes their byte code, as an image has it, and does not count."""
    stage.peers.tell(delay=0, rate=0)
    photos = {"description": "", "attributes": stage.photo_url}
    kinds: dict[tuple[str, str], Callable[[], Server]] = {
        (ledger, task): partial(stage.function, ledger) for ledger in READY for task in photos
    }
    kinds["hello", "description"] = stage.hello
    starts = {kind: _Starts() for kind in kinds}
    for number in range(rounds + 1):
        for (ledger, task), start in kinds.items():
            name = f"start-{number}-{ledger}-{task}"  # asked by nobody before, whatever the ledger remembers
            kept = starts[ledger, task] if number else _Starts()
            kept.add(start(), event(product(name, name=name, photo_url=photos[task])))
    return _rows(starts)


def _rows(starts: Mapping[tuple[str, str], _Starts]) -> list[Row]:
    hello = starts["hello", "description"]
    rows = []
    for ledger, limit in READY.items():
        ready = [*starts[ledger, "description"].ready, *starts[ledger, "attributes"].ready]
        rows.append(_row(f"start to first 200, {ledger}", "ms", limit, ready, hello.ready))
        for task in ("description", "attributes"):
            title = f"start to first event answered, {task}, {ledger}"
            rows.append(_row(title, "ms", FIRST_EVENT[ledger], starts[ledger, task].answered, hello.ready))
        memory = starts[ledger, "attributes"].memory
        rows.append(_row(f"resident memory, idle after an event, {ledger}", "MB", IDLE_MEMORY, memory, hello.memory))
    return rows


def _row(title: str, unit: str, limit: float, values: list[float], hello: list[float]) -> Row:
    return compared(title, unit, Goal("<=", limit), values=values, references=hello, beside="hello")
