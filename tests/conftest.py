"""Fixtures for all tests. Prompts are those of tests/prompts, so that an edit of prompts/ breaks no test of code."""

from collections.abc import Callable
from pathlib import Path

import pytest
from enricher import MODEL_ID, Edits, Enricher, edited

from handler.tasks import Prompts, load_prompts


@pytest.fixture(scope="session")
def prompts_dir() -> Path:
    """Task folders `copy` (text) and `tags` (codes), with `shared`."""
    return Path(__file__).parent / "prompts"


@pytest.fixture(scope="session")
def prompts(prompts_dir: Path) -> Prompts:
    """Those folders, loaded."""
    return load_prompts(prompts_dir, MODEL_ID)


@pytest.fixture
def edit(prompts_dir: Path, tmp_path: Path) -> Callable[[Edits], Prompts]:
    """Loads them with a planner's edits: file -> old text, new text."""
    return lambda edits: edited(prompts_dir, tmp_path / f"prompts-{len(list(tmp_path.iterdir()))}", edits)


@pytest.fixture
def enricher(prompts: Prompts) -> Enricher:
    """A function that has seen no event."""
    return Enricher(prompts)
