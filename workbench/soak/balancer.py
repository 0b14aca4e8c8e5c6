"""One URL in front of the functions, as the activator is: round robin, so many events in one process, no retry.

A process that is killed shows as a broken connection; while none is ready, events wait.
"""

import socket
import threading
from itertools import count

from workbench.soak.wire import Message, forward

WAIT_SECONDS = 30.0
"""For a free place; then the connection breaks."""


class Balancer:
    """Safe under threads. `concurrency` is `containerConcurrency`."""

    def __init__(self, *, concurrency: int) -> None:
        self.broken = 0
        """Requests that ended without an answer."""
        self._concurrency = concurrency
        self._busy: dict[int, int] = {}
        self._turn = count()
        self._changed = threading.Condition()

    def add(self, port: int) -> None:
        with self._changed:
            self._busy[port] = 0
            self._changed.notify_all()

    def remove(self, port: int) -> None:
        with self._changed:
            self._busy.pop(port, None)

    def pass_on(self, request: Message, client: socket.socket) -> Message | None:
        """For a `Door`."""
        with self._changed:
            if not self._changed.wait_for(self._free, WAIT_SECONDS):
                self.broken += 1
                return None
            free = self._free()
            port = free[next(self._turn) % len(free)]
            self._busy[port] += 1
        try:
            reply = forward(port, request, client)
        finally:
            with self._changed:
                if port in self._busy:
                    self._busy[port] -= 1
                self._changed.notify_all()
        if reply is None:
            with self._changed:
                self.broken += 1
        return reply

    def _free(self) -> list[int]:
        return [port for port, busy in self._busy.items() if busy < self._concurrency]
