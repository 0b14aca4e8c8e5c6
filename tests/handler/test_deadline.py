"""The deadline of one event: what is left, what may still start, and pauses that end with it."""

import pytest
from edges import Clock

from handler.deadline import GRACE_SECONDS, Deadline
from handler.errors import DeadlineExceeded


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_counts_down_to_zero_and_not_below(clock: Clock) -> None:
    """What remains shrinks with the clock and is never negative."""
    deadline = clock.deadline(10)
    assert deadline.remaining() == 10
    clock.sleep(4)
    assert deadline.remaining() == 6
    clock.sleep(7)
    assert deadline.remaining() == 0


def test_a_step_may_start_while_its_time_is_left(clock: Clock) -> None:
    """A step may last as long as is left and the grace; one that may last longer raises, with its name and figures."""
    deadline = clock.deadline(10)
    deadline.require(10, "a model call")
    deadline.require(10 + GRACE_SECONDS, "a model call")
    clock.sleep(1)
    assert not deadline.allows(10)
    with pytest.raises(DeadlineExceeded, match=r"9\.0 s are left, a model call may take 10\.0 s"):
        deadline.require(10, "a model call")


def test_a_call_as_long_as_the_deadline_may_start(clock: Clock) -> None:
    """DEADLINE_SECONDS may be the model's read time-out itself: what the intake took must not forbid the call."""
    deadline = clock.deadline(2)
    clock.sleep(GRACE_SECONDS)
    assert deadline.allows(2)
    clock.sleep(0.01)
    assert not deadline.allows(2)


def test_a_pause_is_jittered(clock: Clock) -> None:
    """Each pause lasts between half and all of what was asked, and not always the same, so that waiters spread."""
    slept: list[float] = []
    deadline = Deadline(1000, clock, slept.append)
    assert all(deadline.pause(0.2) for _ in range(50))
    assert all(0.1 <= seconds <= 0.2 for seconds in slept)
    assert len(set(slept)) > 1


def test_a_pause_ends_with_the_deadline(clock: Clock) -> None:
    """No pause goes beyond the deadline; after it there is none."""
    deadline = clock.deadline(1)
    clock.sleep(0.9)
    started = clock.seconds
    assert deadline.pause(60)
    assert clock.seconds - started == pytest.approx(0.1)
    assert not deadline.pause(60)
    assert deadline.remaining() == 0


def test_the_real_clock_is_monotonic() -> None:
    """Without a clock of its own a deadline runs on the process's, which no change of the wall clock moves."""
    deadline = Deadline(1000)
    first = deadline.remaining()
    assert deadline.pause(0.001)
    assert 0 < deadline.remaining() < first <= 1000
