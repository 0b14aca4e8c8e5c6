"""How the function is served: the configuration for `gunicorn --config handler/server.py` in the project's root.

It is the server that functions-framework starts itself, with the options that it has no switch for.
"""

import gc
import math
import os
import signal
import sys
from functools import partial

# Before the large imports: start-up makes next to no garbage, and looking for it takes a tenth of the time.
gc.disable()
# To see whether anything plugs in, pydantic would read the metadata of every package that is installed; given empty, it
# does.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from gunicorn.sock import BaseSocket  # type: ignore[import-untyped]  # noqa: E402
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]  # noqa: E402

from handler.settings import Settings, SettingsError  # noqa: E402

STOPS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
END_SECONDS = 15
"""How long an event may outlast DEADLINE_SECONDS: what began in time ends (a ledger request, with its retries)."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threads. One that stops answers every connection made until then, and refuses the next ones at once.

    gunicorn itself leaves the socket open until the last event has ended, and accepts no more from it: what is sent
    meanwhile waits for minutes, to be reset. A refusal is delivered again at once, to a pod that lives.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not (enabled or self.alive):
            while self.sockets:
                listener = self.sockets.pop()
                self._accept_waiting(listener)
                listener.close()

    def _accept_waiting(self, listener: BaseSocket) -> None:
        accepted = -1
        while accepted != self.nr_conns:
            accepted = self.nr_conns
            self.accept(listener)


try:
    _settings = Settings.from_env(os.environ)
except SettingsError as error:
    sys.exit(f"product-enricher: {error}")

wsgi_app = 'functions_framework:create_app("handle", "handler/main.py", "http")'
bind = f"0.0.0.0:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
worker_class = Worker
preload_app = True  # a bad setting ends the start with its one line, before any worker exists
timeout = 0  # an event's time is DEADLINE_SECONDS; gunicorn's own clock would kill the worker with all its events
graceful_timeout = math.ceil(_settings.deadline_seconds) + END_SECONDS  # at SIGTERM: as long as an event may take
keepalive = 620  # seconds; proxies keep idle connections for up to 600, and an event sent on one that we closed is lost
loglevel = "error"
limit_request_line = 0
control_socket_disable = True  # nobody steers it by a socket in $HOME, which is read-only in the image


def on_starting(_server: object) -> None:
    """A worker that is told to stop before it handles signals ends there and then.

    With gunicorn alone it still has the server's handlers, which only note the signal: it would go on to serve, and the
    server would wait for it until the grace is over.
    """
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOPS),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOPS),
        after_in_child=_end_when_stopped,
    )


def _end_when_stopped() -> None:
    for stop in STOPS:
        signal.signal(stop, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def pre_fork(_server: object, _worker: object) -> None:
    """What the start has made stays: no worker looks through it again (Python, `gc.freeze`)."""
    gc.freeze()


def post_fork(_server: object, _worker: object) -> None:
    """From here on there is garbage, but little of it: some forty objects an event, for the rest goes by itself.

    Python would look for it through all events in flight so often that it takes 4 % of a full core, in pauses of up to
    180 ms with 512 of them.
    """
    gc.set_threshold(20_000, 10, 10)
    gc.enable()
