"""The ledger's stores, for tests that hold all of them to one contract."""

from collections.abc import Callable
from dataclasses import dataclass

from edges import Clock

from handler.ledger import Ledger


@dataclass(frozen=True)
class Store:
    """One place to keep a ledger: every `ledger(clock)` shares it, as pods do."""

    ledger: Callable[[Clock], Ledger]
    slack: float = 0.0
    """Seconds that a lease may outlast its time, for clocks that differ."""
