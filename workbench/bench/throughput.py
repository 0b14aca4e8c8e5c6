"""Rows: events a second of one process on one core while the model takes its time, and what that adds and holds."""

import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from workbench.bench.events import event, product
from workbench.bench.load import Load, drive
from workbench.bench.stage import LEDGERS, Stage
from workbench.bench.table import Goal, Row, percentile, spread

MODEL_SECONDS = 2.5
ROUNDS = 4
IN_FLIGHT: Final[Mapping[int, float]] = {170: 0.99, 256: 0.99, 512: 0.97}
"""With the share of the ideal that must be reached. 167 is 4,000 requests a minute."""
LATENCY_AT, MEMORY_AT = 170, 256
ADDED_MS: Final[Mapping[int, float]] = {50: 8, 99: 40}
BUSY_MEMORY = 4.5


def throughput_rows(
    stage: Stage, *, in_flight: Mapping[int, float] = IN_FLIGHT, model_seconds: float = MODEL_SECONDS
) -> list[Row]:
    """Each number in flight with each ledger."""
    hello = [_hello_memory(stage) for _ in range(3)]
    stage.peers.tell(delay=model_seconds, rate=0)
    rows = []
    for ledger in LEDGERS:
        for number, share in in_flight.items():
            rows += _measured(stage, ledger, number, share, model_seconds, hello)
    stage.peers.tell(delay=0)
    return rows


def _measured(
    stage: Stage, ledger: str, in_flight: int, share: float, model_seconds: float, hello: Sequence[float]
) -> list[Row]:
    def lane(number: int) -> list[bytes]:
        names = [f"{ledger}-{in_flight}-{number}-{round_}" for round_ in range(ROUNDS + 1)]
        return [event(product(name, name=name, photo_url=stage.photo_url)) for name in names]

    with stage.function(ledger, in_flight=in_flight) as function:
        before = {"function": function.cpu_seconds(), "stand-ins": stage.peers.tell()["cpu"]}
        load = drive([function.port], map(lane, range(in_flight)), stagger=model_seconds)
        load.require("written")
        after = {"function": function.cpu_seconds(), "stand-ins": stage.peers.tell()["cpu"]}
        memory = function.memory_mb(peak=True)
    cpu = {**{name: after[name] - before[name] for name in after}, "load": load.cpu}
    seconds = max(lane[-1].answered for lane in load.lanes) - min(lane[0].at for lane in load.lanes)
    shares = ", ".join(f"{name} {spent / seconds:.0%}" for name, spent in cpu.items())
    rates = _rates(load)
    rate = Row(
        title=f"events/s, {in_flight} in flight, {ledger} (CPU: {shares})",
        value=statistics.median(rates),
        unit="/s",
        goal=Goal(">=", share),
        reference=in_flight / model_seconds,
        beside="ideal",
        noise=spread(rates),
    )
    added = _added(load, ledger, model_seconds) if in_flight == LATENCY_AT else []
    return [rate, *added, *([_busy(memory, hello, ledger)] if in_flight == MEMORY_AT else [])]


def _busy(memory: float, hello: Sequence[float], ledger: str) -> Row:
    return Row(
        title=f"resident memory, peak with {MEMORY_AT} in flight, {ledger}",
        value=memory,
        unit="MB",
        goal=Goal("<=", BUSY_MEMORY),
        reference=statistics.median(hello),
        beside="hello, idle",
        noise=spread(hello),
    )


def _rates(load: Load) -> list[float]:
    """Round by round, from answer to answer; a lane's first event, which opens every connection, does not count."""
    rounds = zip(*(pairwise(lane) for lane in load.lanes), strict=True)
    cycles = [statistics.fmean(sent.answered - last.answered for last, sent in pairs) for pairs in rounds]
    return [len(load.lanes) / cycle for cycle in cycles]


def _added(load: Load, ledger: str, model_seconds: float) -> list[Row]:
    added = [(sent.seconds - model_seconds) * 1000 for lane in load.lanes for sent in lane[1:]]
    return [
        Row(
            title=f"added latency, p{percent}, {len(load.lanes)} in flight, {ledger}",
            value=percentile(added, percent),
            unit="ms",
            goal=Goal("<=", limit, of="value"),
        )
        for percent, limit in ADDED_MS.items()
    ]


def _hello_memory(stage: Stage) -> float:
    with stage.hello() as hello:
        drive([hello.port], [[event(product("hello", name="hello"))]]).require("200")
        return hello.memory_mb()
