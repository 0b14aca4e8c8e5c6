"""One event, start to end: which outcome it has, what is asked, what is written and reported."""

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from edges import GOOD_COPY, PHOTO, RANKING_COPY, Clock, Saying, Shop, response
from enricher import COPY, MODEL_ID, Edits, Enricher
from product_events import ATTRIBUTES, IMAGES, REGISTERED, SHIRT, product_event

from handler.errors import Defect, EnrichmentError, LanguageUnsupported, ModelUnavailable, Throttled
from handler.events import Order, ProductEvent
from handler.ledger import Slot, Written
from handler.models import Usage
from handler.outcomes import Outcome, outcome_of
from handler.pipeline import REPORT_SECONDS
from handler.tasks import Prompts
from handler.write_back import Put

URL = SHIRT["imageUrls"][0]
Edit = Callable[[Edits], Prompts]


# Written


def test_copy_is_asked_checked_and_written(enricher: Enricher) -> None:
    """The plain story: one call, one PUT with the text, and everything remembered."""
    result = enricher.run(product_event(7))
    assert (result.outcome, result.error, result.detail) == (Outcome.WRITTEN, None, "")
    assert result.judgement.output == GOOD_COPY
    assert enricher.copies == [GOOD_COPY]
    assert enricher.model.calls == 1
    assert (result.task, result.model) == ("copy", MODEL_ID)
    assert enricher.latest() == Order("version", 7)
    assert enricher.written() == Written(Order("version", 7), result.fingerprint, result.edition)


def test_the_write_says_where_it_comes_from(enricher: Enricher) -> None:
    """Source and generator of the PUT are the event's and the task's."""
    event = product_event(7, event_id="e-7", updatedAt="2026-11-22T18:00:00+09:00")
    result = enricher.run(event)
    (body,) = enricher.shop.writes
    assert body["source"] == {
        "eventId": "e-7",
        "eventSource": "/shop",
        "version": 7,
        "updatedAt": "2026-11-22T18:00:00+09:00",
    }
    assert body["generator"] == {
        "task": "copy",
        "edition": result.edition,
        "model": MODEL_ID,
        "fingerprint": result.fingerprint,
        "generatedAt": "2026-11-22T09:30:00Z",
        "ai": True,
    }


def test_attributes_are_asked_with_the_photo(enricher: Enricher) -> None:
    """The photo goes to the model, labels come back, codes are written."""
    result = enricher.run(product_event(name=IMAGES))
    assert result.outcome is Outcome.WRITTEN
    assert enricher.tags == [{"Color": ["02"], "Print": ["01"]}]
    assert enricher.images.fetched == [URL]
    (body,) = enricher.model.bodies
    assert body["messages"][0]["content"][0]["image"] == {"format": "png", "source": {"bytes": PHOTO}}


def test_a_new_product_gets_both_tasks(enricher: Enricher) -> None:
    """The registration owes copy and tags, in the order of their folders."""
    results = enricher.deliver(product_event(name=REGISTERED))
    assert [(result.task, result.outcome) for result in results] == [
        ("copy", Outcome.WRITTEN),
        ("tags", Outcome.WRITTEN),
    ]
    assert len(enricher.copies) == len(enricher.tags) == 1


@pytest.mark.parametrize(("name", "tasks"), [(ATTRIBUTES, ["copy"]), (IMAGES, ["tags"]), ("SomethingElse", [])])
def test_the_name_decides_the_tasks(enricher: Enricher, name: str, tasks: list[str]) -> None:
    """Each event runs the tasks that listen to its name and no other."""
    assert [result.task for result in enricher.deliver(product_event(name=name))] == tasks


def test_a_language_without_rules_is_refused(enricher: Enricher) -> None:
    """Nothing is asked in a language that nobody can check; the supported ones are named."""
    with pytest.raises(LanguageUnsupported, match="en, ko"):
        enricher.deliver(product_event(language="fr"))
    assert enricher.model.calls == 0


def test_each_language_is_a_slot_of_its_own(enricher: Enricher) -> None:
    """English copy of the same version is asked and written beside the Korean one."""
    enricher.run(product_event())
    enricher.say("A plain shirt that goes with everything you already own.")
    assert enricher.run(product_event(language="en")).outcome is Outcome.WRITTEN
    assert [body["language"] for body in enricher.shop.writes] == ["ko", "en"]


