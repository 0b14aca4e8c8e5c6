"""The DynamoDB ledger over the wire: outages, lost answers, clocks that differ, sizes, permissions, and the table."""

import json
import random
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from dynamo import Breaking, DynamoProxy, DynamoServer, Fault, LoopbackSession, ledger, table_properties
from edges import Clock, garbage_of

from handler.clients.dynamodb import SKEW_SECONDS, DynamoLedger
from handler.clients.dynamodb_table import ATTEMPTS
from handler.converse import Answer
from handler.errors import LedgerUnavailable
from handler.events import Order
from handler.ledger import Ledger, QuestionLease, Slot, SlotLease, Written
from handler.models import Usage

SLOT = Slot("shirt", "copy", "ko")
FINGERPRINT = "0a" * 32
ONE, TWO = Order("version", 1), Order("version", 2)
WRITTEN = Written(ONE, FINGERPRINT, "edition-1")
ANSWER = Answer("end_turn", "편한 티셔츠예요.", None, Usage(input=7, output=5), "/shop event-1")
DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture
def table(dynamo_server: DynamoServer) -> str:
    return dynamo_server.create_table()


@pytest.fixture
def healthy(dynamo_server: DynamoServer, table: str, clock: Clock) -> DynamoLedger:
    """A ledger that nothing stands before."""
    return ledger(dynamo_server.session, table, clock)


@pytest.fixture
def proxy(dynamo_proxy: DynamoProxy) -> Iterator[DynamoProxy]:
    dynamo_proxy.seen.clear()
    yield dynamo_proxy
    dynamo_proxy.breaks = lambda _name, _input: None


@pytest.fixture
def session(proxy: DynamoProxy) -> LoopbackSession:
    return proxy.session


@pytest.fixture
def troubled(session: LoopbackSession, table: str, clock: Clock) -> DynamoLedger:
    """A ledger behind the proxy, which is told what to break."""
    return ledger(session, table, clock)


def times(count: int, fault: Fault) -> Breaking:
    """The next so many requests fail so."""
    left = [fault] * count
    return lambda _name, _input: left.pop() if left else None


def slot_lease(of: Ledger) -> SlotLease:
    lease = of.acquire_slot(SLOT, 30)
    assert lease
    return lease


def question_lease(of: Ledger) -> QuestionLease:
    lease = of.acquire_question(FINGERPRINT, 60)
    assert isinstance(lease, QuestionLease)
    return lease


LOST_SLOT = SlotLease(SLOT, "token", state=None)  # type: ignore[arg-type]
LOST_QUESTION = QuestionLease(FINGERPRINT, "token", 1)
CALLS: dict[str, Callable[[Ledger], object]] = {
    "raise_latest": lambda of: of.raise_latest(SLOT, ONE),
    "raise_latest without an order": lambda of: of.raise_latest(SLOT, None),
    "acquire_slot": lambda of: of.acquire_slot(SLOT, 30),
    "record_written": lambda of: of.record_written(LOST_SLOT, WRITTEN),
    "acquire_question": lambda of: of.acquire_question(FINGERPRINT, 60),
    "acquire_question to pay anew": lambda of: of.acquire_question(FINGERPRINT, 60, paid_by="nobody"),
    "renew_question": lambda of: of.renew_question(LOST_QUESTION, 60),
    "keep_answer": lambda of: of.keep_answer(LOST_QUESTION, ANSWER),
    "forget": lambda of: of.forget("shirt"),
}
RELEASES: dict[str, Callable[[Ledger], object]] = {
    "release_slot": lambda of: of.release_slot(LOST_SLOT, in_doubt=False),
    "release_slot in doubt": lambda of: of.release_slot(LOST_SLOT, in_doubt=True),
    "release_question": lambda of: of.release_question(LOST_QUESTION, paid=False),
    "release_question paid": lambda of: of.release_question(LOST_QUESTION, paid=True),
}


# Outages


