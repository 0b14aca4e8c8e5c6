"""HTTP parts of the sandbox's product service: the server, raw paths, JSON in and out. No word of products."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.routing import BaseConverter
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response


class Server(ThreadedWSGIServer):
    """A thread a request; closing it waits for all of them."""

    daemon_threads = False


class Handler(WSGIRequestHandler):
    """Logs errors only."""

    timeout = 5  # seconds; a client that connects and says nothing must not hold up the end

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


class Segment(BaseConverter):
    """One segment of the raw path, decoded after routing: `%2F` in a product id is not a separator."""

    def to_python(self, value: str) -> str:
        return unquote(value)


def raw_path(request: Request) -> str:
    """The path as it was sent, percent-encoded, without the query."""
    return str(request.environ["RAW_URI"]).partition("?")[0]


def read_object(request: Request) -> dict[str, Any]:
    """The body; raises `BadRequest` where it is not a JSON object in UTF-8."""
    try:
        body = json.loads(request.get_data())
        json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate is legal JSON, but no text
    except ValueError as error:
        raise BadRequest("The body is not JSON in UTF-8.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body is not a JSON object.")
    return body


def reply(body: Mapping[str, Any]) -> Response:
    """200 with JSON."""
    return Response(json.dumps(body, ensure_ascii=False), mimetype="application/json")


def problem(error: HTTPException) -> Response:
    """RFC 9457, with the headers that belong to the status."""
    response = error.get_response()
    body = {"type": "about:blank", "title": error.name, "status": error.code, "detail": error.description}
    response.set_data(json.dumps(body, ensure_ascii=False))
    response.content_type = "application/problem+json"
    return response
