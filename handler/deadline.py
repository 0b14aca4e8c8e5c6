"""The time that one event has. Everything that waits asks here first."""

import random
import time
from collections.abc import Callable

from handler.errors import DeadlineExceeded

GRACE_SECONDS = 0.5
"""So late may a step start that needs all the time there is: the answer is due within the deadline and a second."""


class Deadline:
    """Counts down from its making. `clock` and `sleep` are for tests."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ends = clock() + seconds
        self._clock = clock
        self.sleep = sleep

    def remaining(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self._ends - self._clock())

    def allows(self, seconds: float) -> bool:
        """Whether a step that may last so long may still start."""
        return self.remaining() + GRACE_SECONDS >= seconds

    def require(self, seconds: float, purpose: str) -> None:
        """Raises `DeadlineExceeded` where such a step would end too late."""
        if not self.allows(seconds):
            raise DeadlineExceeded(f"{self.remaining():.1f} s are left, {purpose} may take {seconds:.1f} s")

    def pause(self, seconds: float) -> bool:
        """Sleeps up to `seconds`, at random so that waiters spread; False where no time is left."""
        left = self.remaining()
        if left <= 0:
            return False
        self.sleep(min(left, random.uniform(seconds / 2, seconds)))  # noqa: S311 - jitter, not a secret
        return True
