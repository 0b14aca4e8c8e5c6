"""Asking: each distinct question is paid once, and whatever was paid leaves its trace in the ledger."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from edges import GOOD_COPY, Clock, ScriptedModel, response

from handler.asking import MAX_INPUT_TOKENS, STORE_SECONDS, Asking, Bill
from handler.converse import Answer, Prefix, Request
from handler.deadline import Deadline
from handler.errors import (
    AnswerRefused,
    AnswerUnusable,
    DeadlineExceeded,
    EnrichmentError,
    InputTooLarge,
    LeaseHeld,
    LedgerUnavailable,
    ModelAnswerBroken,
    ModelAnswerLate,
    ModelMisconfigured,
    ModelTimeout,
    ModelUnavailable,
    Throttled,
)
from handler.ledger import Ledger, MemoryLedger, QuestionLease
from handler.models import Usage, model_table

REQUEST = Request(
    model_id="global.anthropic.claude-haiku-5-5", prefix=Prefix("Write."), text="A shirt.", max_tokens=300
)
FINGERPRINT = REQUEST.fingerprint
CUT_OFF = response("편하게 입기", "max_tokens")


@pytest.fixture
def ledger(clock: Clock) -> MemoryLedger:
    return MemoryLedger(clock)


def asking(ledger: Ledger, model: ScriptedModel) -> Asking:
    return Asking(ledger, model, model_table())


def attempts(ledger: Ledger, request: Request = REQUEST) -> int:
    """What the ledger counts for a question that nobody asks at the moment."""
    lease = ledger.acquire_question(request.fingerprint, 1, paid_by="nobody")
    assert isinstance(lease, QuestionLease)
    ledger.release_question(lease, paid=False)
    return lease.attempts - 1


# Paid once


def test_an_answer_is_paid_once(ledger: MemoryLedger, clock: Clock) -> None:
    """The first event pays and is billed; the next one gets the same answer for nothing."""
    model, first, second = ScriptedModel(), Bill("/shop 1"), Bill("/shop 2")
    request, answer = asking(ledger, model).ask(REQUEST, first, clock.deadline())
    assert (request, answer.text, answer.paid_by) == (REQUEST, GOOD_COPY, "/shop 1")
    assert asking(ledger, model).ask(REQUEST, second, clock.deadline()) == (REQUEST, answer)
    assert model.calls == 1
    assert (first.calls, first.usage) == (1, Usage(input=1000, output=200))
    assert first.cost_usd == Decimal("0.0002")  # 1000 tokens at 0.10 and 200 at 0.50 USD a million
    assert (second.calls, second.usage, second.cost_usd) == (0, Usage(), Decimal(0))


def test_the_model_gets_the_request(ledger: MemoryLedger, clock: Clock) -> None:
    """What is sent is the request's own Converse body for its model."""
    model = ScriptedModel()
    asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.bodies == [REQUEST.body(model_table().find(REQUEST.model_id))]


def test_an_answer_that_was_paid_is_stored_and_clears_the_question(ledger: MemoryLedger, clock: Clock) -> None:
    """After the call the answer is in the ledger, no attempt is left counted, and nobody holds the question."""
    _, answer = asking(ledger, ScriptedModel()).ask(REQUEST, Bill(""), clock.deadline())
    assert ledger.acquire_question(FINGERPRINT, 1) == answer
    assert attempts(ledger) == 0


class Crowd:
    """A model that answers only when so many others wait for the question, and the sleep of those who wait."""

    def __init__(self, losers: int) -> None:
        self.answered = threading.Event()
        self._waiting = threading.Semaphore(0)
        self._losers = losers
        self._seen = threading.local()

    def sleep(self, seconds: float) -> None:
        if not getattr(self._seen, "waits", False):
            self._seen.waits = True
            self._waiting.release()
        self.answered.wait(10)

    def wait_for_losers(self) -> None:
        for _ in range(self._losers):
            assert self._waiting.acquire(timeout=10)


