"""The function's processes as a node runs them: started, told to stop, or killed all at once without a word."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from workbench.function import free_port

ROOT = Path(__file__).parent.parent.parent
GUNICORN = (str(Path(sys.executable).with_name("gunicorn")), "--config", "handler/server.py")
PLAIN = (sys.executable, "-m", "functions_framework", "--target", "handle", "--source", "handler/main.py")
PATIENCE = 60.0
"""Seconds; no test waits so long unless it fails."""


class Pod:
    """One pod after another at the same address: `with Pod(env, log) as pod: pod.ensure()`.

    `env` are the settings; what the processes print goes to the file `log`.
    """

    def __init__(self, env: Mapping[str, str], log: Path, command: tuple[str, ...] = GUNICORN) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {"PATH": os.environ["PATH"], **env, "PORT": str(self.port)}
        self._log = log
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts a process; it is not ready yet."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        return self._process

    def ensure(self) -> subprocess.Popen[bytes]:
        """The process that lives, or else a new one; it is ready."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        process = self.launch()
        patience = Retry(total=None, connect=200, backoff_factor=0.02, backoff_max=0.5)
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=patience))
            session.get(f"{self.url}/health/readiness", timeout=PATIENCE).raise_for_status()
        return process

    def kill(self) -> None:
        """SIGKILL to master and workers."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # all have ended
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The log lines of all processes so far, each of which is JSON."""
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]
