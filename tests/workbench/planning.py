"""What the tests of the planner's commands share: an event in a file, and the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.function import ROOT

SHIRT: dict[str, Any] = {
    "productId": "shirt/1",
    "version": 1,
    "name": "베이직 코튼 티셔츠",
    "category": ["남성의류", "티셔츠"],
    "attributes": {"소재": "면 100%", "핏": "레귤러핏"},
}


def event_file(folder: Path, *, event_type: str = "", **product: Any) -> str:  # noqa: ANN401 - an event's data
    """The path of a file with the shirt: as a structured CloudEvent of that type, or its data alone."""
    data: dict[str, Any] = {**SHIRT, **product}
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": event_type, "data": data}
    path = folder / "event.json"
    path.write_text(json.dumps(event if event_type else data, ensure_ascii=False), encoding="utf-8")
    return str(path)


def workbench(
    *arguments: str, env: Mapping[str, str] | None = None, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """`python -m workbench`, in an environment that knows no cloud but the one it is given."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "workbench", *arguments],
        cwd=ROOT,
        env={**inherited, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, **(env or {})},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
