"""What the edges can do to an event: Bedrock, the ledger, the image hosts, the product service."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from edges import GOOD_COPY, OTHER_PHOTO, PHOTO, Saying, ScriptedModel, Shop, response
from enricher import COPY, Edits, Enricher
from images import encode, noise
from product_events import IMAGES, SHIRT, product_event

from handler.converse import Answer
from handler.deadline import Deadline
from handler.errors import (
    EnrichmentError,
    ImageHostUnavailable,
    ImageNotAnImage,
    LedgerUnavailable,
    ModelAnswerLate,
    ModelUnavailable,
    Throttled,
)
from handler.events import Order
from handler.ledger import MemoryLedger, QuestionLease, Slot, SlotState
from handler.outcomes import Outcome
from handler.tasks import Prompts
from handler.write_back import Put

URL = SHIRT["imageUrls"][0]
Edit = Callable[[Edits], Prompts]


# Failures of the edges


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Throttled("429"), Outcome.THROTTLED),
        (ModelUnavailable("503"), Outcome.UNAVAILABLE),
        (ModelAnswerLate("50 s"), Outcome.UNAVAILABLE),
        (response("", "refusal"), Outcome.UNUSABLE),
        (response(GOOD_COPY, "a new one"), Outcome.UNUSABLE),
    ],
    ids=["throttled", "unavailable", "late", "refusal", "unknown stop reason"],
)
def test_what_the_model_cannot_do_is_an_outcome(enricher: Enricher, error: Saying, outcome: Outcome) -> None:
    """Each way Bedrock fails ends the task with its outcome; only what a person can mend is reported."""
    enricher.say(error)
    result = enricher.run(product_event())
    assert (result.outcome, enricher.shop.writes) == (outcome, [])
    assert len(enricher.shop.reports) == (outcome is Outcome.UNUSABLE)


def test_three_answers_too_late_are_enough(enricher: Enricher) -> None:
    """503, 503, then 422 `modeltimeout`, and no call at all after that."""
    enricher.say(*[ModelAnswerLate("50 s")] * 3)
    event = product_event()
    codes = [result.error.code for _ in range(4) if (result := enricher.run(event)).error]
    assert codes == ["modelanswerlate", "modelanswerlate", "modeltimeout", "modeltimeout"]
    assert enricher.model.calls == 3


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(ImageHostUnavailable("503"), Outcome.UNAVAILABLE), (ImageNotAnImage("html"), Outcome.UNUSABLE)],
    ids=lambda value: type(value).__name__,
)
def test_a_photo_that_fails_is_not_remembered(enricher: Enricher, failure: EnrichmentError, outcome: Outcome) -> None:
    """The photo is fetched again on redelivery, and once it is there the product is tagged."""
    enricher.images.files[URL] = failure
    event = product_event(name=IMAGES)
    result = enricher.run(event)
    assert (result.outcome, result.error, enricher.model.calls) == (outcome, failure, 0)
    enricher.images.files[URL] = PHOTO
    assert enricher.run(event).outcome is Outcome.WRITTEN


def test_damaged_bytes_are_unusable(enricher: Enricher) -> None:
    """A file that is no photo ends as 422 and is reported."""
    enricher.images.files[URL] = b"<html>not found</html>"
    result = enricher.run(product_event(name=IMAGES))
    assert (result.outcome, [report["code"] for report in enricher.shop.reports]) == (
        Outcome.UNUSABLE,
        ["imagenotanimage"],
    )


def test_a_question_that_is_too_long_is_unusable(enricher: Enricher) -> None:
    """A product of 8,000 tokens and more is not asked."""
    attributes = {f"설명 {number}": f"{number}" + "가" * 900 for number in range(10)}
    result = enricher.run(product_event(attributes=attributes))
    assert result.error
    assert (result.error.code, enricher.model.calls) == ("inputtoolarge", 0)


class LostLedger(MemoryLedger):
    """Knows nothing and says so."""

    def raise_latest(self, slot: Slot, order: Order | None) -> SlotState:
        raise LedgerUnavailable("the store is down")


def test_without_the_ledger_nothing_is_asked(enricher: Enricher) -> None:
    """The store is down: 503, no call, no PUT."""
    enricher.ledger = LostLedger(enricher.clock)
    result = enricher.run(product_event())
    assert (result.outcome, enricher.model.calls, enricher.shop.puts) == (Outcome.UNAVAILABLE, 0, [])


class ForgetfulLedger(MemoryLedger):
    """Cannot keep answers."""

    def keep_answer(self, lease: QuestionLease, answer: Answer) -> Answer:
        raise LedgerUnavailable("the store is down")


def test_what_is_not_stored_is_not_written(enricher: Enricher) -> None:
    """An answer that cannot be stored is no PUT, but money: it is on the bill as one that may be paid twice."""
    enricher.ledger = ForgetfulLedger(enricher.clock)
    result = enricher.run(product_event())
    assert (result.outcome, enricher.shop.puts) == (Outcome.UNAVAILABLE, [])
    assert (result.bill.calls, result.bill.unstored) == (1, 1)


# Photos


STRIP = encode(noise(100, 1000), "PNG")


def test_detail_strips_are_passed_over(enricher: Enricher) -> None:
    """The first photo that is no strip is shown; later ones are not even fetched."""
    urls = [f"https://img.example.com/{name}.png" for name in ("strip", "shirt", "back")]
    enricher.images.files |= dict(zip(urls, (STRIP, PHOTO, OTHER_PHOTO), strict=True))
    assert enricher.run(product_event(name=IMAGES, imageUrls=urls)).outcome is Outcome.WRITTEN
    assert enricher.images.fetched == urls[:2]


def test_a_product_with_strips_only_lacks_a_photo(enricher: Enricher) -> None:
    """Nothing to look at is `insufficient`."""
    enricher.images.files[URL] = STRIP
    result = enricher.run(product_event(name=IMAGES))
    assert (result.outcome, enricher.model.calls) == (Outcome.INSUFFICIENT, 0)
    assert "strip" in result.detail


def test_strips_are_tiled_where_the_task_says_so(enricher: Enricher, edit: Edit) -> None:
    """The tiles are the model's pictures, at most as many as the task takes."""
    enricher.prompts = edit({"tags/task.yaml": ("{max: 1, strips: skip}", "{max: 2, strips: tile}")})
    enricher.images.files[URL] = encode(noise(800, 5000), "JPEG")
    enricher.run(product_event(name=IMAGES))
    content = enricher.model.bodies[0]["messages"][0]["content"]
    assert [list(block) for block in content] == [["image"], ["image"], ["text"]]


