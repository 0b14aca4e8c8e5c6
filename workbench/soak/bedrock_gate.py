"""The way to the Bedrock stand-in: chooses its faults by the schedule, and writes down every call and what it got."""

import base64
import hashlib
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

from handler.converse import Picture, Prefix, Request
from handler.photos import Photo
from workbench.sandbox.bedrock import BedrockStandIn
from workbench.soak.schedule import bedrock_fault
from workbench.soak.wire import Message, forward

WORD = re.compile(rb"SK\d{6}")


@dataclass(frozen=True)
class Call:
    """One Converse call as Bedrock saw it."""

    caller: str
    """Which process, by the name of its door."""
    question: str
    """The canonical body's digest."""
    fingerprint: str
    """The ledger's name for it."""
    follow_up: bool
    end: Literal["answered", "broken", "refused", "silent"]
    """Answered whole; cut off; refused by a status; not at all."""
    begun: float
    ended: float


class BedrockGate:
    """All doors share one journal; safe under threads."""

    def __init__(self, bedrock: BedrockStandIn, seed: int) -> None:
        self.calls: list[Call] = []
        self.on_answer: Callable[[str], None] = lambda _: None
        """Called with the caller just before it gets a whole answer."""
        self._bedrock = bedrock
        self._port = int(bedrock.url.rpartition(":")[2])
        self._seed = seed
        self._attempts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def passing(self, caller: str) -> Callable[[Message, socket.socket], Message | None]:
        """What the door of this caller does with a request."""

        def pass_on(request: Message, client: socket.socket) -> Message | None:
            begun, body = time.time(), json.loads(request.body)
            path = request.head.split(b" ", 2)[1].decode()
            question, follow_up = _digest(path, body), len(body["messages"]) > 1
            self._arm(question, request.body, turn=int(follow_up))
            reply = forward(self._port, request, client)
            end = _end(reply)
            fingerprint = fingerprint_of(path, body)
            with self._lock:
                self.calls.append(Call(caller, question, fingerprint, follow_up, end, begun, time.time()))
            if end == "answered":
                self.on_answer(caller)
            return reply

        return pass_on

    def _arm(self, question: str, body: bytes, *, turn: int) -> None:
        found = WORD.search(body)
        word = found[0].decode() if found else ""
        with self._lock:
            attempt = self._attempts[question]
            self._attempts[question] += 1
        if fault := bedrock_fault(self._seed, word, turn=turn, attempt=attempt):
            self._bedrock.push({**fault, "match": word})


def _end(reply: Message | None) -> Literal["answered", "broken", "refused", "silent"]:
    if reply is None:
        return "silent"
    if reply.status != 200:
        return "refused"
    try:
        json.loads(reply.body)
    except ValueError:
        return "broken"
    return "answered"


def _digest(path: str, body: dict[str, Any]) -> str:
    return sha256(f"{path} {json.dumps(body, sort_keys=True)}".encode())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fingerprint_of(path: str, body: dict[str, Any]) -> str:
    """The fingerprint of a call that is known by its wire format only; its pictures are as their hosts sent them."""
    [turn, *follow_up] = body["messages"]
    images = [base64.b64decode(part["image"]["source"]["bytes"]) for part in turn["content"] if "image" in part]
    tools = body.get("toolConfig", {}).get("tools", [])
    return Request(
        model_id=unquote(path.split("/")[2]),
        prefix=Prefix(body["system"][0]["text"], tools[0]["toolSpec"]["inputSchema"]["json"] if tools else None),
        text=turn["content"][-1]["text"],
        pictures=tuple(Picture(Photo("jpeg", image, 0, 0), sha256(image)) for image in images),
        max_tokens=body["inferenceConfig"]["maxTokens"],
        follow_up=tuple(follow_up),
    ).fingerprint