# Asked or not


def test_a_protected_task_is_not_asked(enricher: Enricher) -> None:
    """A person owns the copy: nothing is paid for it or written; the other task goes on."""
    results = enricher.deliver(product_event(name=REGISTERED, protected=["copy"]))
    assert [result.outcome for result in results] == [Outcome.PROTECTED, Outcome.WRITTEN]
    assert enricher.copies == []
    assert enricher.model.calls == 1


def test_rewrite_put_writes_again(enricher: Enricher) -> None:
    """`rewrite: put` writes though nothing changed, and pays nothing."""
    enricher.run(product_event(1))
    assert enricher.run(product_event(1, rewrite="put")).outcome is Outcome.REUSED
    assert (enricher.model.calls, enricher.copies) == (1, [GOOD_COPY, GOOD_COPY])


def test_rewrite_ask_pays_once_more(enricher: Enricher) -> None:
    """`rewrite: ask` pays for a new answer and writes it; delivered again it pays nothing and stays with it."""
    enricher.say("첫 번째 글이에요. 편하게 입기 좋은 티셔츠예요.", RANKING_COPY, GOOD_COPY)
    enricher.run(product_event(1))
    again = product_event(2, rewrite="ask")
    assert enricher.run(again).outcome is Outcome.WRITTEN
    assert enricher.run(again).outcome is Outcome.REUSED
    assert enricher.model.calls == 3
    assert enricher.copies[1:] == [GOOD_COPY, GOOD_COPY]
    assert enricher.run(product_event(3)).outcome is Outcome.UNCHANGED


def test_a_category_whose_publishing_is_off_is_not_asked(enricher: Enricher) -> None:
    """`held`: no call, no PUT, no report."""
    result = enricher.run(product_event(category=["건강", "신고대상"]))
    assert (result.outcome, result.error) == (Outcome.HELD, None)
    assert (enricher.model.calls, enricher.shop.puts) == (0, [])


def test_a_shadow_category_is_shown_and_not_written(enricher: Enricher) -> None:
    """`shadow`: asked once and judged each time, with its output in the result; neither written nor remembered so."""
    event = product_event(category=["검토대상", "크림"])
    for _ in range(2):
        result = enricher.run(event)
        assert (result.outcome, result.judgement.output) == (Outcome.SHADOW, GOOD_COPY)
    assert (enricher.model.calls, enricher.shop.puts) == (1, [])
    assert enricher.written() is None


@pytest.mark.parametrize(
    ("event", "lacks"),
    [
        (product_event(name=ATTRIBUTES, attributes={"소재": "면 100%", "제조국": "상세페이지 참조"}), "it has 1"),
        (
            product_event()._replace(product=product_event(productName="").product.model_copy(update={"name": ""})),
            "name",
        ),
        (product_event(name=IMAGES, imageUrls=[]), "images"),
    ],
    ids=["facts", "name", "images"],
)
def test_too_few_facts_are_not_asked(enricher: Enricher, event: ProductEvent, lacks: str) -> None:
    """`insufficient`: no call; the planner's work list says what the product lacks."""
    result = enricher.run(event)
    assert (result.outcome, result.error) == (Outcome.INSUFFICIENT, None)
    assert lacks in result.detail
    assert enricher.model.calls == 0
    assert enricher.shop.writes == []
    (report,) = enricher.shop.reports
    assert (report["code"], report["detail"], report["violations"]) == ("insufficient", result.detail, [])


def test_what_the_seller_states_is_not_asked(enricher: Enricher) -> None:
    """All attributes stated: codes without a call, a fetched photo or even a photo at all."""
    stated = {"색상": "하늘색 / 화이트", "무늬": "줄무늬"}
    result = enricher.run(product_event(name=IMAGES, attributes=stated, imageUrls=[]))
    assert result.outcome is Outcome.REUSED
    assert enricher.tags == [{"Color": ["09", "02"], "Print": ["02"]}]
    assert (enricher.model.calls, enricher.images.fetched) == (0, [])
    assert enricher.run(product_event(2, name=IMAGES, attributes=stated)).outcome is Outcome.UNCHANGED
    restated = stated | {"무늬": "무지"}
    assert enricher.run(product_event(3, name=IMAGES, attributes=restated)).outcome is Outcome.REUSED
    assert enricher.tags[-1] == {"Color": ["09", "02"], "Print": ["01"]}


