"""DynamoDB fails while an event is under way: no event is lost or skipped, nothing is written that is not stored."""

from collections.abc import Iterator

import pytest
from dynamo import Breaking, DynamoProxy, DynamoServer, Fault, ledger
from edges import GOOD_COPY, RANKING_COPY, Clock
from enricher import Enricher
from product_events import product_event

from handler.clients.dynamodb_table import ATTEMPTS
from handler.deadline import Deadline
from handler.outcomes import Outcome
from handler.tasks import Prompts

DOWN: Fault = (500, "InternalServerError")
PATH = "/api/v1/products/shirt/description"
LEASE_SECONDS = 65


@pytest.fixture
def proxy(dynamo_proxy: DynamoProxy) -> Iterator[DynamoProxy]:
    yield dynamo_proxy
    dynamo_proxy.breaks = lambda _name, _input: None


@pytest.fixture
def enricher(prompts: Prompts, clock: Clock, proxy: DynamoProxy, dynamo_server: DynamoServer) -> Enricher:
    """The function over a DynamoDB that is told what to break."""
    enricher = Enricher(prompts, clock=clock)
    enricher.ledger = ledger(proxy.session, dynamo_server.create_table(), clock)
    enricher.new_deadline = lambda: Deadline(1)
    return enricher


def updates(part: str) -> Breaking:
    """Breaks the updates whose expression has this part."""
    return lambda _name, given: DOWN if part in given.get("UpdateExpression", "") else None


RAISE, LEASE, STORE, WRITE, RECORD = (
    updates("latest_"),
    updates("attempts = :one"),
    updates("SET answer"),
    lambda _, given: DOWN if given.get("ReturnValues") == "ALL_OLD" else None,
    updates("SET written"),
)


@pytest.mark.parametrize("breaks", [RAISE, LEASE], ids=["raise", "lease"])
def test_trouble_before_the_call_is_503_without_a_call(
    enricher: Enricher, proxy: DynamoProxy, breaks: Breaking
) -> None:
    """Nothing is asked or written; delivered again once the store is back, the event is written."""
    proxy.breaks = breaks
    event = product_event()
    result = enricher.run(event)
    assert result.error
    assert (result.outcome, result.error.code, result.error.status) == (
        Outcome.UNAVAILABLE,
        "ledgerunavailable",
        503,
    )
    assert (enricher.model.calls, enricher.shop.puts, result.bill.unstored) == (0, [], 0)
    proxy.breaks = lambda _name, _input: None
    assert enricher.run(event).outcome is Outcome.WRITTEN


def test_an_answer_is_stored_as_soon_as_the_store_is_back(enricher: Enricher, proxy: DynamoProxy) -> None:
    """Trouble within the deadline costs nothing."""
    left = [DOWN] * (ATTEMPTS + 1)
    proxy.breaks = lambda name, given: left.pop() if left and STORE(name, given) else None
    result = enricher.run(product_event())
    assert (result.outcome, result.bill.calls, result.bill.unstored) == (Outcome.WRITTEN, 1, 0)


def test_an_answer_that_cannot_be_stored_is_not_written(enricher: Enricher, proxy: DynamoProxy) -> None:
    """Tried until the deadline, then 503 without a PUT, counted; the next delivery pays again."""
    proxy.breaks = STORE
    event = product_event()
    result = enricher.run(event)
    assert (result.outcome, enricher.shop.puts) == (Outcome.UNAVAILABLE, [])
    assert (result.bill.calls, result.bill.unstored) == (1, 1)
    assert proxy.seen.count("UpdateItem") > ATTEMPTS
    proxy.breaks = lambda _name, _input: None
    enricher.clock.sleep(LEASE_SECONDS)
    assert enricher.run(event).outcome is Outcome.WRITTEN
    assert enricher.model.calls == 2


def test_an_answer_whose_storing_was_not_confirmed_is_found(enricher: Enricher, proxy: DynamoProxy) -> None:
    """It was stored, and every confirmation was lost: 503 now, and nothing is paid again."""
    proxy.breaks = lambda name, given: "lose" if STORE(name, given) else None
    event = product_event()
    assert enricher.run(event).bill.unstored == 1
    proxy.breaks = lambda _name, _input: None
    assert enricher.run(event).outcome is Outcome.REUSED
    assert (enricher.model.calls, enricher.copies) == (1, [GOOD_COPY])


def test_without_the_writers_lease_nothing_is_written(enricher: Enricher, proxy: DynamoProxy) -> None:
    """503 without a PUT; the answer is stored, so the redelivery is free."""
    proxy.breaks = WRITE
    event = product_event()
    result = enricher.run(event)
    assert (result.outcome, result.bill.calls, enricher.shop.puts) == (Outcome.UNAVAILABLE, 1, [])
    proxy.breaks = lambda _name, _input: None
    assert enricher.run(event).outcome is Outcome.REUSED
    assert enricher.model.calls == 1


def test_a_write_that_cannot_be_recorded_is_repeated(enricher: Enricher, proxy: DynamoProxy) -> None:
    """503 though the shop has it: the redelivery sends the same key, and no later event relies on the old record."""
    enricher.say(GOOD_COPY, "새로 쓴 글이에요. 편하게 입기 좋은 베이직 코튼 티셔츠예요.")
    enricher.run(product_event(1))
    proxy.breaks = RECORD
    event = product_event(2, attributes={"소재": "린넨", "핏": "오버핏"})
    assert enricher.run(event).outcome is Outcome.UNAVAILABLE
    proxy.breaks = lambda _name, _input: None
    assert enricher.run(event).outcome is Outcome.REUSED
    assert len({put.idempotency_key for put in enricher.shop.puts[1:]}) == 1
    assert len(enricher.shop.applied) == 2


def test_a_write_that_cannot_be_recorded_misleads_nobody(enricher: Enricher, proxy: DynamoProxy) -> None:
    """v2 reached the shop unrecorded; v3 is what v1 was, and is written instead of skipped."""
    enricher.say(GOOD_COPY, "새로 쓴 글이에요. 편하게 입기 좋은 베이직 코튼 티셔츠예요.")
    enricher.run(product_event(1))
    proxy.breaks = RECORD
    enricher.run(product_event(2, attributes={"소재": "린넨", "핏": "오버핏"}))
    assert enricher.shop.shown[PATH]["description"] != GOOD_COPY
    proxy.breaks = lambda _name, _input: None
    assert enricher.run(product_event(3)).outcome is Outcome.REUSED
    assert enricher.shop.shown[PATH]["description"] == GOOD_COPY


def test_a_re_ask_that_cannot_be_stored_writes_nothing(enricher: Enricher, proxy: DynamoProxy) -> None:
    """The first answer is stored, the mended one is not: 503; the redelivery asks only the second one again."""
    enricher.say(RANKING_COPY, GOOD_COPY, GOOD_COPY)
    stores = iter([None])
    proxy.breaks = lambda name, given: next(stores, DOWN) if STORE(name, given) else None
    event = product_event()
    result = enricher.run(event)
    assert (result.outcome, result.bill.calls, result.bill.unstored) == (Outcome.UNAVAILABLE, 2, 1)
    assert enricher.shop.puts == []
    proxy.breaks = lambda _name, _input: None
    enricher.clock.sleep(LEASE_SECONDS)
    assert enricher.run(event).outcome is Outcome.WRITTEN
    assert (enricher.model.calls, enricher.copies) == (3, [GOOD_COPY])
