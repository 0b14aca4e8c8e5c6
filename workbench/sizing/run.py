"""`workbench sizing`: what a quota carries, and which numbers service.yaml needs for it.

It only prints: the manifests are edited by hand, and a test holds them to what is printed.
"""

import math
import sys
from collections.abc import Sequence

from handler.asking import STORE_SECONDS
from handler.clients.dynamodb import SKEW_SECONDS
from handler.content import ContentError
from handler.pipeline import WRITE_SECONDS
from handler.settings import Settings
from handler.task_folders import load_prompts
from workbench.function import ROOT
from workbench.sizing.plan import Load, Quota
from workbench.sizing.profile import calls_of
from workbench.sizing.report import report

DEFAULTS = Settings.from_env({"PRODUCT_SERVICE_URL": "http://product-service"})
LONGEST_HOLD = math.ceil(
    DEFAULTS.model_read_timeout + STORE_SECONDS + WRITE_SECONDS + 2 * SKEW_SECONDS + DEFAULTS.deadline_seconds
)
"""Seconds: both leases of a worker that died, one after the other, and a whole attempt after them."""


def sizing(
    *, rpm: int, tpm: int, latency: float, overhead: float, catalogue: int, outage: float, tasks: Sequence[str]
) -> int:
    """Prints the tables for a quota of `rpm` requests and `tpm` tokens; the exit code is 2 where there are none.

    No task named means all; `latency`, `overhead` and `outage` are seconds.
    """
    try:
        quota = Quota(requests=rpm, tokens=tpm)
        load = Load(catalogue=catalogue, latency=latency, overhead=overhead, outage=outage, longest_hold=LONGEST_HOLD)
        calls = calls_of(load_prompts(ROOT / "prompts", DEFAULTS.model_id), ROOT / "samples", tasks=tasks)
        print(report(calls, quota, load, model_id=DEFAULTS.model_id))
    except (ValueError, ContentError) as error:
        print(f"sizing: {error}", file=sys.stderr)
        return 2
    return 0
