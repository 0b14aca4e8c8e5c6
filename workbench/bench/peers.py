"""What the function talks to in a bench, in one light process: Bedrock, an image host, a product service, DynamoDB.

The answers are made once and only sent; it checks nothing, for that is what tests are for.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Final, cast

from workbench.bench import events, questions
from workbench.bench.dynamodb import DynamoDb
from workbench.bench.wire import Message, response, take

BURST_SECONDS = 1.0
"""Of its rate, what the quota's bucket holds: Bedrock's holds a minute's, which would outlast a bench."""
_OPERATION: Final = b"DynamoDB_20120810."

Send = Callable[[bytes], None]


class Bucket:
    """A token bucket, full at first; a rate of 0 is no limit."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` in calls a second."""
        self._rate = rate
        self._clock = clock
        self._left = self._size = max(1.0, rate * BURST_SECONDS)
        self._filled_at = clock()

    def takes(self) -> bool:
        """Whether one more call is within the rate; it then counts."""
        if not self._rate:
            return True
        now = self._clock()
        self._left = min(self._size, self._left + self._rate * (now - self._filled_at))
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Peers:
    """All of them; a request is told apart by its path."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._delay = 0.0
        self._bucket = Bucket(0)
        self._dynamodb = DynamoDb()
        self._photo = response(200, events.photo(), content_type="image/jpeg")
        self._throttled = response(429, b'{"__type": "ThrottlingException", "message": "Too many requests"}')
        self._written = response(200, b"{}")

    # Made for the first call, so that only those who ask the model need task folders that load.
    @cached_property
    def _copy(self) -> bytes:
        return response(200, questions.description().response)

    @cached_property
    def _labels(self) -> bytes:
        return response(200, questions.attributes(events.photo()).response)

    def answer(self, message: Message, send: Send) -> None:
        """Answers now or, as a model does, later. Raises `Unsupported` for what the ledger never sends."""
        head = message.head
        if head.startswith(b"GET /images/"):
            self._counts["photo"] += 1
            send(self._photo)
        elif head.startswith(b"POST /model/"):
            self._converse(message, send)
        elif head.startswith(b"PUT /"):
            self._counts["put"] += 1
            send(self._written)
        elif head.startswith(b"POST /bench "):
            send(self._told(json.loads(message.body)))
        elif (start := head.find(_OPERATION)) > 0:
            operation = head[start + len(_OPERATION) : head.index(b"\r\n", start)].decode()
            self._counts[operation] += 1
            status, body = self._dynamodb.answer(operation, json.loads(message.body))
            send(response(status, json.dumps(body).encode(), content_type="application/x-amz-json-1.0"))
        else:
            send(response(404, b"{}"))

    def _converse(self, message: Message, send: Send) -> None:
        self._counts["converse"] += 1
        if not self._bucket.takes():
            self._counts["throttled"] += 1
            send(self._throttled)
            return
        said = self._labels if b'"toolConfig"' in message.body else self._copy
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, send, said)
        else:
            send(said)

    def _told(self, orders: dict[str, float]) -> bytes:
        """The bench's own orders: `delay` in seconds, `rate` in calls a second. Answers what was counted."""
        self._delay = orders.get("delay", self._delay)
        if "rate" in orders:
            self._bucket = Bucket(orders["rate"])
        counted = {"counts": self._counts, "cpu": time.process_time()}
        return response(200, json.dumps(counted).encode())


class _Connection(asyncio.Protocol):
    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while message := take(self._buffer):
            try:
                self._peers.answer(message, self._send)
            except Exception as error:  # noqa: BLE001 - whoever asked gets a 500, and the log says why
                print(f"peers: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                self._send(response(500, b"{}"))

    def _send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def serve() -> None:
    """Serves until the process ends; prints the port."""
    peers = Peers()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(peers), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
