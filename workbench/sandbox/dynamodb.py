"""DynamoDB for sandbox and tests: moto's, in a process of its own, one request at a time.

Its own server works on several requests at once and then lets two conditional writes win. Not for production.
"""

import argparse
import gc
import os
import selectors
import subprocess
import sys
from types import TracebackType
from typing import Self

START_SECONDS = 30
STOP_SECONDS = 5


class DynamoDb:
    """The running service: `with DynamoDb() as dynamodb: ... dynamodb.url`. Everything it holds dies with it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.sandbox.dynamodb"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"},
            start_new_session=True,  # Ctrl-C reaches the caller, which stops it in order
        )
        assert self._process.stdout is not None  # noqa: S101 - opened above
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if waiting.select(START_SECONDS) else ""
        if not line:
            self.__exit__(None, None, None)
            raise OSError("DynamoDB's stand-in did not start")
        self.port = int(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None  # noqa: S101 - opened above
        self._process.stdout.close()

    @property
    def url(self) -> str:
        """`AWS_ENDPOINT_URL_DYNAMODB` of this service."""
        return f"http://127.0.0.1:{self.port}"


def serve(port: int) -> None:
    """Serves until the process ends; prints the port."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing."""

    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", port, app, threaded=False, request_handler=Quiet)
    gc.set_threshold(100_000)  # moto makes many small objects: looking for cycles took a third of its time
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one unless given")
    serve(parser.parse_args().port)