OUTAGES: dict[str, tuple[Fault, int]] = {
    "throughput": ((400, "ProvisionedThroughputExceededException"), ATTEMPTS),
    "throttled": ((400, "ThrottlingException"), ATTEMPTS),
    "request limit": ((400, "RequestLimitExceeded"), ATTEMPTS),
    "throttled by another name": ((400, "ThrottledException"), ATTEMPTS),
    "conflict of a global table": ((400, "ReplicatedWriteConflictException"), ATTEMPTS),
    "no JSON": (b"<html>", ATTEMPTS),
    "no object": (b"[]", ATTEMPTS),
    "null": (b"null", ATTEMPTS),
    "internal": ((500, "InternalServerError"), ATTEMPTS),
    "unavailable": ((503, "ServiceUnavailable"), ATTEMPTS),
    "connection closed": ("refuse", ATTEMPTS),
    "half an answer": ("garble", ATTEMPTS),
    "denied": ((400, "AccessDeniedException"), 1),
    "no table": ((400, "ResourceNotFoundException"), 1),
    "expired token": ((400, "ExpiredTokenException"), 1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_every_call_knows_an_outage(
    troubled: DynamoLedger, proxy: DynamoProxy, call: Callable[[Ledger], object]
) -> None:
    """No method lets a library's errors through, or takes an outage for an answer."""
    proxy.breaks = lambda _name, _input: (500, "InternalServerError")
    with pytest.raises(LedgerUnavailable):
        call(troubled)
    assert len(proxy.seen) == ATTEMPTS


@pytest.mark.parametrize(("fault", "attempts"), OUTAGES.values(), ids=OUTAGES.keys())
def test_an_outage_is_ledger_unavailable(
    troubled: DynamoLedger, proxy: DynamoProxy, fault: Fault, attempts: int
) -> None:
    """Whatever DynamoDB answers, after at most three requests the caller knows, with the code and nothing more."""
    proxy.breaks = lambda _name, _input: fault
    with pytest.raises(LedgerUnavailable) as failure:
        troubled.raise_latest(SLOT, ONE)
    assert len(proxy.seen) == attempts
    assert not isinstance(fault, tuple) or failure.value.detail == f"DynamoDB answers {fault[1]}"


@pytest.mark.parametrize("call", RELEASES.values(), ids=RELEASES.keys())
def test_a_release_never_raises(troubled: DynamoLedger, proxy: DynamoProxy, call: Callable[[Ledger], object]) -> None:
    """A lease that cannot be given up expires: the outcome of the event stands."""
    for fault in [(500, "InternalServerError"), (400, "AccessDeniedException"), "refuse"]:
        proxy.breaks = lambda _name, _input, fault=fault: fault  # type: ignore[misc]
        call(troubled)
    assert proxy.seen


@pytest.mark.parametrize(
    "name", ["raise_latest without an order", pytest.param("acquire_slot", marks=pytest.mark.slow)]
)
def test_a_store_that_hangs_is_given_up(troubled: DynamoLedger, proxy: DynamoProxy, name: str) -> None:
    """Three read time-outs of two seconds, for a look-up and for a write, instead of an event that waits for ever."""
    proxy.breaks = lambda _name, _input: "hang"
    with pytest.raises(LedgerUnavailable, match="ReadTimeoutError"):
        CALLS[name](troubled)
    assert len(proxy.seen) == ATTEMPTS


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_store_that_is_not_there_is_ledger_unavailable(clock: Clock, call: Callable[[Ledger], object]) -> None:
    """Nobody listens: said as such."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = ledger(LoopbackSession(f"http://127.0.0.1:{nobody.getsockname()[1]}"), "ledger", clock)
        with pytest.raises(LedgerUnavailable, match="NewConnectionError"):
            call(gone)


def test_a_table_that_is_not_there_is_ledger_unavailable(dynamo_server: DynamoServer, clock: Clock) -> None:
    """Real DynamoDB's own words for a wrong LEDGER_URL reach the operator."""
    with pytest.raises(LedgerUnavailable, match="ResourceNotFoundException"):
        ledger(dynamo_server.session, "nobody", clock).acquire_question(FINGERPRINT, 60)


@pytest.mark.parametrize("fault", [OUTAGES["throughput"][0], OUTAGES["internal"][0], "refuse", "garble"])
def test_a_short_stumble_is_not_noticed(troubled: DynamoLedger, proxy: DynamoProxy, fault: Fault) -> None:
    """Two failures in a row are asked again inside."""
    proxy.breaks = times(ATTEMPTS - 1, fault)
    assert troubled.raise_latest(SLOT, ONE).latest == (ONE,)
    assert len(proxy.seen) == ATTEMPTS


def test_a_stumble_leaves_nothing_behind(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """The connection that broke goes at once, with all that the event held when it did."""
    proxy.breaks = times(1, "refuse")
    left = garbage_of(lambda: troubled.raise_latest(SLOT, ONE))
    assert len(proxy.seen) == 2
    assert "handler.clients.pinned._Connection" not in left


# Answers of DynamoDB that are lost: done, and asked again


def test_a_lease_whose_answer_was_lost_is_held(
    troubled: DynamoLedger, healthy: DynamoLedger, proxy: DynamoProxy
) -> None:
    """The second request finds its own token: the slot is the worker's, instead of nobody's until it expires."""
    proxy.breaks = times(1, "lose")
    lease = slot_lease(troubled)
    assert len(proxy.seen) == 2
    assert healthy.acquire_slot(SLOT, 30) is None
    troubled.record_written(lease, WRITTEN)
    assert healthy.raise_latest(SLOT, None).written == WRITTEN


@pytest.mark.parametrize("attempts", [0, 1])
def test_a_question_whose_lease_was_lost_on_the_way_is_held(
    troubled: DynamoLedger, healthy: DynamoLedger, proxy: DynamoProxy, attempts: int
) -> None:
    """So for questions, whether or not attempts are counted on them, and the attempt is counted once."""
    for _ in range(attempts):
        healthy.release_question(question_lease(healthy), paid=True)
    lose = times(1, "lose")
    # With attempts the lease is given by the second update: the first one's condition fails.
    proxy.breaks = lambda name, given: lose(name, given) if attempts == 0 or "ADD attempts" in str(given) else None
    lease = question_lease(troubled)
    assert lease.attempts == attempts + 1
    assert healthy.acquire_question(FINGERPRINT, 60) is None
    assert troubled.renew_question(lease, 60)


def test_a_record_whose_answer_was_lost_counts_once(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """The write is recorded, its number is one, and nothing is in doubt."""
    lease = slot_lease(troubled)
    proxy.breaks = times(1, "lose")
    troubled.record_written(lease, WRITTEN)
    state = troubled.raise_latest(SLOT, None)
    assert (state.written, state.writes, state.in_doubt) == (WRITTEN, 1, False)


def test_an_answer_whose_storing_was_lost_is_the_answer(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """The worker's own answer stands, not that of somebody else."""
    lease = question_lease(troubled)
    proxy.breaks = times(1, "lose")
    assert troubled.keep_answer(lease, ANSWER) == ANSWER
    assert troubled.acquire_question(FINGERPRINT, 60) == ANSWER


def test_an_attempt_is_taken_back_once(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """A release whose answer was lost does not take the attempt before it back, too."""
    troubled.release_question(question_lease(troubled), paid=True)
    lease = question_lease(troubled)
    proxy.breaks = times(1, "lose")
    troubled.release_question(lease, paid=False)
    assert question_lease(troubled).attempts == 2


def test_a_record_that_never_arrived_leaves_the_slot_in_doubt(
    troubled: DynamoLedger, healthy: DynamoLedger, proxy: DynamoProxy, clock: Clock
) -> None:
    """The product service has the write and the ledger has not: nobody may take the old record for the truth."""
    healthy.record_written(slot_lease(healthy), WRITTEN)
    lease = slot_lease(troubled)
    proxy.breaks = lambda _name, _input: (500, "InternalServerError")
    with pytest.raises(LedgerUnavailable):
        troubled.record_written(lease, Written(TWO, "0b" * 32, "edition-1"))
    troubled.release_slot(lease, in_doubt=True)
    clock.sleep(30 + SKEW_SECONDS)
    assert healthy.raise_latest(SLOT, TWO).in_doubt
    assert slot_lease(healthy).state.in_doubt


# Clocks that differ


@pytest.mark.parametrize("ahead", [-5.0, 0.0, 5.0])
def test_clocks_that_differ_break_no_lease(
    dynamo_server: DynamoServer, table: str, healthy: DynamoLedger, clock: Clock, ahead: float
) -> None:
    """A pod whose clock is five seconds ahead or behind waits for the lease's full time, and for ten more at most."""
    other = ledger(dynamo_server.session, table, lambda: clock() + ahead)
    for mine, theirs in ((healthy, other), (other, healthy)):
        slot_lease(mine)
        question_lease(mine)
        clock.sleep(59.9)
        assert theirs.acquire_question(FINGERPRINT, 60) is None
        assert theirs.raise_latest(SLOT, ONE).in_doubt
        clock.sleep(10.1)
        assert theirs.acquire_question(FINGERPRINT, 60)
        clock.sleep(70)


@pytest.mark.parametrize("ahead", [-5.0, 5.0])
def test_clocks_that_differ_let_one_writer_in(
    dynamo_server: DynamoServer, table: str, healthy: DynamoLedger, clock: Clock, ahead: float
) -> None:
    """So for slots, to the last tenth of a second."""
    other = ledger(dynamo_server.session, table, lambda: clock() + ahead)
    slot_lease(healthy)
    clock.sleep(29.9)
    assert other.acquire_slot(SLOT, 30) is None
    clock.sleep(10.1)
    slot_lease(other)
    clock.sleep(29.9)
    assert healthy.acquire_slot(SLOT, 30) is None


# Sizes


@pytest.mark.parametrize("letters", ["가", "가나다라마바사", "".join(map(chr, range(0xAC00, 0xD7A4)))])
def test_a_long_answer_fits_into_an_item(healthy: DynamoLedger, letters: str) -> None:
    """300 kB of text, also such that hardly shrinks, come back letter by letter."""
    letters_of = random.Random(1)  # noqa: S311 - not a secret
    long = Answer("end_turn", "".join(letters_of.choices(letters, k=100_000)), None, Usage(output=100_000))
    assert len(long.text.encode()) == 300_000
    assert healthy.keep_answer(question_lease(healthy), long) == long
    assert healthy.acquire_question(FINGERPRINT, 60) == long


def test_a_product_of_many_slots_is_forgotten_whole(healthy: DynamoLedger) -> None:
    """More than the 1 MB that one page of a query holds."""
    slots = [Slot("shirt", f"task-{number}", "ko") for number in range(12)]
    for slot in slots:
        lease = healthy.acquire_slot(slot, 30)
        assert lease
        healthy.record_written(lease, Written(ONE, "f" * 150_000, "edition-1"))
    healthy.forget("shirt")
    assert all(healthy.raise_latest(slot, None).written is None for slot in slots)


def test_forgetting_reads_every_page(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """A query that is cut into pages goes on where it stopped."""
    for number in range(12):
        lease = troubled.acquire_slot(Slot("shirt", f"task-{number}", ""), 30)
        assert lease
        troubled.record_written(lease, Written(ONE, "f" * 150_000, "edition-1"))
    proxy.seen.clear()
    troubled.forget("shirt")
    assert proxy.seen.count("Query") > 1
    assert proxy.seen.count("DeleteItem") == 12


def test_forgetting_ends_where_no_page_follows(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """An empty key is none."""
    proxy.breaks = lambda _name, _input: b'{"Items": [], "LastEvaluatedKey": {}}'
    troubled.forget("shirt")
    assert proxy.seen == ["Query"]


def test_forgetting_that_stops_half_way_goes_on(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """The deletion is delivered again after 503, and clears what was left."""
    for task in ("copy", "tags"):
        troubled.raise_latest(Slot("shirt", task, ""), TWO)
    deletions = iter([None, *[(500, "InternalServerError")] * ATTEMPTS])
    proxy.breaks = lambda name, _input: next(deletions, None) if name == "DeleteItem" else None
    with pytest.raises(LedgerUnavailable):
        troubled.forget("shirt")
    troubled.forget("shirt")
    assert all(troubled.raise_latest(Slot("shirt", task, ""), None).latest == () for task in ("copy", "tags"))


# What is in the table


def items(server: DynamoServer, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.scan(TableName=table)["Items"]
    return found


def test_only_questions_are_swept(dynamo_server: DynamoServer, table: str, healthy: DynamoLedger, clock: Clock) -> None:
    """A question goes 180 days after its last use, in whole seconds and never before its answer; a slot stays."""
    clock.sleep(0.25)
    healthy.raise_latest(SLOT, ONE)
    healthy.record_written(slot_lease(healthy), WRITTEN)
    question = question_lease(healthy)
    (slot,) = (item for item in items(dynamo_server, table) if item["pk"]["S"].startswith("product#"))
    assert "ttl" not in slot
    for _ in range(2):
        (item,) = (item for item in items(dynamo_server, table) if item["pk"]["S"].startswith("question#"))
        assert item["ttl"]["N"].isdigit()
        assert 180 * 86_400 <= int(item["ttl"]["N"]) - clock() <= 180 * 86_400 + 1
        healthy.keep_answer(question, ANSWER)
    assert int(item["ttl"]["N"]) >= float(item["answer_until"]["N"])


def test_no_seller_text_names_a_record(dynamo_server: DynamoServer, table: str, healthy: DynamoLedger) -> None:
    """Keys are ids and digests."""
    healthy.raise_latest(SLOT, ONE)
    healthy.keep_answer(question_lease(healthy), ANSWER)
    keys = {(item["pk"]["S"], item["sk"]["S"]) for item in items(dynamo_server, table)}
    assert keys == {("product#shirt", "slot#copy#ko"), (f"question#{FINGERPRINT}", "question")}


def test_an_event_costs_few_requests(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """Five where the model is asked: raise, lease, store, lease, record. An answer that is there costs one."""
    troubled.raise_latest(SLOT, ONE)
    troubled.keep_answer(question_lease(troubled), ANSWER)
    troubled.record_written(slot_lease(troubled), WRITTEN)
    assert proxy.seen == ["UpdateItem"] * 5
    assert troubled.acquire_question(FINGERPRINT, 60) == ANSWER
    assert proxy.seen == ["UpdateItem"] * 6


@pytest.mark.parametrize(("attempts", "requests"), [(0, 1), (1, 2)])
def test_a_question_costs_few_requests(
    troubled: DynamoLedger, proxy: DynamoProxy, attempts: int, requests: int
) -> None:
    """One to lease it, two where attempts count; one for whoever finds it leased."""
    for _ in range(attempts):
        troubled.release_question(question_lease(troubled), paid=True)
    proxy.seen.clear()
    question_lease(troubled)
    assert len(proxy.seen) == requests
    assert troubled.acquire_question(FINGERPRINT, 60) is None
    assert len(proxy.seen) == requests + 1


def test_requests_are_what_the_sdk_would_send(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """Every method's requests are valid by the SDK's own model of the service."""
    service, reports = botocore.session.get_session().get_service_model("dynamodb"), []

    def validate(name: str, given: Mapping[str, Any]) -> None:
        shape = service.operation_model(name).input_shape
        assert shape is not None
        reports.append(ParamValidator().validate(dict(given), shape).generate_report())

    proxy.breaks = validate
    for call in [*CALLS.values(), *RELEASES.values()]:
        call(troubled)
    assert len(reports) >= len(CALLS) + len(RELEASES)
    assert set(reports) == {""}


def test_reads_are_consistent(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """What another pod wrote a moment ago is seen: a stale look-up would pay twice."""
    reads: dict[str, object] = {}
    proxy.breaks = lambda name, given: reads.update({name: given.get("ConsistentRead")})
    for call in CALLS.values():
        call(troubled)
    assert (reads["GetItem"], reads["Query"]) == (True, True)


# What users set up


def test_the_table_is_the_documented_one(dynamo_server: DynamoServer, table: str) -> None:
    """docs/ledger-table.yaml: pay per request, keys as strings, TTL, recovery, encryption, no accidental deletion."""
    described = dynamo_server.client.describe_table(TableName=table)["Table"]
    assert described["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert {each["AttributeName"]: each["AttributeType"] for each in described["AttributeDefinitions"]} == {
        "pk": "S",
        "sk": "S",
    }
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["DeletionProtectionEnabled"] is True
    assert described["SSEDescription"]["Status"] == "ENABLED"
    ttl = dynamo_server.client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    backups = dynamo_server.client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert table_properties()["TableName"] == {"Ref": "TableName"}


def test_the_policy_allows_what_the_ledger_does_and_nothing_else(troubled: DynamoLedger, proxy: DynamoProxy) -> None:
    """Every operation of every method of the port, against docs/iam-policy.json."""
    for call in [*CALLS.values(), *RELEASES.values()]:
        troubled.raise_latest(SLOT, ONE)  # something to forget
        call(troubled)
    methods = {name for name in vars(Ledger) if not name.startswith("_")}
    assert methods == {name.split()[0] for name in (*CALLS, *RELEASES)}
    policy = json.loads((DOCS / "iam-policy.json").read_text(encoding="utf-8"))
    (statement,) = (each for each in policy["Statement"] if "dynamodb" in each["Resource"])
    assert sorted(statement["Action"]) == sorted({f"dynamodb:{operation}" for operation in proxy.seen})
