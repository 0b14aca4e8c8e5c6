"""The function's processes of a soak: two slots, each with whatever process runs there now, until it is killed."""

import json
import os
import queue
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from workbench.function import Function
from workbench.soak.balancer import Balancer
from workbench.soak.bedrock_gate import BedrockGate
from workbench.soak.ledger_gate import LedgerGate
from workbench.soak.schedule import SLOTS, Kill
from workbench.soak.wire import Door

ANSWER_PATIENCE_SECONDS = 5.0
"""For an answer to kill after; then the kill comes anyway."""
STORE_SECONDS = 0.003
"""From an answer to the kill that is to fall between it and its storing."""


@dataclass(frozen=True)
class Line:
    """One line of a process's log."""

    caller: str
    at: float
    fields: dict[str, Any]


class _Process(Function):
    """The function, which can be killed."""

    def kill(self) -> None:
        """SIGKILL for the server and its workers at once."""
        os.killpg(self._process.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Reads its last lines."""
        self.__exit__(None, None, None)


class Functions:
    """Keeps a process in each slot while its context is open; `order` queues kills."""

    def __init__(self, env: dict[str, str], *, balancer: Balancer, bedrock: BedrockGate, ledger: LedgerGate) -> None:
        self.lines: list[Line] = []
        self.noise: list[str] = []
        """What the processes printed that is no line of the log."""
        self.killed: dict[str, float] = {}
        """When each process that was killed died, by its name."""
        self._env = env
        self._balancer = balancer
        self._gates = (bedrock, ledger)
        self._orders: queue.SimpleQueue[Kill | None] = queue.SimpleQueue()
        self._births: Counter[str] = Counter()
        self._running: dict[str, tuple[str, _Process]] = {}
        self._prey = ""
        self._answered = threading.Event()
        bedrock.on_answer = self._on_answer

    def __enter__(self) -> Self:
        self._doors = ExitStack()
        try:
            for slot in SLOTS:
                self._start(slot)
        except BaseException:
            self._stop()
            raise
        self._warden = threading.Thread(target=self._work, name="warden")
        self._warden.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._orders.put(None)
        self._warden.join()
        self._stop()

    def order(self, kill: Kill) -> None:
        """One kill after another, each as soon as its slot has a process."""
        self._orders.put(kill)

    @property
    def is_whole(self) -> bool:
        """Whether no kill is waiting and every slot has a process."""
        return self._orders.empty() and len(self._running) == len(SLOTS)

    def _start(self, slot: str) -> None:
        self._births[slot] += 1
        name = f"{slot}{self._births[slot]}"
        bedrock, ledger = (self._doors.enter_context(Door(gate.passing(name))) for gate in self._gates)
        env = {
            **self._env,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            "AWS_ENDPOINT_URL_DYNAMODB": ledger.url,
        }
        process = _Process(env, on_line=lambda text: self._read(name, text))
        process.__enter__()
        self._running[slot] = (name, process)
        self._balancer.add(_port(process))

    def _work(self) -> None:
        while kill := self._orders.get():
            name, process = self._running.pop(kill.slot)
            if kill.moment == "answer":
                self._answered.clear()
                self._prey = name
                if self._answered.wait(ANSWER_PATIENCE_SECONDS):
                    time.sleep(STORE_SECONDS)
            self.killed[name] = time.time()
            process.kill()
            self._balancer.remove(_port(process))  # until now events are sent to it, as to a pod that is not yet missed
            process.bury()
            self._start(kill.slot)

    def _on_answer(self, caller: str) -> None:
        if caller == self._prey:
            self._answered.set()

    def _read(self, name: str, text: str) -> None:
        try:
            fields = json.loads(text)
        except ValueError:
            self.noise.append(f"{name}: {text}")
            return
        self.lines.append(Line(name, time.time(), fields))

    def _stop(self) -> None:
        for _, process in self._running.values():
            process.__exit__(None, None, None)
        self._doors.close()


def _port(process: Function) -> int:
    return int(process.url.rpartition(":")[2])
