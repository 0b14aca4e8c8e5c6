"""Which Claude models the stand-in knows, and what each of them refuses.

Sources: the AWS and Anthropic model cards and migration guides of October 2026. A row says what the service does, not
what the function should send.
"""

import re
from dataclasses import dataclass
from typing import Literal

from workbench.sandbox.bedrock.wire import Refused, invalid


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model family and its rules; token counts are upper limits unless said otherwise."""

    base_id: str
    profiles: tuple[str, ...]
    context: int
    max_output: int
    image_tokens: int
    cache_minimum: int
    sampling: bool
    prefill: bool
    thinking: Literal["off", "adaptive", "always"]
    budget: bool
    efforts: tuple[str, ...]
    forcing: Literal["yes", "thinking disabled", "no"]


_WORLD = ("global", "us", "eu", "au", "jp", "apac")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")


def _claude_5(base_id: str, *, profiles: tuple[str, ...] = _WORLD, cache_minimum: int = 512) -> Model:
    return Model(
        base_id=base_id,
        profiles=profiles,
        context=1_000_000,
        max_output=128_000,
        image_tokens=4_784,
        cache_minimum=cache_minimum,
        sampling=False,
        prefill=False,
        thinking="always" if "opus" in base_id else "adaptive",
        budget=False,
        efforts=_EFFORTS,
        forcing="no" if base_id.endswith(("sonnet-5-5", "opus-5-5")) else "thinking disabled",
    )


def _claude_4(base_id: str, *, prefill: bool, efforts: tuple[str, ...], cache_minimum: int, more: str = "in") -> Model:
    return Model(
        base_id=base_id,
        profiles=(*_WORLD, more),
        context=200_000,
        max_output=64_000,
        image_tokens=1_568,
        cache_minimum=cache_minimum,
        sampling=True,
        prefill=prefill,
        thinking="off",
        budget=True,
        efforts=efforts,
        forcing="yes",
    )


MODELS = (
    _claude_5("anthropic.claude-haiku-5-5", profiles=(*_WORLD, "us-gov")),
    _claude_5("anthropic.claude-sonnet-5-5"),
    _claude_5("anthropic.claude-opus-5-5"),
    _claude_5("anthropic.claude-sonnet-5", profiles=(*_WORLD, "in"), cache_minimum=1_024),
    _claude_4(
        "anthropic.claude-sonnet-4-6", prefill=False, efforts=("low", "medium", "high", "max"), cache_minimum=1_024
    ),
    _claude_4("anthropic.claude-haiku-4-5-20251001-v1:0", prefill=True, efforts=(), cache_minimum=4_096),
)
_RETIRED = ("claude-3-", "claude-v2", "claude-instant")
_ID = re.compile(r"(?:arn:aws[^/]*/)?(?:(?P<profile>[a-z]{2,6}(?:-gov)?)\.)?(?P<base>anthropic\.claude-[a-z0-9.:-]+)")


def model_of(model_id: str) -> Model:
    """The model that an id, an inference profile or the ARN of one names.

    Raises Refused: 404 for a retired or unknown model, 400 for a base id that only inference profiles serve and for
    what is no model id at all.
    """
    named = _ID.fullmatch(model_id)
    if named is None:
        raise invalid("The provided model identifier is invalid.")
    base, profile = named["base"], named["profile"]
    if any(name in base for name in _RETIRED):
        raise Refused("ResourceNotFoundException", "This model version has reached the end of its life.")
    for model in MODELS:
        if model.base_id == base and profile is None:
            raise invalid(
                f"Invocation of model ID {base} with on-demand throughput isn't supported. Retry your request with the "
                "ID or ARN of an inference profile that contains this model."
            )
        if model.base_id == base and profile in model.profiles:
            return model
    raise Refused(
        "ResourceNotFoundException", f"Could not resolve the foundation model from the identifier {model_id}."
    )
