"""`workbench sizing`: the arithmetic of quota and capacity, the profile of real task folders, the printed tables."""

import re
import shutil
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.settings import Settings
from handler.task_folders import load_prompts
from handler.tasks import Prompts
from workbench.__main__ import main
from workbench.function import ROOT
from workbench.sizing.plan import CONSUMER_EVENTS, POD_EVENTS, Call, Load, Quota, capacity_of, hours, rate_of
from workbench.sizing.profile import calls_of
from workbench.sizing.run import LONGEST_HOLD

MODEL = Settings.model_fields["model_id"].default
CALL = Call(
    task="copy",
    prefix=1000,
    fresh=100,
    output=150,
    max_tokens=500,
    usd_warm=Decimal("0.0001"),
    usd_cold=Decimal("0.0002"),
)
LOAD = Load(catalogue=7_000_000, latency=2.5, overhead=0.3, outage=240, longest_hold=220)
PLENTY = 10**9

quotas = st.builds(Quota, requests=st.integers(1, 100_000), tokens=st.integers(1, 100_000_000))
calls = st.builds(
    Call,
    task=st.just("any"),
    prefix=st.integers(0, 5000),
    fresh=st.integers(1, 8000),
    output=st.integers(0, 2000),
    max_tokens=st.integers(1, 4000),
    usd_warm=st.just(Decimal(0)),
    usd_cold=st.just(Decimal(0)),
)
loads = st.builds(
    Load,
    catalogue=st.just(1000),
    latency=st.floats(0.1, 50),
    overhead=st.floats(0, 5),
    outage=st.floats(1, 3600),
    longest_hold=st.just(220),
)


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    """The project's task folders."""
    return load_prompts(ROOT / "prompts", MODEL)


# --- rate ---------------------------------------------------------------------------------------------------------


def test_seven_million_products_at_four_thousand_a_minute_take_29_hours() -> None:
    """Where tokens are plenty, requests bind, and the catalogue takes products / requests a minute."""
    rate = rate_of([CALL], Quota(requests=4000, tokens=PLENTY), latency=2.5)

    assert rate.binds == "requests"
    assert rate.planned == 4000
    assert hours(7_000_000, rate.planned) == pytest.approx(29.2, abs=0.05)


def test_tokens_bind_where_requests_are_plenty() -> None:
    """A call counts with its whole prompt, cached or not, and max_tokens: so much Bedrock takes when it starts."""
    rate = rate_of([CALL], Quota(requests=4000, tokens=1_600_000), latency=2.5)

    assert rate.binds == "tokens"
    assert rate.planned == 1_600_000 / (1000 + 100 + 500)


def test_output_counts_five_times_when_that_is_more_than_was_reserved() -> None:
    """A long answer costs more quota at the end than was reserved at the start, and the plan takes the dearer."""
    rate = rate_of([replace(CALL, output=400)], Quota(requests=4000, tokens=2_100_000), latency=2.5)

    assert rate.planned == 2_100_000 / (100 + 5 * 400)


def test_ceiling_gives_back_cache_reads_and_unused_max_tokens() -> None:
    """What was reserved too much is held for the call's seconds of the minute only: here half a minute."""
    rate = rate_of([CALL], Quota(requests=4000, tokens=1_000_000), latency=30)
    settled = 100 + 5 * 150

    assert rate.ceiling == 1_000_000 / (settled + (1600 - settled) / 2)


def test_product_that_owes_two_calls_takes_both_from_the_quota() -> None:
    """Requests a minute are shared by the calls of a product, and their tokens add up."""
    other = replace(CALL, max_tokens=300)
    rate = rate_of([CALL, other], Quota(requests=4000, tokens=PLENTY), latency=2.5)

    assert rate.planned == 2000
    assert rate.by_tokens == PLENTY / (1600 + 1400)


