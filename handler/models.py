"""The table of models: what each accepts and what it costs. Pure but for reading `models.yaml` once."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from handler.content import Content, read

PROFILES = ("global", "us", "eu", "jp", "au", "apac", "in", "us-gov")
_MILLION = 1_000_000


class Usage(Content):
    """Tokens of calls. `input` excludes what was read from or written to the cache, as Bedrock counts it."""

    input: int = Field(0, serialization_alias="inputTokens")
    output: int = Field(0, serialization_alias="outputTokens")
    cache_read: int = Field(0, serialization_alias="cacheReadInputTokens")
    cache_write: int = Field(0, serialization_alias="cacheWriteInputTokens")

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
        )


class Price(Content):
    """USD for a million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    def of(self, usage: Usage) -> Decimal:
        """USD for these tokens."""
        return (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
        ) / _MILLION


class LongPrompt(Content):
    over: int
    price: Price


class Model(Content):
    """One row of `models.yaml`, where the keys are explained."""

    tool_choice: Literal["forced", "auto"]
    thinking: Literal["none", "disable", "always"]
    cache_minimum: int
    price: Price
    long_prompt: LongPrompt | None = None


class ModelTable(Content):
    prices_on: str
    geo_markup: Decimal
    models: dict[str, Model]

    def find(self, model_id: str) -> Model:
        """The row of a model or inference profile, by id or ARN; raises `KeyError` with a sentence."""
        bare = bare_id(model_id)
        if bare not in self.models:
            raise KeyError(f"{model_id} has no row in handler/models.yaml; it has {', '.join(self.models)}")
        return self.models[bare]

    def cost(self, model_id: str, usage: Usage) -> Decimal:
        """USD for one call."""
        model = self.find(model_id)
        price = model.price
        if model.long_prompt and usage.input + usage.cache_read + usage.cache_write > model.long_prompt.over:
            price = model.long_prompt.price
        regional = _profile(model_id) not in {"global", ""}
        return price.of(usage) * (self.geo_markup if regional else 1)


def bare_id(model_id: str) -> str:
    """The model behind an inference profile: `global.anthropic.claude-x` and its ARN are `anthropic.claude-x`."""
    name = model_id.rpartition("/")[2]
    profile = _profile(model_id)
    return name.removeprefix(f"{profile}.") if profile else name


def _profile(model_id: str) -> str:
    first = model_id.rpartition("/")[2].partition(".")[0]
    return first if first in PROFILES else ""


@cache
def model_table() -> ModelTable:
    """The table that ships with the function."""
    return read(Path(__file__).with_name("models.yaml"), ModelTable)
