"""Decides what one request to the stand-in is answered with: an account of Bedrock with quota, prompt cache and faults.

It holds state but opens no socket; the server carries its replies.
"""

import threading
import time
from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict, Field

from workbench.sandbox.bedrock.answers import answer_to
from workbench.sandbox.bedrock.faults import Fault, FaultQueue
from workbench.sandbox.bedrock.models import model_of
from workbench.sandbox.bedrock.replies import Reply, failed, refused, spoken
from workbench.sandbox.bedrock.request_log import RequestLog
from workbench.sandbox.bedrock.rules import check
from workbench.sandbox.bedrock.signature import authenticate
from workbench.sandbox.bedrock.usage import PromptCache, Quota, prompt_tokens, usage
from workbench.sandbox.bedrock.wire import Refused, invalid, parse_json, read_request

Pause = Callable[[Fault, threading.Event], bool]


class Settings(BaseModel):
    """How the stand-in behaves for every request; None means no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_seconds: float = Field(default=0, ge=0)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)


class Account:
    """The state that requests share; every method may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._initial = settings
        self.log = RequestLog()
        self.faults = FaultQueue()
        self.released = threading.Event()
        self.reset()

    def reset(self) -> None:
        """Forgets requests, faults, cached prompts and changed settings; hung requests go on."""
        self.faults.clear()
        self.log.clear()
        self._cache = PromptCache()
        self._settle_on(self._initial)
        self.release()

    def configure(self, changes: Mapping[str, object]) -> None:
        """Changes the named settings; a quota starts full. Raises pydantic.ValidationError for an unknown one."""
        self._settle_on(Settings.model_validate({**self.settings.model_dump(), **changes}))

    def _settle_on(self, settings: Settings) -> None:
        self.settings = settings
        self._quota = Quota(requests=settings.requests_per_minute, tokens=settings.tokens_per_minute)

    def release(self) -> None:
        """Lets every hung request go on to its answer."""
        self.released, released = threading.Event(), self.released
        released.set()

    def converse(self, model_id: str, headers: Mapping[str, str], raw: bytes, *, pause: Pause) -> Reply | None:
        """The answer to one request; None means that the connection closes without one.

        `pause` waits as long as the fault and the settings say, or until its event, and tells whether to go on.
        """
        released = self.released  # before the log tells anyone that there is something to release
        body = parse_json(raw)
        number = self.log.arrived(model_id, body)
        try:
            authenticate(headers)
            reply = self._answer(model_id, body, lambda fault: pause(fault, released))
        except Refused as refusal:
            reply = refused(refusal)
        if reply is not None:
            self.log.answered(number, reply.status)
        return reply

    def _answer(self, model_id: str, body: object, pause: Callable[[Fault], bool]) -> Reply | None:
        started = time.monotonic()
        request = read_request(model_id, body)
        model = model_of(model_id)
        check(request, model)
        quota, size = self._quota, prompt_tokens(request, model)
        if size > model.context:
            raise invalid("Input is too long for requested model.")
        max_tokens = request.get("inferenceConfig", {}).get("maxTokens", model.max_output)
        quota.reserve(size + max_tokens)
        # Only now: a fault never hides a request that Bedrock would refuse.
        fault = self.faults.take(model_id, body)
        if not pause(fault) or fault.drop:
            return None
        if fault.error or fault.status or fault.empty_body:
            return failed(fault)
        answer = answer_to(request, fault, max_tokens=max_tokens)
        prompt = self._cache.count(request, model)
        quota.settle(size + max_tokens, prompt, answer.tokens)
        latency_ms = round((time.monotonic() - started) * 1000)
        return spoken(answer, usage(prompt, answer.tokens), latency_ms, fault)