def test_only_what_is_not_stated_is_asked(enricher: Enricher) -> None:
    """The colour is stated, so that the tool has only the print."""
    enricher.run(product_event(name=IMAGES, attributes={"색상": "블랙"}))
    tool = enricher.model.bodies[0]["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
    assert list(tool["properties"]) == ["Print"]
    assert enricher.tags == [{"Color": ["01"], "Print": ["01"]}]


def test_attributes_that_a_category_does_not_have_are_emptied(enricher: Enricher) -> None:
    """A bag has a colour and no print: `not_applicable`, decided without the model."""
    enricher.run(product_event(name=IMAGES, category=["패션잡화", "가방"]))
    (body,) = enricher.shop.writes
    assert (body["attributes"], body["outcomes"]) == ({"Color": ["02"], "Print": []}, {"Print": "not_applicable"})


def test_a_category_without_any_attribute_is_emptied_without_a_call(enricher: Enricher) -> None:
    """Kimchi has neither: both are emptied, nothing is asked."""
    result = enricher.run(product_event(name=IMAGES, category=["식품", "김치"]))
    assert result.outcome is Outcome.REUSED
    assert enricher.shop.writes[0]["outcomes"] == {"Color": "not_applicable", "Print": "not_applicable"}
    assert (enricher.model.calls, enricher.images.fetched) == (0, [])


def test_unknown_is_written_as_empty(enricher: Enricher) -> None:
    """The model cannot tell: no code, outcome `unknown`; that is an answer and not re-asked."""
    enricher.say({"Color": ["unknown"], "Print": ["stripe"]})
    assert enricher.run(product_event(name=IMAGES)).outcome is Outcome.WRITTEN
    (body,) = enricher.shop.writes
    assert (body["attributes"], body["outcomes"]) == ({"Color": [], "Print": ["02"]}, {"Color": "unknown"})
    assert enricher.model.calls == 1


def test_codes_are_joined_where_the_platform_wants_one_string(enricher: Enricher, edit: Edit) -> None:
    """With `join: ":"` two codes are one string and no code is an empty one."""
    enricher.prompts = edit({"tags/task.yaml": ("field: attributes", 'field: attributes, join: ":"')})
    enricher.say({"Color": ["white", "blue"], "Print": ["unknown"]})
    enricher.run(product_event(name=IMAGES))
    assert enricher.tags == [{"Color": "02:06", "Print": ""}]


# Violations


def test_an_answer_that_breaks_rules_is_mended_in_the_same_conversation(enricher: Enricher) -> None:
    """The re-ask shows the model its own words and the rule; the mended text is written."""
    enricher.say(RANKING_COPY, GOOD_COPY)
    result = enricher.run(product_event())
    assert result.outcome is Outcome.WRITTEN
    assert (result.judgement.output, result.judgement.violations) == (GOOD_COPY, ())
    first, second = (body["messages"] for body in enricher.model.bodies)
    assert second[: len(first)] == first
    assert second[1] == {"role": "assistant", "content": [{"text": RANKING_COPY}]}
    assert "do not rank" in second[2]["content"][0]["text"]
    assert enricher.run(product_event(2)).outcome is Outcome.UNCHANGED


def test_an_answer_that_stays_in_violation_is_rejected(enricher: Enricher) -> None:
    """422 with the codes; nothing is written, the planner is told, and a redelivery pays nothing."""
    enricher.say(RANKING_COPY, RANKING_COPY + " 품절대란!")
    event = product_event()
    for _ in range(2):
        result = enricher.run(event)
        assert result.outcome is Outcome.REJECTED
        assert result.error
        assert (result.error.status, result.error.code) == (422, "answerrejected")
        assert result.detail == "superlative, scarcity"
        assert result.judgement.output is None
        assert [violation.code for violation in result.judgement.violations] == ["superlative", "scarcity"]
    assert (enricher.model.calls, enricher.shop.writes) == (2, [])
    assert enricher.written() is None
    report = enricher.shop.reports[0]
    assert (report["code"], report["detail"]) == ("answerrejected", "superlative, scarcity")
    assert [violation["code"] for violation in report["violations"]] == ["superlative", "scarcity"]
    assert report["generator"]["fingerprint"] == result.fingerprint


def test_an_attribute_that_stays_in_violation_is_left_out(enricher: Enricher) -> None:
    """The other attributes are written; the rejected one is named, and its codes stay as they are."""
    enricher.say({"Color": ["turquoise"], "Print": ["solid"]}, {"Color": ["teal"], "Print": ["stripe"]})
    result = enricher.run(product_event(name=IMAGES))
    assert (result.outcome, result.error) == (Outcome.WRITTEN, None)
    (body,) = enricher.shop.writes
    assert (body["attributes"], body["outcomes"]) == ({"Print": ["02"]}, {"Color": "rejected"})
    assert [(violation.code, violation.attribute) for violation in result.judgement.violations] == [
        ("offtable", "Color")
    ]
    (report,) = enricher.shop.reports  # the planner's work list has it, though the event is done
    assert (report["code"], report["detail"]) == ("answerrejected", "offtable")
    assert [each["attribute"] for each in report["violations"]] == ["Color"]
    conversation = enricher.model.bodies[1]["messages"]
    assert conversation[2]["content"][0]["toolResult"]["toolUseId"] == "tool-1"


@pytest.mark.parametrize(
    "again",
    [response("", "refusal"), response({"Color": ["white"], "Print": ["solid"]}, "max_tokens"), response("", "new")],
    ids=["refused", "cut off", "unknown stop reason"],
)
def test_a_re_ask_without_an_answer_keeps_what_was_right(enricher: Enricher, again: Mapping[str, Any]) -> None:
    """The good attributes of the first answer are written, the other is reported; a redelivery pays nothing."""
    enricher.say({"Color": ["turquoise"], "Print": ["stripe"]}, again, again)
    event = product_event(name=IMAGES)
    result = enricher.run(event)
    assert (result.outcome, result.error, result.is_partial) == (Outcome.WRITTEN, None, True)
    (body,) = enricher.shop.writes
    assert (body["attributes"], body["outcomes"]) == ({"Print": ["02"]}, {"Color": "rejected"})
    assert [report["code"] for report in enricher.shop.reports] == ["answerrejected"]
    calls = enricher.model.calls
    assert enricher.run(event).outcome is Outcome.UNCHANGED
    assert enricher.model.calls == calls


def test_a_re_ask_that_is_throttled_is_not_the_last_word(enricher: Enricher) -> None:
    """What a redelivery may heal is delivered again, instead of leaving an attribute out for good."""
    enricher.say({"Color": ["turquoise"], "Print": ["stripe"]}, Throttled(""))
    event = product_event(name=IMAGES)
    assert (enricher.run(event).outcome, enricher.shop.puts) == (Outcome.THROTTLED, [])
    assert enricher.run(event).outcome is Outcome.WRITTEN
    assert enricher.tags == [{"Color": ["02"], "Print": ["01"]}]


def test_a_text_whose_re_ask_is_refused_is_rejected(enricher: Enricher) -> None:
    """Nothing of a text that broke a rule is left to write."""
    enricher.say(RANKING_COPY, response("", "refusal"))
    result = enricher.run(product_event())
    assert (result.outcome, result.detail, enricher.shop.writes) == (Outcome.REJECTED, "superlative", [])


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"Color": ["teal"], "Print": ["plaid"]}, id="off the table"),
        pytest.param({"Color": "white", "Print": None}, id="wrong shape"),
        pytest.param({}, id="nothing recorded"),
        pytest.param("흰색이에요.", id="no tool call"),
    ],
)
def test_a_task_with_no_attribute_left_is_rejected(enricher: Enricher, said: Saying) -> None:
    """Where nothing can be used after the re-ask, nothing is written."""
    enricher.say(said, said)
    result = enricher.run(product_event(name=IMAGES))
    assert result.outcome is Outcome.REJECTED
    assert enricher.shop.writes == []
    assert {violation["attribute"] for violation in enricher.shop.reports[0]["violations"]} == {"Color", "Print"}