@given(call=calls, quota=quotas, more=st.integers(1, 10_000_000), load=loads)
def test_more_quota_never_gives_fewer_products(call: Call, quota: Quota, more: int, load: Load) -> None:
    """Neither in the plan nor at the ceiling, which is never below the plan."""
    rate = rate_of([call], quota, latency=load.latency)
    for raised in (replace(quota, requests=quota.requests + more), replace(quota, tokens=quota.tokens + more)):
        after = rate_of([call], raised, latency=load.latency)
        assert after.planned >= rate.planned
        assert after.ceiling >= rate.ceiling
    assert rate.ceiling >= rate.planned * (1 - 1e-9)


@given(call=calls, more=st.integers(1, 100_000))
def test_larger_max_tokens_lower_the_rate_that_tokens_allow(call: Call, more: int) -> None:
    """The reservation is paid in rate, unless the answer's fivefold count is above it anyway."""
    quota = Quota(requests=PLENTY, tokens=1_000_000)
    before, larger = rate_of([call], quota, latency=2.5), replace(call, max_tokens=call.max_tokens + more)
    after = rate_of([larger], quota, latency=2.5)

    if larger.reserved > call.settled:
        assert after.planned < before.planned
        assert after.ceiling < before.ceiling
    else:
        assert after == before


# --- capacity -----------------------------------------------------------------------------------------------------


def test_four_thousand_calls_of_two_and_a_half_seconds_are_167_in_flight() -> None:
    """Little's law; events stay longer than their calls, and each number of service.yaml follows from them."""
    capacity = capacity_of(rate_of([CALL], Quota(requests=4000, tokens=PLENTY), latency=2.5), LOAD, calls=1)

    assert (capacity.calls_in_flight, capacity.events_in_flight) == (167, 187)
    assert (capacity.carrying_pods, capacity.container_concurrency, capacity.threads) == (3, 64, 68)
    assert (capacity.max_scale, capacity.consumers) == (4, 2)


def test_small_quota_still_has_two_pods_and_one_to_spare() -> None:
    """The loss of one pod is never the loss of all; and a handful of events gets no more slots than it needs."""
    capacity = capacity_of(rate_of([CALL], Quota(requests=60, tokens=PLENTY), latency=2.5), LOAD, calls=1)

    assert (capacity.events_in_flight, capacity.carrying_pods, capacity.max_scale) == (3, 2, 3)
    assert capacity.container_concurrency == 8


def test_whole_numbers_are_not_rounded_up() -> None:
    """6,000 a minute of 1.1 s each are 110 in flight, whatever binary fractions make of 1.1."""
    rate = rate_of([CALL], Quota(requests=6000, tokens=PLENTY), latency=1.1)

    assert capacity_of(rate, replace(LOAD, latency=1.1, overhead=0), calls=1).calls_in_flight == 110


@given(call=calls, quota=quotas, load=loads)
def test_capacity_holds_all_that_the_quota_lets_through(call: Call, quota: Quota, load: Load) -> None:
    """Also with one pod lost; dispatcher pods offer as much, and the function takes just what Serving lets in."""
    rate = rate_of([call], quota, latency=load.latency)
    capacity = capacity_of(rate, load, calls=1)
    slots = capacity.container_concurrency

    assert capacity.calls_in_flight >= rate.planned / 60 * load.latency - 1e-6
    assert capacity.events_in_flight >= capacity.calls_in_flight
    assert (capacity.max_scale - 1) * slots >= capacity.events_in_flight
    assert slots <= POD_EVENTS
    assert capacity.consumers * CONSUMER_EVENTS >= capacity.events_in_flight
    settings = Settings.from_env({"PRODUCT_SERVICE_URL": "http://shop", "THREADS": str(capacity.threads)})
    assert slots <= settings.event_slots < settings.threads


