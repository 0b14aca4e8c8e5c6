"""Bedrock, the product service and an image host in one small server that answers at random, and fast."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415478da63f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)
WRITES = [204] * 12 + [200, 301, 401, 404, 409, 412, 422, 423, 500]
PHOTOS = [200] * 6 + [302, 403, 404, 500]
SAYINGS: list[dict[str, object]] = [
    {"text": "편하게 입기 좋은 티셔츠예요. 오늘 코디를 가볍게 마무리해 보세요."},
    {"text": "단연 최고의 선택이에요. https://example.com"},
    {"text": ""},
    {"toolUse": {"toolUseId": "t", "name": "record_attributes", "input": {"Color": ["white"], "Print": ["solid"]}}},
    {"toolUse": {"toolUseId": "t", "name": "record_attributes", "input": {"Color": "white", "Print": [1, None]}}},
    {"toolUse": {"toolUseId": "t", "name": "record_attributes", "input": "white"}},
    {"reasoningContent": {"reasoningText": {"text": "..."}}},
]
STOP_REASONS = ["end_turn", "tool_use"] * 5 + ["max_tokens", "refusal", "content_filtered", "unheard_of"]
REFUSALS = [400, 403, 404] + [200] * 40  # a 429 or 5xx is asked again, which takes time


@contextmanager
def neighbours(seed: int) -> Iterator[str]:
    """Runs them; gives their common URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Seeded", (_Handler,), {"random": Random(seed)}))  # noqa: S311 - no secret
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    random: Random
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - BaseHTTPRequestHandler's signature
        """Says nothing."""

    def do_PUT(self) -> None:
        self._answer(self.random.choice(WRITES), b"")

    def do_GET(self) -> None:
        status = self.random.choice(PHOTOS)
        self._answer(status, PNG if status == 200 else b"no")

    def do_POST(self) -> None:
        content = [self.random.choice(SAYINGS) for _ in range(self.random.choice([1, 1, 1, 0, 2]))]
        answer = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": self.random.choice(STOP_REASONS),
            "usage": {"inputTokens": 100, "outputTokens": 50, "totalTokens": 150},
            "metrics": {"latencyMs": 1},
        }
        self._answer(self.random.choice(REFUSALS), json.dumps(answer).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