def test_an_empty_text_is_asked_again(enricher: Enricher) -> None:
    """No text at all is a violation like any other."""
    enricher.say("  ", GOOD_COPY)
    assert enricher.run(product_event()).outcome is Outcome.WRITTEN
    assert enricher.model.bodies[1]["messages"][1]["content"] == [{"text": "(no answer)"}]


def test_usage_and_cost_are_those_of_all_calls(enricher: Enricher) -> None:
    """Cut off, larger, re-asked: three calls on the bill, at the price of the model."""
    enricher.say(
        response("편하게", "max_tokens", cacheReadInputTokens=500),
        response(RANKING_COPY, cacheWriteInputTokens=400),
        response(GOOD_COPY),
    )
    bill = enricher.run(product_event()).bill
    assert (bill.calls, bill.unstored) == (3, 0)
    assert bill.usage == Usage(input=3000, output=600, cache_read=500, cache_write=400)
    assert bill.cost_usd == Decimal("0.000655")  # 3000 x 0.10 + 600 x 0.50 + 500 x 0.01 + 400 x 0.125, a million
    assert len(enricher.copies) == 1


def test_a_failure_has_its_cost_too(enricher: Enricher) -> None:
    """What was paid before the task failed stays on the bill."""
    enricher.say(RANKING_COPY, RANKING_COPY)
    rejected = enricher.run(product_event(1)).bill
    assert (rejected.calls, rejected.usage.output) == (2, 400)
    enricher.say(RANKING_COPY, Throttled(""))
    throttled = enricher.run(product_event(2, attributes={"소재": "린넨", "핏": "오버핏"})).bill
    assert (throttled.calls, throttled.cost_usd) == (1, Decimal("0.0002"))


