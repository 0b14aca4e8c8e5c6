"""Sends events, each when a place is free: a lane is a connection with one event in flight at a time."""

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from workbench.bench.processes import BenchError
from workbench.bench.wire import body_size

_OUTCOME = re.compile(rb'"outcome": ?"(\w+)"')


@dataclass(frozen=True, slots=True)
class Sent:
    """One event that was answered, in seconds of `perf_counter`."""

    at: float
    answered: float

    @property
    def seconds(self) -> float:
        return self.answered - self.at


@dataclass
class Load:
    """What became of the events, lane by lane."""

    lanes: list[list[Sent]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    """By the outcome of their one task; of a reference or a failure, by status."""
    cpu: float = 0.0
    """Seconds that sending took here."""

    def require(self, *outcomes: str) -> None:
        """Raises `BenchError` where an event ended in another way: its figures would be another row's."""
        if others := {name: number for name, number in self.outcomes.items() if name not in outcomes}:
            raise BenchError(f"events should be {' or '.join(outcomes)}: {others}")


def drive(
    ports: Sequence[int],
    lanes: Iterable[Iterable[bytes]],
    *,
    stagger: float = 0.0,
    seconds: float = math.inf,
) -> Load:
    """Sends every lane's requests, one after another, and no new one after `seconds`. Raises `BenchError`.

    Lanes take the ports in turn and start evenly over `stagger` seconds, so that they do not march in step.
    """
    load, before = Load(), time.process_time()
    try:
        asyncio.run(_drive(ports, [iter(lane) for lane in lanes], load, stagger=stagger, seconds=seconds))
    except (OSError, asyncio.IncompleteReadError) as error:
        raise BenchError(f"a connection broke: {type(error).__name__}: {error}") from error
    load.cpu = time.process_time() - before
    return load


async def _drive(
    ports: Sequence[int], lanes: Sequence[Iterable[bytes]], load: Load, *, stagger: float, seconds: float
) -> None:
    until = time.perf_counter() + seconds
    load.lanes = [[] for _ in lanes]
    await asyncio.gather(
        *(
            _lane(ports[number % len(ports)], lane, load, sent, after=stagger * number / len(lanes), until=until)
            for number, (lane, sent) in enumerate(zip(lanes, load.lanes, strict=True))
        )
    )


async def _lane(
    port: int, requests: Iterable[bytes], load: Load, sent: list[Sent], *, after: float, until: float
) -> None:
    await asyncio.sleep(after)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        at = time.perf_counter()
        if at >= until:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(body_size(head))
        sent.append(Sent(at, time.perf_counter()))
        outcome = _OUTCOME.search(body)
        load.outcomes[outcome[1].decode() if outcome else head[9:12].decode()] += 1
    writer.close()
    await writer.wait_closed()
