"""Where the function dies, and what must be true in the end: by rule for each step of an event, and some by hand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from border import Boundary, Moment
from stage import REGISTERED, UPDATED

STEPS = {
    "raise-latest": "UpdateItem",
    "take-question": "UpdateItem",
    "ask": "converse",
    "store-answer": "UpdateItem",
    "take-slot": "UpdateItem",
    "put": "description",
    "record": "UpdateItem",
}
"""An event from its arrival to its end, step by step, and the request that each makes."""
RANKING_COPY = "단연 최고의 베이직 코튼 티셔츠예요. 오늘 코디를 가볍게 마무리해 보세요."
"""Breaks a rule, so that the model is asked again."""


@dataclass(frozen=True)
class Case:
    """One crash, and its end."""

    name: str
    fatal: Boundary
    calls: int
    """Of the model, in all."""
    writes: int
    """PUTs that arrived, in all."""
    outcomes: tuple[str, ...]
    """Of each task, as the delivery that is acknowledged ends."""
    waits: bool
    """Whether a lease stands that nobody will release."""
    event_type: str = UPDATED
    fault: Mapping[str, Any] | None = None
    """Of the stand-in for Bedrock."""

    def __str__(self) -> str:
        return self.name


def each_boundary() -> Iterator[Case]:
    """Both edges of every step of one event."""
    steps = list(STEPS)
    for number, step in enumerate(steps):
        for moment in Moment:
            done = steps[: number + (moment is Moment.AFTER)]
            stored, recorded = "store-answer" in done, "record" in done
            paying = "take-question" in done and not stored
            writing = "take-slot" in done and not recorded
            yield Case(
                f"{moment}-{step}",
                Boundary(number, moment),
                calls=2 if "ask" in done and not stored else 1,
                writes=2 if "put" in done and not recorded else 1,
                outcomes=("unchanged" if recorded else "reused" if stored else "written",),
                waits=paying or writing,
            )


def second_question() -> Iterator[Case]:
    """The first answer broke a rule: what was paid for it stays paid when the function dies over the second."""
    first = len(["raise-latest"]) + len(["take-question", "ask", "store-answer"])
    for step, number, calls in (("take-question", 0, 2), ("ask", 1, 3), ("store-answer", 2, 2)):
        yield Case(
            f"after-second-{step}",
            Boundary(first + number, Moment.AFTER),
            calls=calls,
            writes=1,
            outcomes=("written" if step != "store-answer" else "reused",),
            waits=step != "store-answer",
            fault={"text": RANKING_COPY},
        )


def second_task() -> Iterator[Case]:
    """The first task is done for good when the function dies in the second, which asks nothing here."""
    yield Case(
        "after-second-put",
        Boundary(len(STEPS) + len(["raise-latest", "take-slot"]), Moment.AFTER),
        calls=1,
        writes=3,
        outcomes=("unchanged", "reused"),
        waits=True,
        event_type=REGISTERED,
    )


CASES = sorted([*each_boundary(), *second_question(), *second_task()], key=lambda case: not case.waits)
"""Those that wait come first, so that the whole takes less time."""
EACH_KIND_ONCE = {"before-raise-latest", "after-record"}
"""What `make test` runs; those that wait for a lease to expire are left to `make test-crash`."""