# Reports and results


def test_reports_can_be_switched_off(enricher: Enricher) -> None:
    """REPORT_FAILURES=false: the product service hears of no failure."""
    enricher.report_failures = False
    assert enricher.run(product_event(attributes={})).outcome is Outcome.INSUFFICIENT
    assert enricher.shop.puts == []


@pytest.mark.parametrize("status", [400, 401, 404, 409, 423, 503])
def test_a_report_that_fails_changes_nothing(enricher: Enricher, status: int) -> None:
    """The report is best effort: sent once, and the outcome stands."""
    enricher.shop.report_statuses = [status]
    result = enricher.run(product_event(attributes={}))
    assert (result.outcome, result.error) == (Outcome.INSUFFICIENT, None)
    assert len(enricher.shop.reports) == 1


class SlowShop(Shop):
    """Takes the event's whole time for the output, and notes how long a report may take."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.report_within = -1.0

    def put(self, put: Put, *, within: float) -> Outcome:
        if "enrichment-failures" in put.path:
            self.report_within = within
        else:
            self.clock.sleep(within)
        return super().put(put, within=within)


def test_reports_come_after_every_task_and_in_a_time_of_their_own(enricher: Enricher) -> None:
    """The second task is done before any report; the report is sent though the event's time is over, and is short."""
    enricher.shop = shop = SlowShop(enricher.clock)
    outcomes = [result.outcome for result in enricher.deliver(product_event(name=REGISTERED, attributes={}))]
    assert outcomes == [Outcome.INSUFFICIENT, Outcome.WRITTEN]
    assert [put.path.split("/")[5] for put in shop.puts] == ["attributes", "enrichment-failures"]
    assert shop.report_within == REPORT_SECONDS


def test_a_product_without_a_category_keeps_its_codes(enricher: Enricher) -> None:
    """Without a category nobody knows which attributes apply: that is insufficient, and no reason to empty them."""
    enricher.run(product_event(1, name=IMAGES))
    puts = len(enricher.shop.puts)
    result = enricher.run(product_event(2, name=IMAGES, category=[]))
    assert (result.outcome, result.detail) == (Outcome.INSUFFICIENT, "the product lacks category")
    assert not any(put.path.endswith("/attributes") for put in enricher.shop.puts[puts:])


class BrokenShop(Shop):
    """Has a bug for one kind of PUT."""

    def put(self, put: Put, *, within: float) -> Outcome:
        if put.path.endswith("/description"):
            raise ZeroDivisionError("seller text")
        return super().put(put, within=within)


