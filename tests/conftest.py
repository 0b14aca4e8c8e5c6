"""Fixtures for all tests. Prompts are those of tests/prompts, so that an edit of prompts/ breaks no test of code."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from edges import Clock
from enricher import MODEL_ID, Edits, Enricher, edited
from stores import Store

from handler.ledger import Ledger, MemoryLedger
from handler.task_folders import load_prompts
from handler.tasks import Prompts

if TYPE_CHECKING:
    from dynamo import DynamoProxy, DynamoServer


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


@pytest.fixture
def clock() -> Clock:
    """Seconds that pass only when somebody sleeps."""
    return Clock()


@pytest.fixture(scope="session")
def dynamo_server() -> Iterator["DynamoServer"]:
    """DynamoDB without a table."""
    from dynamo import DynamoServer  # takes a second to load

    with DynamoServer() as server:
        yield server


@pytest.fixture(scope="session")
def dynamo_proxy(dynamo_server: "DynamoServer") -> Iterator["DynamoProxy"]:
    """What stands before it and breaks requests."""
    from dynamo import DynamoProxy

    with DynamoProxy(dynamo_server) as proxy:
        yield proxy


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest, clock: Clock) -> Store:
    """An empty place of each kind to keep a ledger."""
    if request.param == "memory":
        memory = MemoryLedger(clock)
        return Store(lambda _: memory)
    import dynamo

    return dynamo.store(request.getfixturevalue("dynamo_server"))


@pytest.fixture
def ledger(store: Store, clock: Clock) -> Ledger:
    """An empty ledger of each store."""
    return store.ledger(clock)
