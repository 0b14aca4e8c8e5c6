"""Order and repetition over every ledger store: what a shop shows at the end, whatever came late, twice or half."""

import itertools
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from edges import LOST, RANKING_COPY, Clock, Saying, ScriptedModel, Shop, response
from enricher import Enricher
from product_events import product_event
from stores import Store

from handler.converse import Answer
from handler.deadline import Deadline
from handler.errors import LedgerUnavailable, ModelUnavailable
from handler.events import Order, ProductEvent
from handler.ledger import Ledger, QuestionLease, Slot, SlotLease, SlotState, Written
from handler.outcomes import Outcome
from handler.tasks import Prompts
from handler.write_back import Put

MATERIALS = ("면 100%", "린넨", "울")
BEGINNINGS = ("첫 번째", "새로 쓴", "다시 쓴")
COPIES = {
    material: f"{beginning} 글이에요. 편하게 입기 좋은 티셔츠예요."
    for material, beginning in zip(MATERIALS, BEGINNINGS, strict=True)
}
A, B, C = COPIES.values()
PATH = "/api/v1/products/shirt/description"


class Writer(ScriptedModel):
    """Another text for each material, however often it is asked."""

    def converse(
        self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
    ) -> Mapping[str, Any]:
        super().converse(body, deadline=deadline, before_retry=before_retry)
        (text,) = (copy for material, copy in COPIES.items() if material in str(body["messages"]))
        return response(text)


def change(version: int | None, text: str, event_id: str = "", **fields: Any) -> ProductEvent:  # noqa: ANN401
    """An event whose facts make the model write so."""
    (material,) = (material for material, copy in COPIES.items() if copy == text)
    return product_event(version, event_id=event_id, attributes={"소재": material, "핏": "레귤러핏"}, **fields)


@pytest.fixture
def stored(prompts: Prompts, clock: Clock, store: Store) -> Enricher:
    """The function over each store."""
    enricher = Enricher(prompts, model=Writer(), clock=clock)
    enricher.ledger = store.ledger(clock)
    return enricher


def shown(enricher: Enricher) -> str:
    return str(enricher.shop.shown[PATH]["description"])


# Order


@pytest.mark.parametrize(
    ("fields", "saying", "outcome"),
    [
        ({}, None, Outcome.WRITTEN),
        ({"protected": ["copy"]}, None, Outcome.PROTECTED),
        ({"category": ["신고대상"]}, None, Outcome.HELD),
        ({"category": ["검토대상"]}, None, Outcome.SHADOW),
        ({"attributes": {}}, None, Outcome.INSUFFICIENT),
        ({}, RANKING_COPY, Outcome.REJECTED),
        ({}, response("", "refusal"), Outcome.UNUSABLE),
        ({}, ModelUnavailable(""), Outcome.UNAVAILABLE),
    ],
    ids=lambda value: value.value if isinstance(value, Outcome) else "",
)
def test_latest_is_raised_whatever_the_outcome(
    stored: Enricher, fields: dict[str, Any], saying: Saying | None, outcome: Outcome
) -> None:
    """However the newest event ended, an older one is superseded without a call or a PUT."""
    stored.model = ScriptedModel(*[saying] * 2 if saying else [])
    assert stored.run(product_event(3, **fields)).outcome is outcome
    calls, puts = stored.model.calls, len(stored.shop.puts)
    assert stored.run(product_event(2)).outcome is Outcome.SUPERSEDED
    assert stored.latest() == Order("version", 3)
    assert (stored.model.calls, len(stored.shop.puts)) == (calls, puts)


def test_orders_of_other_kinds_or_none_are_processed(stored: Enricher) -> None:
    """Version, `updatedAt`, `time` and nothing at all do not supersede each other; older ones of a kind are."""
    events = [
        change(9, A),
        change(None, B, updatedAt="2020-01-01T00:00:00Z"),
        change(None, C, time=datetime(2019, 1, 1, tzinfo=UTC)),
        change(None, A),
        change(9, B),
    ]
    assert [stored.run(event).outcome for event in events[:3]] == [Outcome.WRITTEN] * 3
    assert [stored.run(event).outcome for event in events[3:]] == [Outcome.REUSED] * 2
    late = [
        change(8, C),
        change(None, C, updatedAt="2019-12-31T23:59:59.999999Z"),
        change(None, B, time=datetime(2018, 12, 31, tzinfo=UTC)),
    ]
    assert [stored.run(event).outcome for event in late] == [Outcome.SUPERSEDED] * 3
    assert shown(stored) == B


