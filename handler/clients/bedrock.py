"""Bedrock: one Converse call with the one retry loop that it has, and every way it fails mapped on purpose.

The SDK's own retries are off: it would retry a read time-out, and pay for each (AWS SDK reference, "Retry behavior").
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.session import Session
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential
from urllib3.exceptions import ProtocolError

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


class BedrockClient:
    """Safe to share between threads; keeps up to `pool_size` connections open.

    Raises `botocore.exceptions.NoRegionError` where the session has no region.
    """

    def __init__(self, session: Session, *, read_timeout: float, pool_size: int) -> None:
        self.read_timeout = read_timeout
        self._client: Any = session.create_client(
            "bedrock-runtime",
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=read_timeout,
                max_pool_connections=pool_size,
                tcp_keepalive=True,
                user_agent="product-enricher",  # the SDK would put its own together anew for each request, twice
                parameter_validation=False,  # the tests do it
            ),
        )

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
        try:
            response: Mapping[str, Any] = self._client.converse(**body)
        except ClientError as error:
            raise _translated(error) from error
        except ReadTimeoutError as error:
            raise ModelAnswerLate(f"no answer within {self.read_timeout:g} s") from error
        except (HTTPClientError, ConnectionError) as error:
            if _had_begun(error):
                raise ModelAnswerBroken("the connection closed within the answer") from error
            raise ModelUnavailable(type(error).__name__) from error
        except BotoCoreError as error:  # credentials, endpoint: the request never left
            raise ModelMisconfigured(str(error)[:200]) from error
        except (UnicodeDecodeError, AttributeError, TypeError) as error:
            # botocore's parser trusts the body: one cut within a Korean syllable, or JSON that is no object.
            raise ModelAnswerBroken("the answer is no JSON object") from error
        return response


def _wait(state: RetryCallState) -> float:
    is_throttled = state.outcome is not None and isinstance(state.outcome.exception(), Throttled)
    return (WAIT_AFTER_THROTTLE if is_throttled else WAIT_AFTER_ERROR)(state)


def _had_begun(error: HTTPClientError | ConnectionError) -> bool:
    """Whether the connection closed within the answer: Bedrock was done by then, and the call is paid."""
    cause = error.kwargs.get("error")
    return isinstance(cause, ProtocolError) and cause.args[0] != "Connection aborted."  # urllib3: before any answer


def _translated(error: ClientError) -> EnrichmentError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    detail = f"Bedrock answers {status} {code}"[:200]
    if code in ERRORS:
        return ERRORS[code](detail)
    if status == 429:
        return Throttled(detail)
    if status in {408, 424} or status >= 500:
        return ModelUnavailable(detail)
    return ModelMisconfigured(detail)
