"""What every row stands on: the peers, and how the function and its references are started against them."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handler.models import model_table
from workbench.bench import events, questions
from workbench.bench.processes import FUNCTION, REFERENCE, Peers, Server, take_the_last_core

LEDGERS: Final[Mapping[str, str]] = {"memory": "memory://", "dynamodb": "dynamodb://bench"}
SPARE_THREADS = 8
"""Beyond the events in flight: one is the probes', and some may be between two events."""


@dataclass(frozen=True)
class Stage:
    """The running peers."""

    peers: Peers
    question_file: Path
    """The attributes question as boto3's `converse` takes it, but for its photo."""

    @property
    def photo_url(self) -> str:
        return self.peers.url + events.PHOTO_PATH

    def function(self, ledger: str = "memory", *, in_flight: int = 64) -> Server:
        """The function with a ledger of `LEDGERS`."""
        return Server(FUNCTION, {**self._env(in_flight), "LEDGER_URL": LEDGERS[ledger], "IMAGE_HOSTS": "127.0.0.1"})

    def hello(self, *, in_flight: int = 64) -> Server:
        return Server(REFERENCE, {**self._env(in_flight), "REFERENCE": "hello"})

    def calls(self, calls: str) -> Server:
        """Hello after these bare calls: names of `references/calls.py`."""
        asks = {"CALLS": calls, "QUESTION_FILE": str(self.question_file)}
        return Server(REFERENCE, {**self._env(64), "REFERENCE": "calls", **asks})

    def _env(self, in_flight: int) -> dict[str, str]:
        return {
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.peers.url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.peers.url,
            "PRODUCT_SERVICE_URL": self.peers.url,
            "THREADS": str(in_flight + SPARE_THREADS),
        }


@contextmanager
def stage() -> Iterator[Stage]:
    """Starts the peers, on the core that this process then runs on as well."""
    take_the_last_core()
    request = questions.attributes(events.photo()).request
    body = request.body(model_table().find(request.model_id))
    del body["messages"][0]["content"][0]  # bytes are no JSON: whoever asks fetches the photo anyway
    with tempfile.TemporaryDirectory() as folder, Peers() as peers:
        path = Path(folder) / "question.json"
        path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        yield Stage(peers, path)
