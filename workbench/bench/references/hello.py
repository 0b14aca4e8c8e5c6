"""The least function: reads the request, says hello."""

import flask


def handle(request: flask.Request) -> flask.Response:
    request.get_data()
    return flask.Response(b"hello\n", 200, {"Content-Type": "text/plain"})