def test_a_new_photo_behind_the_same_url_asks_again(enricher: Enricher) -> None:
    """The question holds the photo's bytes, not its address; a new address of the same bytes asks nothing."""
    enricher.run(product_event(1, name=IMAGES))
    enricher.images.files[URL] = OTHER_PHOTO
    assert enricher.run(product_event(2, name=IMAGES)).outcome is Outcome.WRITTEN
    moved = "https://cdn.example.com/a.png"
    enricher.images.files[moved] = OTHER_PHOTO
    assert enricher.run(product_event(3, name=IMAGES, imageUrls=[moved])).outcome is Outcome.UNCHANGED
    assert enricher.model.calls == 2


# Write-back


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        (200, Outcome.WRITTEN, None),
        (409, Outcome.SUPERSEDED, None),
        (412, Outcome.SUPERSEDED, None),
        (423, Outcome.PROTECTED, None),
        (404, Outcome.UNUSABLE, "productunknown"),
        (400, Outcome.UNUSABLE, "writebackrejected"),
        (422, Outcome.UNUSABLE, "writebackrejected"),
        (302, Outcome.UNUSABLE, "writebackrejected"),
        (401, Outcome.UNAVAILABLE, "productserviceunauthorized"),
        (403, Outcome.UNAVAILABLE, "productserviceunauthorized"),
        (408, Outcome.UNAVAILABLE, "productserviceunavailable"),
        (429, Outcome.UNAVAILABLE, "productserviceunavailable"),
        (500, Outcome.UNAVAILABLE, "productserviceunavailable"),
        (503, Outcome.UNAVAILABLE, "productserviceunavailable"),
    ],
)
def test_what_the_product_service_answers_is_an_outcome(
    enricher: Enricher, status: int, outcome: Outcome, code: str | None
) -> None:
    """Only what was written counts as written; whatever else, the answer is paid and a redelivery reuses it."""
    enricher.shop.statuses = [status]
    event = product_event()
    result = enricher.run(event)
    assert (result.outcome, result.error.code if result.error else None) == (outcome, code)
    assert (enricher.written() is not None) == (outcome is Outcome.WRITTEN)
    assert len(enricher.shop.reports) == (outcome is Outcome.UNUSABLE)
    redelivered = enricher.run(event)
    assert redelivered.outcome is (Outcome.UNCHANGED if outcome is Outcome.WRITTEN else Outcome.REUSED)
    assert (enricher.model.calls, redelivered.bill.calls) == (1, 0)