@given(load=loads)
def test_retries_outlast_outage_and_leases_and_are_as_few_as_that_takes(load: Load) -> None:
    """The waits last as long as what they must bridge, one retry fewer would not, and the first is a call long."""
    delivery = capacity_of(rate_of([CALL], Quota(requests=60, tokens=PLENTY), latency=1), load, calls=1).delivery
    *shorter, waits = accumulate(delivery.waits())

    assert waits >= max(load.outage, load.longest_hold)
    assert not shorter or shorter[-1] < max(load.outage, load.longest_hold)
    assert delivery.waits()[0] >= load.latency
    assert delivery.backoff_policy == "exponential"


def test_outage_that_the_dispatcher_cannot_sit_out_is_refused() -> None:
    """A batch may take Kafka's largest time-out, 24.8 days, for 50 records with all their attempts."""
    rate = rate_of([CALL], Quota(requests=60, tokens=PLENTY), latency=2.5)

    assert capacity_of(rate, replace(LOAD, outage=16_000), calls=1).delivery.retry == 12
    with pytest.raises(ValueError, match=r"^outage: 17,000 s are more than retries can bridge"):
        capacity_of(rate, replace(LOAD, outage=17_000), calls=1)


@pytest.mark.parametrize("number", [0, -1, float("inf"), float("nan")])
def test_load_must_be_a_number_above_zero(number: float) -> None:
    """What cannot be is named, and not carried into a table."""
    with pytest.raises(ValueError, match=r"^latency: give a number above 0"):
        replace(LOAD, latency=number)
    with pytest.raises(ValueError, match=r"^outage: give a number above 0"):
        replace(LOAD, outage=number)
    with pytest.raises(ValueError, match=r"^catalogue: give a number above 0"):
        replace(LOAD, catalogue=0)


@pytest.mark.parametrize("number", [-0.1, float("inf"), float("nan")])
def test_overhead_may_be_nothing_but_no_less(number: float) -> None:
    """An event may take no time beside its calls."""
    assert replace(LOAD, overhead=0).overhead == 0
    with pytest.raises(ValueError, match=r"^overhead: "):
        replace(LOAD, overhead=number)


# --- profile ------------------------------------------------------------------------------------------------------


def test_profile_is_that_of_the_real_prompts(prompts: Prompts) -> None:
    """Each task has its cached prefix, its photo's patches and its own max_tokens, and costs more without a cache."""
    attributes, description = calls_of(prompts, ROOT / "samples")
    budgets = {task.name: task.file.max_tokens for task in prompts.tasks}

    assert [attributes.task, description.task] == ["attributes", "description"]
    assert {call.task: call.max_tokens for call in (attributes, description)} == budgets
    assert attributes.fresh > 20 * 20  # a photo of 550 x 550: 20 x 20 patches
    for call in (attributes, description):
        assert call.prefix >= 512  # what the model needs to cache it
        assert 0 < call.output < call.max_tokens
        assert call.usd_cold > call.usd_warm > 0


def test_profile_is_that_of_the_longest_question(prompts: Prompts, tmp_path: Path) -> None:
    """No sample alone asks more than what is planned for, and one asks just as much."""
    alone: list[Call] = []
    for path in (ROOT / "samples").glob("*.json"):
        folder = tmp_path / path.stem
        shutil.copytree(ROOT / "samples/images", folder / "images")
        shutil.copy(path, folder)
        with suppress(ValueError):  # not every event asks it
            alone += calls_of(prompts, folder, tasks=["description"])
    (planned,) = calls_of(prompts, ROOT / "samples", tasks=["description"])

    assert len({call.reserved for call in alone}) > 1
    assert planned.reserved == max(call.reserved for call in alone)


def test_profile_has_the_named_tasks_only(prompts: Prompts) -> None:
    """One task is sized by itself; one that is not there is named, with those that are."""
    assert [call.task for call in calls_of(prompts, ROOT / "samples", tasks=["description"])] == ["description"]
    with pytest.raises(ValueError, match="no task is called alt-text; there are attributes, description"):
        calls_of(prompts, ROOT / "samples", tasks=["alt-text"])


