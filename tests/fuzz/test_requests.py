"""A short round of the fuzzer with every test run; `make fuzz` is the long one."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_no_request_breaks_the_function() -> None:
    """A few hundred broken requests are answered, none with a 5xx other than 503, and the server stays ready."""
    program = [sys.executable, "-m", "tests.fuzz.requests", "--count", "400", "--seed", "7"]

    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("400 requests of seed 7")