def test_a_product_that_is_created_again_begins_anew(stored: Enricher) -> None:
    """After its deletion version 1 is written, from the answer that is there; its older self is not remembered."""
    stored.run(change(8, A))
    stored.ledger.forget("shirt")
    stored.shop = Shop()  # which forgets its keys with the product
    assert stored.run(change(1, A)).outcome is Outcome.REUSED
    assert stored.latest() == Order("version", 1)
    assert (stored.model.calls, stored.copies) == (1, [A])


def test_edits_back_and_forth_at_one_version_are_shown(stored: Enricher) -> None:
    """A, B, A, B, all of version 1: the shop shows the last, though it honours idempotency keys."""
    for text in (A, B, A, B):
        stored.run(change(1, text))
        assert shown(stored) == text
    assert stored.model.calls == 2


# Races


class Gate(Shop):
    """Holds the first PUT until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.open = threading.Event(), threading.Event()

    def put(self, put: Put, *, within: float) -> Outcome:
        if not self.puts and not self.entered.is_set():
            self.entered.set()
            assert self.open.wait(30)
        return super().put(put, within=within)


def test_an_older_writer_does_not_have_the_last_word(stored: Enricher) -> None:
    """v1 (B) is in its PUT while v2 (A) comes, and A was written last: v2 waits for v1, and writes A again."""
    stored.run(change(0, A))
    stored.shop = gate = Gate()
    waiting = threading.Event()

    def wait(seconds: float) -> None:
        waiting.set()
        gate.open.wait(seconds)

    with ThreadPoolExecutor(2) as pool:
        older = pool.submit(stored.run, change(1, B))
        assert gate.entered.wait(30)
        stored.new_deadline = lambda: Deadline(60, sleep=wait)
        newer = pool.submit(stored.run, change(2, A))
        assert waiting.wait(30)
        assert gate.puts == []
        gate.open.set()
        assert (older.result(30).outcome, newer.result(30).outcome) == (Outcome.WRITTEN, Outcome.REUSED)
    assert shown(stored) == A
    assert stored.written() == Written(Order("version", 2), newer.result().fingerprint, newer.result().edition)


def test_a_write_whose_answer_was_lost_is_not_relied_on(stored: Enricher) -> None:
    """v1 (B) reached the shop and 503 came back; v2 (A), which was written before, is written again."""
    stored.run(change(0, A))
    stored.shop.statuses = [LOST]
    assert stored.run(change(1, B)).outcome is Outcome.UNAVAILABLE
    assert shown(stored) == B
    assert stored.run(change(2, A)).outcome is Outcome.REUSED
    assert shown(stored) == A


def test_a_lost_answer_is_one_write(stored: Enricher) -> None:
    """The redelivery sends the same key: the shop knows that it has done so."""
    stored.shop.statuses = [LOST, LOST]
    event = change(1, A)
    outcomes = [stored.run(event).outcome for _ in range(4)]
    assert outcomes == [Outcome.UNAVAILABLE, Outcome.UNAVAILABLE, Outcome.REUSED, Outcome.UNCHANGED]
    assert (len(stored.shop.puts), len(stored.shop.applied), stored.model.calls) == (3, 1, 1)


# A worker that dies


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """Counts what one worker does at its edges, and kills it at a step, before or after the edge did as it was told."""

    def __init__(self, step: int = -1, *, after: bool = False) -> None:
        self.steps, self._step, self._after = 0, step, after

    def __call__(self, edge: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401 - any edge
        step, self.steps = self.steps, self.steps + 1
        if 0 <= self._step < step or (step == self._step and not self._after):
            raise Killed  # and what is dead does nothing more
        result = edge(*args, **options)
        if step == self._step:
            raise Killed
        return result


class MortalLedger:
    """A ledger as one worker sees it."""

    def __init__(self, ledger: Ledger, life: Mortal) -> None:
        self._ledger, self._life = ledger, life

    def raise_latest(self, slot: Slot, order: Order | None) -> SlotState:
        state: SlotState = self._life(self._ledger.raise_latest, slot, order)
        return state

    def acquire_slot(self, slot: Slot, seconds: float) -> SlotLease | None:
        lease: SlotLease | None = self._life(self._ledger.acquire_slot, slot, seconds)
        return lease

    def record_written(self, lease: SlotLease, written: Written) -> None:
        self._life(self._ledger.record_written, lease, written)

    def release_slot(self, lease: SlotLease, *, in_doubt: bool) -> None:
        self._life(self._ledger.release_slot, lease, in_doubt=in_doubt)

    def acquire_question(
        self, fingerprint: str, seconds: float, *, paid_by: str | None = None
    ) -> Answer | QuestionLease | None:
        found: Answer | QuestionLease | None = self._life(
            self._ledger.acquire_question, fingerprint, seconds, paid_by=paid_by
        )
        return found

    def renew_question(self, lease: QuestionLease, seconds: float) -> bool:
        return bool(self._life(self._ledger.renew_question, lease, seconds))

    def keep_answer(self, lease: QuestionLease, answer: Answer) -> Answer:
        kept: Answer = self._life(self._ledger.keep_answer, lease, answer)
        return kept

    def release_question(self, lease: QuestionLease, *, paid: bool) -> None:
        self._life(self._ledger.release_question, lease, paid=paid)

    def forget(self, product_id: str) -> None:
        self._life(self._ledger.forget, product_id)


class MortalShop(Shop):
    def __init__(self, life: Mortal, shop: Shop) -> None:
        super().__init__()
        self._life, self._shop = life, shop

    def put(self, put: Put, *, within: float) -> Outcome:
        outcome: Outcome = self._life(self._shop.put, put, within=within)
        return outcome


def live(enricher: Enricher, event: ProductEvent, life: Mortal) -> None:
    """One delivery by a worker of that life; nothing of it is left afterwards but what it did."""
    ledger, shop = enricher.ledger, enricher.shop
    enricher.ledger, enricher.shop = MortalLedger(ledger, life), MortalShop(life, shop)
    try:
        enricher.run(event)
    except Killed:
        pass
    finally:
        enricher.ledger, enricher.shop = ledger, shop


STEPS = 5
"""Of a plain event: raise, lease, store, lease, PUT, record; the last is number five."""
LEASE_SECONDS = 65
"""The longest that a dead worker's lease may hold others up."""


