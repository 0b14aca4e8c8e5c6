"""Counts what a request costs: token estimates, the prompt cache and the account's quota. It never sees the wire."""

import functools
import hashlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.sandbox.bedrock.models import Model
from workbench.sandbox.bedrock.photos import image_tokens
from workbench.sandbox.bedrock.wire import Refused

_SYLLABLES = range(ord("가"), ord("힣") + 1)
_TOKENS_PER_SYLLABLE = 1.3
_LATIN_PER_TOKEN = 4
_LIFETIME_SECONDS = {"5m": 300, "1h": 3600}
# Output tokens count five times against the quota when a call settles (Bedrock's burndown for Claude 3.7 and later).
_BURNDOWN = 5


@dataclass(frozen=True, kw_only=True)
class PromptTokens:
    """The prompt in tokens; `fresh` excludes what the cache read or wrote."""

    fresh: int
    read: int = 0
    written: int = 0
    lifetime: str = "5m"

    @property
    def total(self) -> int:
        return self.fresh + self.read + self.written


@functools.lru_cache(maxsize=512)
def text_tokens(text: str) -> int:
    """An estimate, not a tokenizer: 1.3 a Hangul syllable, a quarter of a token for every other ASCII character."""
    syllables = sum(ord(character) in _SYLLABLES for character in text)
    ascii_characters = sum(character.isascii() for character in text)
    others = len(text) - syllables - ascii_characters
    return math.ceil(syllables * _TOKENS_PER_SYLLABLE + ascii_characters / _LATIN_PER_TOKEN + others)


def prompt_tokens(request: Mapping[str, Any], model: Model) -> int:
    """The whole prompt, images included, whatever the cache holds of it."""
    return sum(_block_tokens(block, model) for block in _prompt(request) if "cachePoint" not in block)


class PromptCache:
    """Remembers prompt prefixes that end at a cachePoint, in the service's order: tools, system, messages."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._expiry: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def count(self, request: Mapping[str, Any], model: Model) -> PromptTokens:
        """The longest known prefix is read; what follows it up to the last cachePoint is written."""
        total = read = cached = 0
        lifetime = "5m"
        prefix = hashlib.sha256(model.base_id.encode())
        with self._lock:
            now = self._clock()
            for block in _prompt(request):
                if "cachePoint" not in block:
                    total += _block_tokens(block, model)
                    prefix.update(repr(sorted(block.items())).encode())
                elif total >= model.cache_minimum:  # below the minimum the service ignores the mark without a word
                    key, lifetime = prefix.digest(), block["cachePoint"].get("ttl", "5m")
                    read = total if self._expiry.get(key, 0) > now else read
                    cached = total
                    self._expiry[key] = now + _LIFETIME_SECONDS[lifetime]
        return PromptTokens(fresh=total - cached, read=read, written=cached - read, lifetime=lifetime)


def usage(prompt: PromptTokens, output_tokens: int) -> dict[str, Any]:
    """The `usage` member of an answer."""
    counted: dict[str, Any] = {
        "inputTokens": prompt.fresh,
        "outputTokens": output_tokens,
        "totalTokens": prompt.total + output_tokens,
        "cacheReadInputTokens": prompt.read,
        "cacheWriteInputTokens": prompt.written,
    }
    if prompt.written:
        counted["cacheDetails"] = [{"ttl": prompt.lifetime, "inputTokens": prompt.written}]
    return counted


class Quota:
    """The account's requests and tokens a minute as two leaky buckets; None means no limit."""

    def __init__(
        self, *, requests: int | None, tokens: int | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._limits = {"requests": requests, "tokens": tokens}
        self._left = {name: float(limit) for name, limit in self._limits.items() if limit is not None}
        self._filled_at = clock()
        self._lock = threading.Lock()

    def reserve(self, tokens: int) -> None:
        """Takes one request and the whole prompt plus maxTokens, as Bedrock does when a call starts.

        Raises Refused (ThrottlingException) where either is not left.
        """
        need = {"requests": 1, "tokens": tokens}
        with self._lock:
            self._fill()
            for name, left in self._left.items():
                if left < need[name]:
                    raise Refused("ThrottlingException", f"Too many {name}, please wait before trying again.")
            for name in self._left:
                self._left[name] -= need[name]

    def settle(self, reserved: int, prompt: PromptTokens, output_tokens: int) -> None:
        """Gives back what was reserved beyond the final charge: cache reads are free, output counts five times."""
        with self._lock:
            self._fill()
            if "tokens" in self._left:
                self._left["tokens"] += reserved - (prompt.fresh + prompt.written + output_tokens * _BURNDOWN)

    def _fill(self) -> None:
        now = self._clock()
        for name in self._left:
            limit = self._limits[name] or 0
            self._left[name] = min(limit, self._left[name] + limit * (now - self._filled_at) / 60)
        self._filled_at = now


def _prompt(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from request.get("toolConfig", {}).get("tools", [])
    yield from request.get("system", [])
    for message in request["messages"]:
        yield {"role": message["role"]}
        yield from message["content"]


def _block_tokens(block: Mapping[str, Any], model: Model) -> int:
    if "image" in block:
        return image_tokens(block["image"]["source"]["bytes"], limit=model.image_tokens)
    return text_tokens(block["text"] if "text" in block else json.dumps(block, ensure_ascii=False, default=str))
