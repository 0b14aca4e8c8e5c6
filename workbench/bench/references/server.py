"""The server of the references: gunicorn as the function's own `handler/server.py` has it, and nothing else of it."""

import os

wsgi_app = (
    f'functions_framework:create_app("handle", "workbench/bench/references/{os.environ["REFERENCE"]}.py", "http")'
)
bind = f"127.0.0.1:{os.environ['PORT']}"
threads = int(os.environ["THREADS"])
worker_class = "gthread"
preload_app = True
timeout = 0
keepalive = 620
loglevel = "error"
control_socket_disable = True
