"""How the function is served: the configuration for `gunicorn --config handler/server.py` in the project's root.

It is the server that functions-framework starts itself, with the options that it has no switch for.
"""

import os
import sys

from handler.settings import Settings, SettingsError

try:
    _settings = Settings.from_env(os.environ)
except SettingsError as error:
    sys.exit(f"product-enricher: {error}")

wsgi_app = 'functions_framework:create_app("handle", "handler/main.py", "http")'
bind = f"0.0.0.0:{_settings.port}"
workers = _settings.workers
threads = _settings.threads
worker_class = "gthread"
preload_app = True  # a bad setting ends the start with its one line, before any worker exists
timeout = 0  # an event's time is DEADLINE_SECONDS; gunicorn's own clock would kill the worker with all its events
graceful_timeout = 30
keepalive = 620  # seconds; proxies keep idle connections for up to 600, and an event sent on one that we closed is lost
loglevel = "error"
limit_request_line = 0
control_socket_disable = True  # nobody steers it by a socket in $HOME, which is read-only in the image
