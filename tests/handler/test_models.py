"""The table of models: its figures, and how an id finds its row."""

from datetime import date
from decimal import Decimal

import pytest

from handler.models import PROFILES, Usage, bare_id, model_table

HAIKU = "anthropic.claude-haiku-5-5"
PRICES = {
    # USD for a million tokens at the global profile on 2026-11-22: input, output, cache read, cache write (5 minutes)
    HAIKU: ("0.10", "0.50", "0.01", "0.125"),
    "anthropic.claude-haiku-4-5-20251001-v1:0": ("1.00", "5.00", "0.10", "1.25"),
    "anthropic.claude-sonnet-5-5": ("2.00", "10.00", "0.10", "2.50"),
    "anthropic.claude-sonnet-5": ("2.00", "10.00", "0.20", "2.50"),
    "anthropic.claude-sonnet-4-6": ("3.00", "15.00", "0.30", "3.75"),
    "anthropic.claude-opus-5-5": ("4.00", "20.00", "0.20", "5.00"),
}


@pytest.mark.parametrize("bare", model_table().models)
def test_every_model_has_the_listed_prices(bare: str) -> None:
    """The table is compared with a second copy: a slip of a digit would bill wrongly in every log line."""
    price = model_table().models[bare].price
    figures = (price.input, price.output, price.cache_read, price.cache_write)
    assert figures == tuple(map(Decimal, PRICES[bare]))


def test_the_table_says_when_its_prices_were_read() -> None:
    """Prices without a date cannot be checked."""
    assert date.fromisoformat(model_table().prices_on) <= date.today()  # noqa: DTZ011 - a date without an hour


@pytest.mark.parametrize("bare", PRICES)
def test_every_kind_of_id_finds_the_same_row(bare: str) -> None:
    """A model is one model by bare id, by any profile, and by the ARN of either."""
    table = model_table()
    arn = "arn:aws:bedrock:us-east-1"
    ids = [bare, *(f"{profile}.{bare}" for profile in PROFILES)]
    ids += [f"{arn}:123456789012:inference-profile/{name}" for name in ids[1:]] + [f"{arn}::foundation-model/{bare}"]
    for model_id in ids:
        assert bare_id(model_id) == bare
        assert table.find(model_id) is table.models[bare]


@pytest.mark.parametrize("unknown", ["claude", "", "global.anthropic.claude-3-haiku", f"mars.{HAIKU}", "a/b/c"])
def test_an_unknown_model_is_answered_with_a_sentence(unknown: str) -> None:
    """Whoever sets MODEL_ID reads what was not found, where, and what there is."""
    with pytest.raises(KeyError) as caught:
        model_table().find(unknown)
    (sentence,) = caught.value.args
    assert sentence.startswith(f"{unknown} has no row in handler/models.yaml")
    assert all(bare in sentence for bare in PRICES)


def test_the_cost_counts_each_kind_of_token_at_its_price() -> None:
    """Input, output, cache reads and cache writes have four prices."""
    usage = Usage(input=1000, output=2000, cache_read=3000, cache_write=4000)
    expected = (1000 * Decimal("3") + 2000 * Decimal("15") + 3000 * Decimal("0.30") + 4000 * Decimal("3.75")) / 10**6
    assert model_table().cost("global.anthropic.claude-sonnet-4-6", usage) == expected


def test_a_usual_product_costs_a_fraction_of_a_cent() -> None:
    """3,000 tokens of prompt, two photos and 400 tokens of answer on the default model: 0.0006568 USD."""
    assert model_table().cost(f"global.{HAIKU}", Usage(input=3000 + 2 * 784, output=400)) == Decimal("0.0006568")


@pytest.mark.parametrize("profile", PROFILES)
def test_regional_profiles_cost_a_tenth_more(profile: str) -> None:
    """The global profile has the list price, every other one the mark-up on top."""
    usage = Usage(input=10_000, output=1000)
    markup = Decimal(1) if profile == "global" else Decimal("1.1")
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{profile}.{HAIKU}"
    base = model_table().cost(HAIKU, usage)
    assert model_table().cost(f"{profile}.{HAIKU}", usage) == model_table().cost(arn, usage) == base * markup


@pytest.mark.parametrize(
    ("usage", "price"),
    [
        (Usage(input=100_000), Decimal("0.10")),
        (Usage(input=100_001), Decimal("0.50")),
        (Usage(input=50_000, cache_read=50_000), None),
        (Usage(input=1, cache_read=60_000, cache_write=40_000), None),
    ],
)
def test_a_long_prompt_has_its_own_price(usage: Usage, price: Decimal | None) -> None:
    """Over 100,000 tokens, cached ones counted, the whole request is dearer; up to there it is not."""
    model = model_table().models[HAIKU]
    assert model.long_prompt is not None
    if price is not None:
        assert model_table().cost(HAIKU, usage) == usage.input * price / 10**6
    is_long = usage.input + usage.cache_read + usage.cache_write > 100_000
    row = model.long_prompt.price if is_long else model.price
    assert model_table().cost(HAIKU, usage) == row.of(usage)
    figures = (row.input, row.output, row.cache_read, row.cache_write)
    long_figures = tuple(map(Decimal, ("0.50", "2.50", "0.05", "0.625")))
    assert (figures == long_figures) is is_long


def test_usages_add_up_kind_by_kind() -> None:
    """A question asked twice costs the sum, each kind of token on its own."""
    total = Usage(input=1, output=2, cache_read=3, cache_write=4) + Usage(
        input=10, output=20, cache_read=30, cache_write=40
    )
    assert total == Usage(input=11, output=22, cache_read=33, cache_write=44)


def test_a_usage_goes_out_under_bedrock_s_names() -> None:
    """The reply and the log name tokens as Bedrock does."""
    assert Usage(input=1, output=2, cache_read=3, cache_write=4).model_dump(by_alias=True) == {
        "inputTokens": 1,
        "outputTokens": 2,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 4,
    }