def test_the_steps_of_an_event_are_counted(stored: Enricher) -> None:
    """What the next test goes through is all that there is."""
    life = Mortal()
    live(stored, change(1, A), life)
    assert life.steps == STEPS + 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(STEPS + 1))
def test_a_worker_may_die_anywhere(stored: Enricher, step: int, after: bool) -> None:
    """v1 (A) is written, v2 (B) dies at any step, v3 (A) comes, v2 is delivered again: the shop shows A, and nothing
    was paid that was stored."""
    stored.run(change(1, A))
    doomed = change(2, B)
    live(stored, doomed, Mortal(step, after=after))
    stored.clock.sleep(LEASE_SECONDS)
    assert stored.run(change(3, A)).error is None
    assert stored.run(doomed).outcome is Outcome.SUPERSEDED
    assert shown(stored) == A
    assert stored.model.calls <= 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(STEPS + 1))
def test_a_redelivery_goes_on_where_the_worker_died(stored: Enricher, step: int, after: bool) -> None:
    """The event is written once in the end; only a call whose answer was not stored is paid again."""
    event = change(1, A)
    live(stored, event, Mortal(step, after=after))
    stored.clock.sleep(LEASE_SECONDS)
    assert stored.run(event).error is None
    assert shown(stored) == A
    assert len(stored.shop.applied) == 1
    assert stored.model.calls == (2 if (step, after) == (2, False) else 1)
    assert stored.run(event).outcome is Outcome.UNCHANGED


