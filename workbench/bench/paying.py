"""Rows: how often the model is called, by a catalogue that hardly changes and against a quota that is too small."""

import time
from concurrent.futures import ThreadPoolExecutor

from workbench.bench.events import Edits, event, product
from workbench.bench.load import drive
from workbench.bench.stage import LEDGERS, Stage
from workbench.bench.table import Goal, Row

EVENTS = 10_000
SEED = 1
LANES = 32
MODEL_SECONDS = 2.5
DEMAND_LANES = 170
QUOTA_SHARE = 0.8
SETTLING_SECONDS, MEASURED_SECONDS = 15.0, 30.0


def call_rows(stage: Stage, *, events: int = EVENTS) -> list[Row]:
    """Model calls beside the questions that were sent, with each ledger."""
    stage.peers.tell(delay=0, rate=0)
    rows = []
    for ledger in LEDGERS:
        edits = Edits(events, SEED)
        lanes = [lane for lane in edits.lanes(LANES) if lane]
        before = stage.peers.tell()["counts"].get("converse", 0)
        with stage.function(ledger) as function:
            load = drive([function.port], lanes)
        load.require("written", "reused", "unchanged", "superseded")
        calls = stage.peers.tell()["counts"].get("converse", 0) - before
        outcomes = ", ".join(f"{number:,} {name}" for name, number in load.outcomes.most_common())
        rows += [
            Row(
                title=f"model calls for {events:,} events ({outcomes}), {ledger}",
                value=calls,
                unit="calls",
                goal=Goal("<=", 1.0),
                reference=len(edits.questions),
                beside="distinct questions",
            )
        ]
    return rows


def quota_rows(
    stage: Stage,
    *,
    lanes: int = DEMAND_LANES,
    model_seconds: float = MODEL_SECONDS,
    settling: float = SETTLING_SECONDS,
    measured: float = MEASURED_SECONDS,
) -> list[Row]:
    """Two processes ask for more than the stand-in's quota gives."""
    rate = QUOTA_SHARE * lanes / model_seconds
    seconds = settling + measured
    events = int(seconds / model_seconds) + 1

    def lane(number: int) -> list[bytes]:
        names = [f"quota-{number}-{position}" for position in range(events)]
        return [event(product(name, name=name, photo_url=stage.photo_url)) for name in names]

    with (
        stage.function(in_flight=lanes) as one,
        stage.function(in_flight=lanes) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        stage.peers.tell(delay=model_seconds, rate=rate)
        ports = [one.port, other.port]
        load = pool.submit(drive, ports, map(lane, range(lanes)), stagger=model_seconds, seconds=seconds)
        time.sleep(settling)
        before, began = stage.peers.tell()["counts"], time.perf_counter()
        time.sleep(measured)
        after, took = stage.peers.tell()["counts"], time.perf_counter() - began
        load.result().require("written")
    stage.peers.tell(delay=0, rate=0)
    calls, refused = (after.get(name, 0) - before.get(name, 0) for name in ("converse", "throttled"))
    return _quota_rows(
        f"two processes, quota {QUOTA_SHARE:.0%} of {lanes} in flight", calls, calls - refused, rate * took
    )


def _quota_rows(title: str, calls: int, let_through: int, quota: float) -> list[Row]:
    return [
        Row(
            title=f"{title}: calls let through",
            value=let_through,
            unit="calls",
            goal=Goal(">=", 0.95),
            reference=quota,
            beside="the quota",
        ),
        Row(
            title=f"{title}: calls for each let through",
            value=calls,
            unit="calls",
            goal=Goal("<=", 1.2),
            reference=let_through,
            beside="let through",
        ),
    ]
