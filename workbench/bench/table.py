"""The rows that a bench measured and the table that they make. Pure."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row must keep: its ratio to the reference, or its own value."""

    sense: Literal["<=", ">="]
    limit: float
    of: Literal["ratio", "value"] = "ratio"

    def holds(self, row: "Row") -> bool:
        actual = row.value if self.of == "value" else row.ratio
        return actual <= self.limit if self.sense == "<=" else actual >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement beside its reference, both in `unit`."""

    title: str
    value: float
    unit: str
    goal: Goal
    reference: float | None = None
    beside: str = ""
    """What the reference is."""
    noise: float | None = None
    """By how much the reference's own rounds differ, as a share of it."""

    @property
    def ratio(self) -> float:
        """NaN where there is no reference: no goal holds for it."""
        return self.value / self.reference if self.reference else math.nan

    @property
    def is_kept(self) -> bool:
        return self.goal.holds(self)


def compared(
    title: str,
    unit: str,
    goal: Goal,
    *,
    values: Sequence[float],
    references: Sequence[float],
    beside: str,
) -> Row:
    """A row of several rounds: medians, and the reference's own spread as noise."""
    return Row(
        title=title,
        value=statistics.median(values),
        unit=unit,
        goal=goal,
        reference=statistics.median(references),
        beside=beside,
        noise=spread(references),
    )


def spread(rounds: Sequence[float]) -> float:
    """Half of what lies between the largest and the smallest, as a share of the median."""
    return (max(rounds) - min(rounds)) / 2 / statistics.median(rounds)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of them do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def markdown(rows: Iterable[Row]) -> str:
    """The table, one line a row."""
    head = ("row", "measured", "reference", "ratio", "goal", "", "noise")
    body = [_cells(row) for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ("---",) * len(head), *body])


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.reference is None else f"{row.ratio:.3f}x"
    limit = f"{row.goal.limit:g}x" if row.goal.of == "ratio" else f"{_number(row.goal.limit)} {row.unit}"
    return (
        row.title,
        f"{_number(row.value)} {row.unit}",
        "" if row.reference is None else f"{_number(row.reference)} {row.unit}: {row.beside}",
        ratio,
        f"{row.goal.sense} {limit}",
        "ok" if row.is_kept else "**over**",
        "" if row.noise is None else f"±{row.noise:.1%}",
    )


def _number(value: float) -> str:
    """Four significant digits, without an exponent."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}".rstrip("0").rstrip(".")