# Every order of events, by many threads, over two workers


SEEDS = [("memory", seed) for seed in range(25)] + [("dynamodb", seed) for seed in range(4)]


class Deliveries:
    """N versions of one product, some of them twice or more, in any order, each until it is acknowledged."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - not a secret
        self.texts = [chance.choice((A, B, C)) for _ in range(chance.randint(2, 6))]
        events = [change(version, text) for version, text in enumerate(self.texts, start=1)]
        self.events = [event for event in events for _ in range(chance.choice((1, 1, 2, 3)))]
        chance.shuffle(self.events)
        self.workers = [chance.randrange(2) for _ in self.events]

    def deliver(self, enrichers: list[Enricher], threads: int) -> None:
        def until_acknowledged(delivery: tuple[ProductEvent, int]) -> None:
            event, worker = delivery
            for _ in range(10):
                if enrichers[worker].run(event).error is None:
                    return
            raise AssertionError("never acknowledged")

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(until_acknowledged, zip(self.events, self.workers, strict=True)))


def pair(prompts: Prompts, clock: Clock, store: Store, shop: Shop) -> list[Enricher]:
    """Two workers with one model, one shop, one store."""
    model = Writer()
    enrichers = [Enricher(prompts, model=model, clock=clock, shop=shop) for _ in range(2)]
    for enricher in enrichers:
        enricher.ledger, enricher.new_deadline = store.ledger(clock), lambda: Deadline(60)
    return enrichers


@pytest.mark.parametrize("checks_versions", [False, True], ids=["shows what comes last", "checks versions"])
@pytest.mark.parametrize(("store", "seed"), SEEDS, indirect=["store"])
def test_any_order_of_deliveries_ends_with_the_newest(
    prompts: Prompts, clock: Clock, store: Store, seed: int, checks_versions: bool
) -> None:
    """The shop shows version N's text; nothing older is written after a newer one; each question is paid once."""
    deliveries, shop = Deliveries(seed), Shop(checks_versions=checks_versions)
    enrichers = pair(prompts, clock, store, shop)
    deliveries.deliver(enrichers, threads=8)
    assert shop.shown[PATH]["description"] == deliveries.texts[-1]
    versions = [body["source"]["version"] for body in shop.applied]
    assert versions == sorted(versions)
    assert enrichers[0].model.calls <= len(set(deliveries.texts))
    assert all(later["description"] != earlier["description"] for earlier, later in itertools.pairwise(shop.applied))


class Stumbling(MortalLedger):
    """Some requests fail before the store did as it was told, some after."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        def stumble(edge: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401 - any edge
            releasing = edge.__name__.startswith("release")
            if not releasing and chance.random() < 0.06:
                raise LedgerUnavailable("before")
            result = edge(*args, **options)
            if not releasing and edge.__name__ not in HELD and chance.random() < 0.06:
                raise LedgerUnavailable("after")
            return result

        super().__init__(ledger, stumble)  # type: ignore[arg-type]


HELD = {"acquire_slot", "acquire_question"}
"""A lease that nobody knows of ends with its time, which stands still in these tests."""


@pytest.mark.parametrize("checks_versions", [False, True], ids=["shows what comes last", "checks versions"])
@pytest.mark.parametrize(("store", "seed"), SEEDS, indirect=["store"])
def test_any_order_ends_with_the_newest_though_the_edges_stumble(
    prompts: Prompts, clock: Clock, store: Store, seed: int, checks_versions: bool
) -> None:
    """So where the ledger fails now and then, and answers of the shop get lost."""
    deliveries, shop, chance = Deliveries(seed), Shop(checks_versions=checks_versions), random.Random(seed)  # noqa: S311
    shop.statuses = chance.choices([204, LOST, 503], weights=[6, 2, 1], k=200)
    enrichers = pair(prompts, clock, store, shop)
    for enricher in enrichers:
        enricher.ledger = Stumbling(enricher.ledger, chance)
    deliveries.deliver(enrichers, threads=4)
    assert shop.shown[PATH]["description"] == deliveries.texts[-1]
