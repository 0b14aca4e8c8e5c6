"""`make run`, as a newcomer runs it."""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pytest
import requests

from workbench.function import ROOT, Function, FunctionError, free_port

PATIENCE = 60.0
"""Seconds; no test waits so long unless it fails."""
COMMAND = [sys.executable, "-m", "workbench", "run"]


def function_processes(of: int) -> list[str]:
    """The command lines of every process that still belongs to the sandbox `of`."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    children = {of}
    for _ in rows:  # as deep as there are processes
        children |= {int(pid) for pid, parent, *_ in rows if int(parent) in children}
    return [" ".join(row) for row in rows if int(row[0]) in children - {of}]


def test_once_sends_the_samples_prints_what_was_written_and_ends() -> None:
    """`make run ONCE=1` exits 0 and shows the T-shirt's description and the garment's codes, and says stand-in."""
    done = subprocess.run([*COMMAND, "--once"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stand-in" in done.stdout
    assert "베이직 코튼 티셔츠" in done.stdout
    assert '{"Color": ["02", "11"], "Print": ["02"]' in done.stdout
    assert done.stdout.count("written") >= len(list((ROOT / "samples").glob("*.json")))


@pytest.fixture
def sandbox() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "Ctrl-C" in line:
            break
    watchdog = threading.Timer(PATIENCE, process.kill)  # so that who waits for a line that never comes fails
    watchdog.start()
    with process:
        yield process, printed
        watchdog.cancel()
        process.send_signal(signal.SIGINT)


def test_it_stays_for_curl_and_leaves_no_process_behind(sandbox: tuple[subprocess.Popen[str], str]) -> None:
    """The printed curl lines work as pasted; Ctrl-C ends everything that was started."""
    process, printed = sandbox
    lines = re.findall(r"^(?:curl|sed) .*", printed, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        answer = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line} --fail-with-body -sS"], cwd=ROOT, capture_output=True
        )
        assert answer.returncode == 0, (line, answer.stdout, answer.stderr)
    started = [int(row.split()[0]) for row in function_processes(process.pid)]
    assert started
    if sys.platform == "linux":  # where the system may give the signal to any thread, let it be another one
        taker = max(int(thread.name) for thread in Path(f"/proc/{process.pid}/task").iterdir())
        ctypes.CDLL(None).tgkill(process.pid, taker, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    process.wait(30)
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_seller_who_saves_gets_a_description_and_the_republished_event_costs_nothing(
    sandbox: tuple[subprocess.Popen[str], str],
) -> None:
    """Saving publishes an event, its PUT republishes one, and that one ends as unchanged, without a call."""
    process, printed = sandbox
    service = re.search(r"in a browser: (\S+)/", printed)
    assert service
    product = {
        "name": "린넨 셔츠",
        "category": ["남성의류", "셔츠"],
        "attributes": {"소재": "린넨 100%", "색상": "베이지"},
    }
    requests.put(f"{service[1]}/api/v1/products/new-1", json=product, timeout=10).raise_for_status()
    assert process.stdout is not None
    records = map(json.loads, log_lines(process.stdout))
    ours = (each for each in records if (each["productId"], each["task"]) == ("new-1", "description"))
    written, republished = islice(ours, 2)
    assert (written["outcome"], written["calls"]) == ("written", 1)
    assert (republished["outcome"], republished["calls"]) == ("unchanged", 0)


def log_lines(printed: Iterable[str]) -> Iterator[str]:
    """What the function logs of tasks, beside what else is printed."""
    return (line for line in printed if line.startswith("{") and '"task"' in line)


def test_a_taken_port_is_an_error_and_not_somebody_elses_answer() -> None:
    """The sandbox does not take another server on the port for its own function."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with server:
        try:
            while subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], capture_output=True).returncode:
                pass
            done = subprocess.run([*COMMAND, "--once", "--port", str(port)], cwd=ROOT, capture_output=True, text=True)
        finally:
            server.terminate()
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr


def test_a_function_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The one line of a bad setting reaches whoever started the function."""
    with pytest.raises(FunctionError, match="PRODUCT_SERVICE_URL"), Function({"PROMPTS_DIR": str(tmp_path)}):
        pass
