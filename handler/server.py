"""How the function is served: the configuration for `gunicorn --config handler/server.py` in the project's root.

It is the server that functions-framework starts itself, with the options that it has no switch for.
"""

import os

wsgi_app = 'functions_framework:create_app("handle", "handler/main.py", "http")'
bind = f"0.0.0.0:{os.environ.get('PORT') or 8080}"
workers = int(os.environ.get("WORKERS") or 1)
threads = int(os.environ.get("THREADS") or 64)
worker_class = "gthread"
preload_app = True  # a bad setting ends the start with its one line, before any worker exists
timeout = 0  # an event's time is DEADLINE_SECONDS; gunicorn's own clock would kill the worker with all its events
graceful_timeout = 30
keepalive = 620  # seconds; proxies keep idle connections for up to 600, and an event sent on one that we closed is lost
loglevel = "error"
limit_request_line = 0
