"""The function as people run it: the real server in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
STOP_SECONDS = 35
"""For events in flight. The server itself would wait for DEADLINE_SECONDS; whoever runs it here need not."""


class FunctionError(Exception):
    """The function did not start; the message is what it said."""


class Function:
    """Runs the function while its context is open: `with Function(env) as function: ... function.url`.

    `env` are the settings; of the caller's environment only what a process needs is passed on. Every line that the
    function prints goes to `on_line`.
    """

    def __init__(
        self, env: Mapping[str, str], *, port: int = 0, on_line: Callable[[str], None] = lambda _: None
    ) -> None:
        self._port = port or free_port()
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self._env = {**inherited, "PYTHONUNBUFFERED": "1", **env, "PORT": str(self._port)}
        self._on_line = on_line
        self.lines: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        require_free(self._port)  # else the probe would find whoever has it
        self._process = subprocess.Popen(
            # Only this machine may reach it; in a container the configuration's 0.0.0.0 holds.
            [
                Path(sys.executable).with_name("gunicorn"),
                *("--config", "handler/server.py", "--bind", f"127.0.0.1:{self._port}"),
            ],
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the caller, which stops the function in order
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # the workers too
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None  # noqa: S101 - opened above
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened above
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._on_line(self.lines[-1])

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if requests.get(f"{self.url}/health/readiness", timeout=1).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.02)
        raise FunctionError("\n".join(self.lines) or f"no answer within {START_SECONDS} s")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_free(port: int) -> None:
    """Raises `FunctionError` where somebody listens there."""
    if not _is_free(port):
        raise FunctionError(f"port {port} is taken")


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
