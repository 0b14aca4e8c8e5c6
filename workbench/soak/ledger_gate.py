"""The way to the ledger's table: throttles, slows, breaks or cuts it, and writes down what became of each answer."""

import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from workbench.soak.schedule import LedgerStorm, Storm
from workbench.soak.wire import Message, answer, forward

THROTTLED = {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "Slower."}
FAILED = {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "A fault of the soak."}
_QUESTION = re.compile(rb'"question#([0-9a-f]{64})"')


@dataclass(frozen=True)
class Store:
    """One attempt to store an answer, as the table saw it."""

    caller: str
    fingerprint: str
    at: float
    end: Literal["kept", "refused", "failed"]
    """Refused: the condition did not hold. Failed: it did not reach the table."""


class LedgerGate:
    """All doors share one weather and one journal; safe under threads."""

    def __init__(self, port: int, seed: int) -> None:
        self.leased: set[str] = set()
        """Fingerprints of which somebody got the payer's lease."""
        self.stores: list[Store] = []
        self.faults = 0
        self._port = port
        self._draw = random.Random(f"ledger {seed}")  # noqa: S311 - a schedule, no secret
        self._storm: LedgerStorm | None = None
        self._storm_ends = 0.0
        self._lock = threading.Lock()

    def begin(self, storm: LedgerStorm) -> None:
        self._storm, self._storm_ends = storm, time.monotonic() + storm.seconds

    def passing(self, caller: str) -> Callable[[Message, socket.socket], Message | None]:
        """What the door of this caller does with a request."""

        def pass_on(request: Message, client: socket.socket) -> Message | None:
            reply, reaches, replies = None, True, True
            match self._weather():
                case "throttled":
                    reply, reaches = answer(400, json.dumps(THROTTLED).encode()), False
                case "failed":
                    reply, reaches = answer(500, json.dumps(FAILED).encode()), False
                case "cut":
                    reaches = False
                case "lost":
                    replies = False
                case float(seconds):
                    time.sleep(seconds)
            if reaches:
                reply = forward(self._port, request, client)
            self._note(caller, request, reply if reaches else None)
            return reply if replies else None

        return pass_on

    def _weather(self) -> str | float | None:
        storm = self._storm
        if storm is None or time.monotonic() > self._storm_ends:
            return None
        with self._lock:
            fault = _fault(storm.kind, self._draw.random(), self._draw.uniform(0.05, 0.6))
            self.faults += fault is not None
        return fault

    def _note(self, caller: str, request: Message, reply: Message | None) -> None:
        if not (found := _QUESTION.search(request.body)):
            return
        fingerprint, done = found[1].decode(), reply is not None and reply.status == 200
        with self._lock:
            if b'":attempts"' in request.body and done:
                self.leased.add(fingerprint)
            if b'":answer"' in request.body:
                end: Literal["kept", "refused", "failed"] = "failed"
                if reply is not None:
                    end = "kept" if done else "refused"
                self.stores.append(Store(caller, fingerprint, time.time(), end))


def _fault(storm: Storm, roll: float, seconds: float) -> str | float | None:
    match storm:
        case "down":
            return "cut"
        case "slow":
            return seconds
        case "throttled":
            return "throttled" if roll < 0.6 else None
        case "broken":
            return "lost" if roll < 0.2 else "failed" if roll < 0.5 else None
