"""Runs the rows and prints their table."""

import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from handler.content import ContentError
from workbench.bench.asking import prompt_rows, token_rows
from workbench.bench.cpu import cpu_rows
from workbench.bench.paying import call_rows, quota_rows
from workbench.bench.processes import CORES, IS_PINNED, BenchError
from workbench.bench.stage import Stage, stage
from workbench.bench.starting import start_rows
from workbench.bench.table import Row, markdown
from workbench.bench.throughput import throughput_rows
from workbench.function import ROOT

ROWS: Final[Mapping[str, Callable[[Stage], list[Row]]]] = {
    "start": start_rows,
    "cpu": cpu_rows,
    "throughput": throughput_rows,
    "quota": quota_rows,
    "calls": call_rows,
    "tokens": lambda _: token_rows(),
    "prompts": lambda _: prompt_rows(),
}
VERSIONS: Final = ("boto3", "functions-framework", "gunicorn", "pydantic", "requests", "pillow")


def bench(names: Sequence[str]) -> int:
    """Measures these groups of rows, or all; the exit code is 0 only if every goal is kept."""
    if sys.platform != "linux":
        print("bench: it reads /proc, so it needs Linux", file=sys.stderr)
        return 2
    if unknown := [name for name in names if name not in ROWS]:
        print(f"bench: no rows are called {', '.join(unknown)}; there are {', '.join(ROWS)}", file=sys.stderr)
        return 2
    _lift_the_limit_of_open_files()
    began = time.monotonic()
    rows: list[Row] = []
    try:
        with stage() as running:
            for name in names or ROWS:
                print(f"bench: {name} ...", file=sys.stderr, flush=True)
                rows += ROWS[name](running)
    except (BenchError, ContentError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(f"{_header(names)}\n\n{markdown(rows)}\n")
    over = sum(not row.is_kept for row in rows)
    print(f"{len(rows)} rows, {over} over, in {time.monotonic() - began:.0f} s")
    return 1 if over else 0


def _header(names: Sequence[str]) -> str:
    """Where and with what this was measured."""
    cores = "one the servers', the rest for stand-ins and load" if IS_PINNED else "shared: nothing could be pinned"
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return "\n".join(
        [
            f"`python -m workbench bench{''.join(f' {name}' for name in names)}`, commit {_commit()}, "
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"{_cpu_model()}, {len(CORES)} cores ({cores}), load {Path('/proc/loadavg').read_text().split()[0]}; "
            f"Python {platform.python_version()}, {versions}",
            "Medians; noise is half the spread of the reference's own rounds. The model is a stand-in.",
        ]
    )


def _commit() -> str:
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _lift_the_limit_of_open_files() -> None:
    """An event in flight is a few sockets, and some systems grant 1,024."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
