"""The processes of a bench and the core that each of them runs on: the function or a reference here, the rest there.

Reads /proc, so Linux only.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workbench.bench.wire import Message, request, take
from workbench.function import ROOT, free_port

START_SECONDS = 30.0
POLL_SECONDS = 0.0005
FUNCTION, REFERENCE = "handler/server.py", "workbench/bench/references/server.py"

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
IS_PINNED = len(CORES) > 1
"""Whether servers have a core of their own."""


class BenchError(Exception):
    """A process did not start, or did something else than its row is about; the message says what."""


def take_the_last_core() -> None:
    """Leaves the first core to the servers: whatever this process starts elsewhere stays with it."""
    if IS_PINNED:
        os.sched_setaffinity(0, CORES[1:])


@contextmanager
def _on_the_first_core() -> Iterator[None]:
    """Children take over the cores of the thread that starts them."""
    if IS_PINNED:
        os.sched_setaffinity(0, CORES[:1])
    try:
        yield
    finally:
        take_the_last_core()


def exchange(port: int, sent: bytes) -> Message:
    """One request on a connection of its own, and its answer. Raises `OSError`."""
    with closing(socket.create_connection(("127.0.0.1", port), START_SECONDS)) as connection:
        connection.sendall(sent)
        buffer = bytearray()
        while (message := take(buffer)) is None:
            received = connection.recv(65_536)
            if not received:
                raise ConnectionResetError
            buffer += received
        return message


class Server:
    """gunicorn with `config` while the context is open, ready for requests; killed at its end."""

    def __init__(self, config: str, env: Mapping[str, str]) -> None:
        self._config = config
        self.port = free_port()
        self._env = {"PATH": os.environ.get("PATH", ""), **env, "PORT": str(self.port)}

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self.started = time.perf_counter()
        """On `perf_counter`, as `ready`."""
        with _on_the_first_core():
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("gunicorn"), "--config", self._config],
                cwd=ROOT,
                env=self._env,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.ready = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it holds nothing that anybody misses
        self._process.wait()
        self._errors.close()

    def _wait_until_ready(self) -> None:
        probe = request("GET", "/health/readiness")
        while time.perf_counter() < self.started + START_SECONDS and self._process.poll() is None:
            with suppress(OSError):
                if exchange(self.port, probe).status == 200:
                    return
            time.sleep(POLL_SECONDS)
        self._errors.seek(0)
        raise BenchError(f"{self._config} did not start: {self._errors.read().decode(errors='replace')[-2000:]}")

    @property
    def worker(self) -> int:
        """The process that answers."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it ended meanwhile
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self._process.pid:
                    return int(stat.parent.name)
        raise BenchError("the server has no worker")

    def cpu_seconds(self) -> float:
        """Of the worker with all its threads, to the nanosecond."""
        return time.clock_gettime((~self.worker << 3) | 2)  # Linux: MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)

    def memory_mb(self, *, peak: bool = False) -> float:
        """Of the worker, resident."""
        name = "VmHWM:" if peak else "VmRSS:"
        lines = Path(f"/proc/{self.worker}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


class Peers:
    """The process of `workbench.bench.peers` while the context is open."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.bench.peers"], cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdout is not None  # noqa: S101 - opened above
        line = self._process.stdout.readline()
        if not line:
            self.__exit__(None, None, None)
            raise BenchError("the stand-ins did not start")  # they have said why
        self.port = int(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened above
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def tell(self, **orders: float) -> dict[str, Any]:
        """Sets `delay` or `rate`; `counts` by kind of request and `cpu` seconds until now."""
        told: dict[str, Any] = json.loads(
            exchange(self.port, request("POST", "/bench", json.dumps(orders).encode())).body
        )
        return told