class CrowdedModel(ScriptedModel):
    """Answers once everybody else waits."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd

    def converse(
        self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
    ) -> Mapping[str, Any]:
        self._crowd.wait_for_losers()
        try:
            return super().converse(body, deadline=deadline, before_retry=before_retry)
        finally:
            self._crowd.answered.set()


def test_thirty_threads_pay_one_call(ledger: MemoryLedger) -> None:
    """Of thirty workers with the same question one pays; the others wait inside and get its answer."""
    crowd = Crowd(losers=29)
    model = CrowdedModel(crowd)
    bills = [Bill(f"/shop {number}") for number in range(30)]

    def ask(bill: Bill) -> Answer:
        return asking(ledger, model).ask(REQUEST, bill, Deadline(60, sleep=crowd.sleep))[1]

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(ask, bills))
    assert model.calls == 1
    assert len({answer.to_json() for answer in answers}) == 1
    assert sorted(bill.calls for bill in bills) == [0] * 29 + [1]
    assert [bill.payer for bill in bills if bill.calls] == [answers[0].paid_by]


def test_who_waits_in_vain_gives_up_at_the_deadline(ledger: MemoryLedger, clock: Clock) -> None:
    """While another worker holds the question there is no call, and at the deadline 503."""
    assert ledger.acquire_question(FINGERPRINT, 600)
    model = ScriptedModel()
    deadline = clock.deadline(20)
    with pytest.raises(LeaseHeld):
        asking(ledger, model).ask(REQUEST, Bill(""), deadline)
    assert model.calls == 0
    assert deadline.remaining() == 0


def test_who_waits_takes_over_from_a_dead_worker(ledger: MemoryLedger, clock: Clock) -> None:
    """A worker that died within its call counts as one attempt; when its lease ends the next one asks."""
    dead = ledger.acquire_question(FINGERPRINT, ScriptedModel.read_timeout + STORE_SECONDS)
    assert dead
    model = ScriptedModel(ModelAnswerLate("50 s"))
    with pytest.raises(ModelAnswerLate):
        asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 1
    assert attempts(ledger) == 2


# Stop reasons


def test_an_answer_cut_off_earns_one_larger_call(ledger: MemoryLedger, clock: Clock) -> None:
    """The same question is asked once more with twice the room, and is what the answer belongs to."""
    model, bill = ScriptedModel(CUT_OFF), Bill("")
    request, answer = asking(ledger, model).ask(REQUEST, bill, clock.deadline())
    assert (request, answer.text) == (REQUEST.longer(), GOOD_COPY)
    assert [body["inferenceConfig"]["maxTokens"] for body in model.bodies] == [300, 600]
    assert (bill.calls, bill.usage.output, bill.cost_usd) == (2, 400, Decimal("0.0004"))
    assert asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline()) == (request, answer)
    assert model.calls == 2


def test_an_answer_cut_off_twice_is_unusable_for_good(ledger: MemoryLedger, clock: Clock) -> None:
    """There is exactly one larger call, and on redelivery none at all."""
    model = ScriptedModel(CUT_OFF, CUT_OFF)
    for _ in range(2):
        with pytest.raises(AnswerUnusable, match="max_tokens"):
            asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 2


def test_a_re_ask_after_a_larger_call_earns_no_other(ledger: MemoryLedger, clock: Clock) -> None:
    """Question, larger question and re-ask are three paid calls, the most that a question may cost."""
    model = ScriptedModel(CUT_OFF, GOOD_COPY, CUT_OFF)
    request, answer = asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    with pytest.raises(AnswerUnusable, match="max_tokens"):
        asking(ledger, model).ask(request.after(answer, ()), Bill(""), clock.deadline())
    assert model.calls == 3


@pytest.mark.parametrize("stop_reason", ["refusal", "content_filtered", "guardrail_intervened"])
def test_a_refusal_is_remembered(ledger: MemoryLedger, clock: Clock, stop_reason: str) -> None:
    """Who declines is not asked again: the redelivery fails alike, without a call."""
    model = ScriptedModel(response("", stop_reason))
    bill = Bill("")
    for payer in (bill, Bill("")):
        with pytest.raises(AnswerRefused, match=stop_reason):
            asking(ledger, model).ask(REQUEST, payer, clock.deadline())
    assert model.calls == 1
    assert bill.calls == 1


@pytest.mark.parametrize("stop_reason", ["stop_sequence", "model_context_window_exceeded", "something_new" * 50])
def test_an_unknown_stop_reason_is_unusable(ledger: MemoryLedger, clock: Clock, stop_reason: str) -> None:
    """What ended in an unknown way is no answer; that is remembered, and told in few words."""
    model = ScriptedModel(response(GOOD_COPY, stop_reason))
    for _ in range(2):
        with pytest.raises(AnswerUnusable) as failure:
            asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 1
    assert failure.value.detail == f"stop reason {stop_reason[:50]}"


# Attempts


@pytest.mark.parametrize("error", [ModelAnswerLate("50 s"), ModelAnswerBroken("cut"), response("") | {"usage": None}])
def test_a_call_that_may_be_paid_is_counted(
    ledger: MemoryLedger, clock: Clock, error: EnrichmentError | Mapping[str, Any]
) -> None:
    """No answer within the read time-out, or half of one: not asked again inside, and counted."""
    model = ScriptedModel(error)
    with pytest.raises((ModelAnswerLate, ModelAnswerBroken)):
        asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 1
    assert attempts(ledger) == 1


def test_three_calls_without_an_answer_are_enough(ledger: MemoryLedger, clock: Clock) -> None:
    """The third delivery that ends without an answer ends for good, and later ones ask no more until a day is over."""
    model = ScriptedModel(*[ModelAnswerLate("50 s")] * 3)
    for expected in (ModelAnswerLate, ModelAnswerLate, ModelTimeout, ModelTimeout):
        with pytest.raises(expected):
            asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 3
    clock.sleep(86_400)
    assert asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())[1].text == GOOD_COPY


def test_an_answer_at_last_forgives_the_attempts_before(ledger: MemoryLedger, clock: Clock) -> None:
    """Two late calls and an answer: the question is answered, and nothing is counted any more."""
    model = ScriptedModel(ModelAnswerLate(""), ModelAnswerLate(""))
    for _ in range(2):
        with pytest.raises(ModelAnswerLate):
            asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())[1].text == GOOD_COPY
    assert attempts(ledger) == 0


def test_a_worker_killed_within_its_call_leaves_the_attempt(ledger: MemoryLedger, clock: Clock) -> None:
    """Three workers that died asking are three attempts: the fourth does not ask."""
    for _ in range(3):
        killed = ledger.acquire_question(FINGERPRINT, 60)
        assert killed
        clock.sleep(60)
    model = ScriptedModel()
    with pytest.raises(ModelTimeout):
        asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 0


class WatchfulModel(ScriptedModel):
    """Does something before its first answer, and then asks once more."""

    def __init__(self, meanwhile: Callable[[], None], *sayings: Any) -> None:  # noqa: ANN401 - as ScriptedModel's
        super().__init__(*sayings)
        self._meanwhile = meanwhile

    def converse(
        self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
    ) -> Mapping[str, Any]:
        if not self.bodies:
            self._meanwhile()
            before_retry()
        return super().converse(body, deadline=deadline, before_retry=before_retry)


def test_an_attempt_is_counted_before_the_call(ledger: MemoryLedger, clock: Clock) -> None:
    """A process that dies within the call leaves its trace: the ledger has the attempt already."""
    seen: list[int] = []

    def die_meanwhile() -> None:
        clock.sleep(ScriptedModel.read_timeout + STORE_SECONDS)
        seen.append(attempts(ledger))

    with pytest.raises(LeaseHeld):
        asking(ledger, WatchfulModel(die_meanwhile)).ask(REQUEST, Bill(""), clock.deadline())
    assert seen == [1]


UNPAID = [Throttled(""), ModelUnavailable(""), ModelMisconfigured(""), DeadlineExceeded("")]


@pytest.mark.parametrize("error", UNPAID, ids=lambda error: type(error).__name__)
def test_a_call_that_bedrock_refused_is_not_counted(ledger: MemoryLedger, clock: Clock, error: EnrichmentError) -> None:
    """What was certainly not paid may be delivered again for ever, and is remembered by nobody."""
    model, bill = ScriptedModel(*[error] * 4), Bill("")
    for _ in range(4):
        with pytest.raises(type(error)):
            asking(ledger, model).ask(REQUEST, bill, clock.deadline())
        assert attempts(ledger) == 0
    assert (bill.calls, bill.cost_usd) == (0, Decimal(0))
    assert asking(ledger, model).ask(REQUEST, bill, clock.deadline())[1].text == GOOD_COPY


# Paying anew


def test_anew_passes_over_what_others_paid(ledger: MemoryLedger, clock: Clock) -> None:
    """`anew` pays again once, replaces the answer for everybody, and pays nothing when the event is delivered again."""
    model = ScriptedModel("첫 번째 글", "두 번째 글")
    asked = asking(ledger, model)
    asked.ask(REQUEST, Bill("/shop 1"), clock.deadline())
    for _ in range(2):
        assert asked.ask(REQUEST, Bill("/shop 2"), clock.deadline(), anew=True)[1].text == "두 번째 글"
    assert asked.ask(REQUEST, Bill("/shop 3"), clock.deadline())[1].text == "두 번째 글"
    assert model.calls == 2


def test_anew_keeps_the_old_answer_until_there_is_a_new_one(ledger: MemoryLedger, clock: Clock) -> None:
    """Where Bedrock has no answer today, the one that was paid still serves others."""
    model = ScriptedModel("첫 번째 글", Throttled(""))
    asked = asking(ledger, model)
    asked.ask(REQUEST, Bill("/shop 1"), clock.deadline())
    with pytest.raises(Throttled):
        asked.ask(REQUEST, Bill("/shop 2"), clock.deadline(), anew=True)
    assert asked.ask(REQUEST, Bill("/shop 3"), clock.deadline())[1].text == "첫 번째 글"


# The ledger in trouble


class TroubledLedger(MemoryLedger):
    """Cannot store answers, so many times."""

    def __init__(self, clock: Clock, *, times: int) -> None:
        super().__init__(clock)
        self.times = times

    def keep_answer(self, lease: QuestionLease, answer: Answer) -> Answer:
        if self.times:
            self.times -= 1
            raise LedgerUnavailable("the store is down")
        return super().keep_answer(lease, answer)


def test_storing_is_tried_until_it_works(clock: Clock) -> None:
    """Trouble of the store within the deadline delays the answer and costs nothing."""
    ledger, bill = TroubledLedger(clock, times=5), Bill("")
    assert asking(ledger, ScriptedModel()).ask(REQUEST, bill, clock.deadline())[1].text == GOOD_COPY
    assert (ledger.times, bill.calls, bill.unstored) == (0, 1, 0)
    assert isinstance(ledger.acquire_question(FINGERPRINT, 1), Answer)


def test_an_answer_that_cannot_be_stored_is_not_used(clock: Clock) -> None:
    """At the deadline it is 503: the answer counts as a possible second payment, and its attempt stays counted."""
    ledger, bill, deadline = TroubledLedger(clock, times=10**6), Bill(""), clock.deadline()
    with pytest.raises(LedgerUnavailable):
        asking(ledger, ScriptedModel()).ask(REQUEST, bill, deadline)
    assert deadline.remaining() == 0
    assert (bill.calls, bill.unstored, bill.cost_usd) == (1, 1, Decimal("0.0002"))
    assert attempts(ledger) == 1


class LostLedger(MemoryLedger):
    """Cannot be reached when a lease is asked for."""

    def acquire_question(
        self, fingerprint: str, seconds: float, *, paid_by: str | None = None
    ) -> Answer | QuestionLease | None:
        raise LedgerUnavailable("the store is down")


def test_trouble_before_the_call_is_no_call(clock: Clock) -> None:
    """Without a lease nothing is asked."""
    model = ScriptedModel()
    with pytest.raises(LedgerUnavailable):
        asking(LostLedger(clock), model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 0


# The lease


def test_a_lease_lost_during_retries_stops_the_call(ledger: MemoryLedger, clock: Clock) -> None:
    """Who was busy so long that another worker took over does not call: 503, and no answer of its own."""

    def another_takes_over() -> None:
        clock.sleep(ScriptedModel.read_timeout + STORE_SECONDS)
        assert ledger.acquire_question(FINGERPRINT, 60)

    model = WatchfulModel(another_takes_over)
    with pytest.raises(LeaseHeld):
        asking(ledger, model).ask(REQUEST, Bill(""), clock.deadline())
    assert model.calls == 0
    assert ledger.acquire_question(FINGERPRINT, 60) is None  # no answer, and the other worker still holds it


def test_every_retry_renews_the_lease(ledger: MemoryLedger, clock: Clock) -> None:
    """A call that starts late still has the read time-out and the time to store its answer."""

    class SlowModel(ScriptedModel):
        def converse(
            self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
        ) -> Mapping[str, Any]:
            clock.sleep(55)  # retries, while Bedrock was busy
            before_retry()
            clock.sleep(self.read_timeout + STORE_SECONDS - 1)
            assert ledger.acquire_question(FINGERPRINT, 60) is None
            return response(GOOD_COPY)

    assert asking(ledger, SlowModel()).ask(REQUEST, Bill(""), clock.deadline(600))[1].text == GOOD_COPY


def test_a_lease_outlasts_the_first_call(ledger: MemoryLedger, clock: Clock) -> None:
    """It is taken for the read time-out and the time to store, so that the first call needs no renewal."""

    class OneCallModel(ScriptedModel):
        def converse(
            self, body: Mapping[str, Any], *, deadline: Deadline, before_retry: Callable[[], None]
        ) -> Mapping[str, Any]:
            clock.sleep(self.read_timeout + STORE_SECONDS - 1)
            assert ledger.acquire_question(FINGERPRINT, 60) is None
            return response(GOOD_COPY)

    assert asking(ledger, OneCallModel()).ask(REQUEST, Bill(""), clock.deadline(600))[1].text == GOOD_COPY


def test_an_answer_costs_one_look(clock: Clock) -> None:
    """What was answered is found by the same step that would lease it: nothing is looked up twice, nothing leased."""

    class CountingLedger(MemoryLedger):
        steps = 0

        def acquire_question(
            self, fingerprint: str, seconds: float, *, paid_by: str | None = None
        ) -> Answer | QuestionLease | None:
            self.steps += 1
            return super().acquire_question(fingerprint, seconds, paid_by=paid_by)

    ledger = CountingLedger(clock)
    asking(ledger, ScriptedModel()).ask(REQUEST, Bill("/shop 1"), clock.deadline())
    asking(ledger, ScriptedModel()).ask(REQUEST, Bill("/shop 2"), clock.deadline())
    assert ledger.steps == 2
    assert attempts(ledger) == 0


# Size


def test_a_question_that_is_too_long_is_not_asked(ledger: MemoryLedger, clock: Clock) -> None:
    """Over the budget: no call, no lease, and the size is told; a little less is asked."""
    # 1.3 tokens a Korean character.
    fits = Request(model_id=REQUEST.model_id, prefix=Prefix(""), text="가" * 6153)
    over = Request(model_id=REQUEST.model_id, prefix=Prefix(""), text="가" * 6154)
    assert fits.estimated_tokens() <= MAX_INPUT_TOKENS < over.estimated_tokens()
    model = ScriptedModel()
    asking(ledger, model).ask(fits, Bill(""), clock.deadline())
    with pytest.raises(InputTooLarge, match=str(over.estimated_tokens())):
        asking(ledger, model).ask(over, Bill(""), clock.deadline())
    assert model.calls == 1
