"""Derives ahead what a start, and the first text after it, would have to derive from task folders.

An image's build runs it as a program; a start does the same where Python writes byte code, so a checkout is as fast
from its second start on. Only ever a matter of speed.
"""

from pathlib import Path

from handler.checks.patterns import keep
from handler.checks.text import patterns_of
from handler.derived import STORE
from handler.task_folders import load_prompts
from handler.tasks import Prompts


def precompile(prompts: Prompts) -> None:
    """Keeps it for later processes. Raises `OSError` where it cannot be written."""
    for task in prompts.tasks:
        if task.rules:
            keep(patterns_of(task.rules))
    STORE.save()


if __name__ == "__main__":
    precompile(load_prompts(Path("prompts"), model_id=""))