def test_a_bug_in_one_task_leaves_the_other_alone(enricher: Enricher) -> None:
    """The bug is a `defect` that names its kind and no internals; the second task runs and is written."""
    enricher.shop = BrokenShop()
    copy, tags = enricher.deliver(product_event(name=REGISTERED))
    assert (copy.outcome, copy.detail) == (Outcome.DEFECT, "ZeroDivisionError")
    assert isinstance(copy.error, Defect)
    assert isinstance(copy.error.__cause__, ZeroDivisionError)
    assert copy.bill.calls == 1
    assert (tags.outcome, enricher.tags) == (Outcome.WRITTEN, [{"Color": ["02"], "Print": ["01"]}])
    assert enricher.shop.reports == []


def test_a_failure_of_one_task_leaves_the_other_alone(enricher: Enricher) -> None:
    """The copy is refused, the tags are written; delivered again, only the copy fails again."""
    enricher.say(response("", "refusal"))
    event = product_event(name=REGISTERED)
    assert [result.outcome for result in enricher.deliver(event)] == [Outcome.UNUSABLE, Outcome.WRITTEN]
    assert [result.outcome for result in enricher.deliver(event)] == [Outcome.UNUSABLE, Outcome.UNCHANGED]
    assert enricher.model.calls == 2


def test_tasks_share_one_deadline(enricher: Enricher) -> None:
    """What the first task used up is missing to the second."""
    assert enricher.ledger.acquire_slot(COPY, 600)
    assert enricher.ledger.acquire_slot(Slot("shirt", "tags", ""), 600)
    started = enricher.clock.seconds
    results = enricher.deliver(product_event(name=REGISTERED))
    assert [result.error.code for result in results if result.error] == ["leaseheld", "leaseheld"]
    assert enricher.clock.seconds - started == pytest.approx(120)


def all_outcomes(enricher: Enricher) -> Iterator[Outcome]:
    """One event for each outcome, each of a product of its own."""
    yield enricher.run(product_event(productId="written")).outcome
    yield enricher.run(product_event(productId="reused")).outcome
    yield enricher.run(product_event(productId="written")).outcome
    yield enricher.run(product_event(0, productId="written")).outcome
    yield enricher.run(product_event(productId="protected", protected=["copy"])).outcome
    yield enricher.run(product_event(productId="shadow", category=["검토대상"])).outcome
    yield enricher.run(product_event(productId="held", category=["신고대상"])).outcome
    yield enricher.run(product_event(productId="insufficient", attributes={})).outcome
    failures: tuple[Saying, ...] = (RANKING_COPY, response("", "refusal"), Throttled(""), ModelUnavailable(""))
    for number, failure in enumerate(failures):
        enricher.say(failure, failure)
        yield enricher.run(product_event(productId="failing", attributes={"소재": "울", "총장": number})).outcome
    enricher.say()
    enricher.shop = BrokenShop()
    yield enricher.run(product_event(productId="defect")).outcome


def test_every_outcome_can_be_reached(enricher: Enricher) -> None:
    """Each row of the outcome table, once, in its order."""
    assert list(all_outcomes(enricher)) == list(Outcome)


def test_every_failure_has_an_outcome() -> None:
    """Any leaf of the error tree ends a task in an outcome that fits its status."""

    def leaves(error: type[EnrichmentError]) -> Iterator[type[EnrichmentError]]:
        for child in error.__subclasses__():
            yield child
            yield from leaves(child)

    statuses = {429: {Outcome.THROTTLED}, 503: {Outcome.UNAVAILABLE}, 500: {Outcome.DEFECT}}
    for leaf in leaves(EnrichmentError):
        assert outcome_of(leaf()) in statuses.get(leaf.status, {Outcome.UNUSABLE, Outcome.REJECTED})


def test_what_is_reported_carries_no_seller_text(enricher: Enricher) -> None:
    """Details are the function's own words: neither names nor values of the product stand in them."""
    enricher.say(RANKING_COPY, RANKING_COPY)
    events = [
        product_event(1),
        product_event(2, attributes={"소재": "면 100%"}),
        product_event(3, category=["신고대상"]),
    ]
    for result in map(enricher.run, events):
        assert not any(word in result.detail for word in ("티셔츠", "면 100%", "레귤러핏"))
    assert not any("티셔츠" in json.dumps(report["detail"], ensure_ascii=False) for report in enricher.shop.reports)