def test_task_that_no_sample_asks_has_no_profile(prompts: Prompts, tmp_path: Path) -> None:
    """Nothing is guessed: without a question there are no tokens to count."""
    with pytest.raises(ValueError, match="asks task attributes; add one"):
        calls_of(prompts, tmp_path)


def test_prompt_that_is_too_short_is_not_cached(prompts: Prompts) -> None:
    """Bedrock caches nothing below the model's minimum: such a prompt is paid in full, warm or cold."""
    other = load_prompts(ROOT / "prompts", "anthropic.claude-haiku-4-5-20251001-v1:0")  # 4,096 tokens at least
    for call, short in zip(calls_of(prompts, ROOT / "samples"), calls_of(other, ROOT / "samples"), strict=True):
        assert short.prefix == 0
        assert short.fresh == call.prefix + call.fresh
        assert short.usd_warm == short.usd_cold


# --- command ------------------------------------------------------------------------------------------------------


def rows(output: str) -> dict[str, list[str]]:
    """The tables' rows by their first cell."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in output.splitlines() if line]
    return {first: rest for first, *rest in cells}


def test_command_prints_assumptions_rates_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that was put in is printed back, both limits with the one that binds, and why each number is so."""
    assert main(["sizing", "--rpm", "4000", "--tpm", "2000000"]) == 0
    printed = rows(capsys.readouterr().out)

    assert printed["quota, requests a minute"][0] == "4,000"
    assert printed["quota, tokens a minute"][0] == "2,000,000"
    assert printed["products"][0] == "7,000,000"
    assert printed["hours if requests alone bound"] == ["29.2", "29.2", "58.3"]
    assert printed["what binds"] == ["tokens"] * 3
    assert printed["THREADS"][0] == str(int(printed["containerConcurrency"][0]) + 4)
    assert printed["delivery.retry"][0] == "6"
    assert printed["delivery.backoffDelay"][0] == "PT2S"
    assert all(len(row) == 2 and row[1] for name, row in printed.items() if name in {"max-scale", "consumers"})


def test_command_sizes_one_task_where_requests_bind(capsys: pytest.CaptureFixture[str]) -> None:
    """With tokens to spare, 4,000 requests a minute are 29.2 h, and the table has that task's column alone."""
    assert main(["sizing", "--rpm", "4000", "--tpm", "20000000", "--task", "description"]) == 0
    printed = rows(capsys.readouterr().out)

    assert printed["what binds"] == ["requests"]
    assert printed["hours for the catalogue"] == ["29.2"]
    assert printed["calls in flight"][0] == "167"


def test_tables_are_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """Three tables whose rows have as many cells as their heads."""
    main(["sizing", "--rpm", "4000", "--tpm", "2000000"])
    tables = [table.splitlines() for table in capsys.readouterr().out.strip().split("\n\n")]

    assert len(tables) == 3
    for head, rule, *body in tables:
        assert re.fullmatch(r"\|(-+\|)+", rule)
        assert {line.count("|") for line in body} == {head.count("|")} == {rule.count("|")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rpm", "0", "--tpm", "1"], "requests: give a number above 0"),
        (["--rpm", "1", "--tpm", "-5"], "tokens: give a number above 0"),
        (["--rpm", "1", "--tpm", "1", "--outage", "99999"], "outage: 99,999 s are more than retries can bridge"),
        (["--rpm", "1", "--tpm", "1", "--task", "poem"], "no task is called poem"),
    ],
)
def test_command_names_what_it_cannot_use(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stderr, nothing on stdout, and the exit code of a wrong command line."""
    assert main(["sizing", *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"sizing: {message}")


def test_longest_hold_is_leases_and_an_attempt() -> None:
    """A question's lease of 65 s, a slot's of 35 s, both with the clocks' 5 s, and DEADLINE_SECONDS."""
    assert LONGEST_HOLD == 60 + 5 + 30 + 5 + 120