def test_an_answer_is_stored_before_it_is_written(enricher: Enricher) -> None:
    """The product service is down: 503, the answer is in the ledger, and every redelivery sends the same PUT."""
    enricher.shop.statuses = [503, 503]
    event = product_event()
    assert [enricher.run(event).outcome for _ in range(3)] == [
        Outcome.UNAVAILABLE,
        Outcome.UNAVAILABLE,
        Outcome.REUSED,
    ]
    assert enricher.model.calls == 1
    assert len({put.idempotency_key for put in enricher.shop.puts}) == 1
    assert set(enricher.copies) == {GOOD_COPY}


class MeanwhileModel(ScriptedModel):
    """While it is asked, something happens."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def converse(
        self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
    ) -> Mapping[str, Any]:
        self._meanwhile()
        return super().converse(body, deadline=deadline, before_retry=before_retry)


def test_an_event_that_was_superseded_while_it_was_asked_is_not_written(enricher: Enricher) -> None:
    """A newer event came between question and PUT: no PUT, and nothing recorded."""
    enricher.model = MeanwhileModel(lambda: enricher.ledger.raise_latest(COPY, Order("version", 2)))
    assert enricher.run(product_event(1)).outcome is Outcome.SUPERSEDED
    assert (enricher.model.calls, enricher.shop.puts, enricher.written()) == (1, [], None)


def test_a_redelivery_while_it_was_asked_does_not_supersede(enricher: Enricher) -> None:
    """An equal order is no newer one."""
    enricher.model = MeanwhileModel(lambda: enricher.ledger.raise_latest(COPY, Order("version", 1)))
    assert enricher.run(product_event(1)).outcome is Outcome.WRITTEN


def test_one_writer_at_a_time(enricher: Enricher) -> None:
    """While another worker writes the product this one waits; at its deadline it gives up with 503, paid and stored."""
    other = enricher.ledger.acquire_slot(COPY, 600)
    assert other
    event = product_event()
    result = enricher.run(event)
    assert result.error
    assert (result.error.code, enricher.shop.puts) == ("leaseheld", [])
    enricher.ledger.release_slot(other, in_doubt=False)
    assert enricher.run(event).outcome is Outcome.REUSED


def test_a_dead_writer_is_waited_for(enricher: Enricher) -> None:
    """A worker that died writing holds the product for 30 seconds, not longer."""
    assert enricher.ledger.acquire_slot(COPY, 30)
    started = enricher.clock.seconds
    assert enricher.run(product_event()).outcome is Outcome.WRITTEN
    assert 30 <= enricher.clock.seconds - started < 31


def test_a_write_holds_its_product_for_thirty_seconds(enricher: Enricher) -> None:
    """A writer that dies in its PUT keeps others away for so long and no longer."""
    free: list[bool] = []

    class SlowShop(Shop):
        def put(self, put: Put, *, within: float) -> Outcome:
            for seconds in (29, 1):
                enricher.clock.sleep(seconds)
                free.append(enricher.ledger.acquire_slot(COPY, 1) is not None)
            return super().put(put, within=within)

    enricher.shop = SlowShop()
    enricher.run(product_event())
    assert free == [False, True]


@pytest.mark.parametrize("status", [204, 409, 503])
def test_the_slot_is_free_after_the_write(enricher: Enricher, status: int) -> None:
    """Whatever the product service answered, the next worker need not wait."""
    enricher.shop.statuses = [status]
    enricher.run(product_event())
    assert enricher.ledger.acquire_slot(COPY, 30)


@pytest.mark.parametrize(("status", "in_doubt"), [(204, False), (409, False), (423, False), (503, True), (404, True)])
def test_only_an_answer_leaves_no_doubt(enricher: Enricher, status: int, in_doubt: bool) -> None:
    """Whatever was no clear outcome may have been written: the next event must not rely on what was written before."""
    enricher.shop.statuses = [status]
    enricher.run(product_event())
    assert enricher.ledger.raise_latest(COPY, None).in_doubt is in_doubt


def test_doubt_stays_until_something_is_written(enricher: Enricher) -> None:
    """A worker that finds doubt and writes nothing hands it on."""
    enricher.shop.statuses = [503, 409]
    event = product_event()
    assert [enricher.run(event).outcome for _ in range(2)] == [Outcome.UNAVAILABLE, Outcome.SUPERSEDED]
    assert enricher.ledger.raise_latest(COPY, None).in_doubt
    assert enricher.run(event).outcome is Outcome.REUSED
    assert not enricher.ledger.raise_latest(COPY, None).in_doubt
