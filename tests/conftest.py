"""Fixtures for all tests: the small task folders of tests/prompts, so that an edit of prompts/ breaks no test of code."""

from pathlib import Path

import pytest

from handler.tasks import Prompts, load_prompts

MODEL_ID = "global.anthropic.claude-haiku-5-5"


@pytest.fixture(scope="session")
def prompts_dir() -> Path:
    """Task folders `copy` (text) and `tags` (codes), with `shared`."""
    return Path(__file__).parent / "prompts"


@pytest.fixture(scope="session")
def prompts(prompts_dir: Path) -> Prompts:
    """Those folders, loaded."""
    return load_prompts(prompts_dir, MODEL_ID)
