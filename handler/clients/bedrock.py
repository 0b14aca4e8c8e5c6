"""Bedrock: one Converse call with the one retry loop that it has, and every way it fails mapped on purpose."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from botocore.session import Session
from pydantic_core import from_json, to_json
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from urllib3 import Timeout
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from handler.clients.aws import AwsAnswer, AwsService, CredentialsFailure
from handler.deadline import Deadline
from handler.errors import (
    EnrichmentError,
    ModelAnswerBroken,
    ModelAnswerLate,
    ModelMisconfigured,
    ModelUnavailable,
    Throttled,
)

CONNECT_SECONDS = 3.0
MAX_WAIT_SECONDS = 20.0
WAIT_AFTER_ERROR = wait_random_exponential(multiplier=0.5, max=MAX_WAIT_SECONDS)
WAIT_AFTER_THROTTLE = wait_random_exponential(multiplier=8.0, max=MAX_WAIT_SECONDS)
"""Full jitter; the longest wait doubles with each attempt. A quota fills up over seconds: where demand is 5/4 of it,
first waits of up to half a second make 1.7 calls for each that is let through, these 1.1 (`make bench`, quota)."""

ERRORS: Final[Mapping[str, type[EnrichmentError]]] = {
    "ThrottlingException": Throttled,
    "ServiceQuotaExceededException": Throttled,
    "ModelNotReadyException": ModelUnavailable,
    "ServiceUnavailableException": ModelUnavailable,
    "InternalServerException": ModelUnavailable,
    "ModelTimeoutException": ModelUnavailable,
    "ModelErrorException": ModelUnavailable,
    "ValidationException": ModelMisconfigured,
    "AccessDeniedException": ModelMisconfigured,
    "ResourceNotFoundException": ModelMisconfigured,
}
"""Converse's modelled errors (bedrock-runtime 2023-09-30). What is not listed goes by its status."""
_HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}


class BedrockClient:
    """Safe to share between threads; keeps up to `pool_size` connections open."""

    def __init__(self, session: Session, *, read_timeout: float, pool_size: int) -> None:
        self.read_timeout = read_timeout
        self._timeout = Timeout(connect=CONNECT_SECONDS, total=read_timeout)
        self._service = AwsService(session, "bedrock-runtime", pool_size=pool_size)

    def converse(
        self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
    ) -> Mapping[str, Any]:
        """The response to one question, asked again with full jitter while the deadline allows and `before_retry` does
        not raise.

        A read time-out is not asked again: Bedrock may have finished and billed the answer. Raises `Throttled`,
        `ModelUnavailable`, `ModelMisconfigured`, `ModelAnswerLate`, `ModelAnswerBroken`, `DeadlineExceeded`.
        """
        deadline.require(self.read_timeout, "a model call")

        def has_no_time(state: RetryCallState) -> bool:
            return not deadline.allows(state.upcoming_sleep + self.read_timeout)

        def sleep(seconds: float) -> None:
            deadline.sleep(seconds)
            before_retry()

        retrying = Retrying(
            retry=retry_if_exception(lambda error: type(error) in {Throttled, ModelUnavailable}),
            wait=_wait,
            stop=has_no_time,
            sleep=sleep,
            reraise=True,
        )
        return retrying(self._call, body)

    def _call(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        path = f"/model/{quote(body['modelId'], safe='')}/converse"
        try:
            answer = self._service.post(path, _HEADERS, _wire(body), self._timeout)
        except ReadTimeoutError as error:
            raise ModelAnswerLate(f"no answer within {self.read_timeout:g} s") from error
        except HTTPError as error:
            if _had_begun(error):
                raise ModelAnswerBroken("the connection closed within the answer") from error
            raise ModelUnavailable(type(error).__name__) from error
        except CredentialsFailure as error:  # the request never left
            raise (ModelUnavailable if error.passes else ModelMisconfigured)(str(error)) from error
        if answer.status != 200:
            raise _failure(answer)
        try:
            response: Mapping[str, Any] = from_json(answer.body)
        except ValueError as error:
            raise ModelAnswerBroken("the answer is no JSON") from error
        return response


def _wait(state: RetryCallState) -> float:
    is_throttled = state.outcome is not None and isinstance(state.outcome.exception(), Throttled)
    return (WAIT_AFTER_THROTTLE if is_throttled else WAIT_AFTER_ERROR)(state)


def _wire(body: Mapping[str, Any]) -> bytes:
    """The body as it is sent: the model stands in the path, pictures are base64 (Smithy, "AWS restJson1")."""
    messages = [{**message, "content": [*map(_sent, message["content"])]} for message in body["messages"]]
    return to_json({name: value for name, value in body.items() if name != "modelId"} | {"messages": messages})


def _sent(block: Mapping[str, Any]) -> Mapping[str, Any]:
    if "image" not in block:
        return block
    image = block["image"]
    return {"image": {**image, "source": {"bytes": base64.b64encode(image["source"]["bytes"]).decode()}}}


def _had_begun(error: HTTPError) -> bool:
    """Whether the connection closed within the answer: Bedrock was done by then, and the call is paid."""
    return isinstance(error, ProtocolError) and error.args[0] != "Connection aborted."  # urllib3: before any answer


def _failure(answer: AwsAnswer) -> EnrichmentError:
    name, status = answer.error, answer.status
    detail = f"Bedrock answers {status} {name}".rstrip()[:200]
    if name in ERRORS:
        return ERRORS[name](detail)
    if status == 429:
        return Throttled(detail)
    if status in {408, 424} or status >= 500:
        return ModelUnavailable(detail)
    return ModelMisconfigured(detail)
