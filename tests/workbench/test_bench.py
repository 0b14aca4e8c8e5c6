"""The bench's own parts: messages, events, loads, tables; and its rows with tiny numbers, whatever they measure."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from workbench.bench import cpu, paying, starting, throughput
from workbench.bench.asking import token_rows
from workbench.bench.events import Edits, event, product
from workbench.bench.load import Load, drive
from workbench.bench.peers import Bucket, Peers
from workbench.bench.processes import CORES, FUNCTION, BenchError, Server, exchange
from workbench.bench.stage import Stage, stage
from workbench.bench.table import Goal, Row, compared, markdown, percentile, spread
from workbench.bench.wire import Message, request, response, take

SETTINGS = {"PRODUCT_SERVICE_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"}
ROW = Row(title="r", value=3, unit="ms", goal=Goal("<=", 1.5), reference=2, beside="hello", noise=0.05)


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    """The peers; afterwards this process may run where it did before."""
    with stage() as running:
        yield running
    os.sched_setaffinity(0, CORES)  # as it was before


def body_of(sent: bytes) -> dict[str, Any]:
    message = take(bytearray(sent))
    assert message
    data: dict[str, Any] = json.loads(message.body)
    return data


# Messages


@pytest.mark.parametrize("cut", [1, 10, 40, 70, -1])
def test_a_message_is_taken_when_it_is_whole(cut: int) -> None:
    """Half a head or half a body is no message yet, and stays in the buffer until the rest has come."""
    sent = request("PUT", "/a", b"body", Content_Type="text/plain")
    buffer = bytearray(sent[:cut])
    assert take(buffer) is None
    buffer += sent[cut:]
    message = take(buffer)
    assert message
    assert message.head.startswith(b"PUT /a HTTP/1.1\r\n")
    assert b"\r\nContent-Type: text/plain\r\n" in message.head
    assert message.body == b"body"
    assert not buffer


def test_messages_are_taken_one_by_one() -> None:
    """What follows a message is left for the next call; a message without a length has no body."""
    buffer = bytearray(b"GET / HTTP/1.1\r\n\r\n" + response(207, b"{}"))
    assert take(buffer) == Message(b"GET / HTTP/1.1\r\n\r\n", b"")
    answered = take(buffer)
    assert answered
    assert (answered.status, answered.body) == (207, b"{}")
    assert take(buffer) is None


# Tables


def test_a_goal_is_of_the_ratio_or_of_the_value() -> None:
    """A limit is kept up to itself, in the direction and of the figure that it names."""
    assert ROW.is_kept
    assert not replace(ROW, value=3.01).is_kept
    assert not replace(ROW, goal=Goal("<=", 2.9, of="value")).is_kept
    assert replace(ROW, goal=Goal(">=", 1.5)).is_kept
    assert not replace(ROW, goal=Goal(">=", 1.6)).is_kept


@pytest.mark.parametrize("reference", [None, 0.0])
def test_without_a_reference_no_ratio_is_kept(reference: float | None) -> None:
    """A ratio to nothing keeps no goal, whichever way it points."""
    row = replace(ROW, reference=reference)
    assert math.isnan(row.ratio)
    assert not row.is_kept
    assert not replace(row, goal=Goal(">=", 0)).is_kept


def test_rounds_become_medians_with_the_references_own_noise() -> None:
    """One slow round of either side moves neither median; the reference's spread is told."""
    row = compared("r", "ms", Goal("<=", 2), values=[9, 4, 4], references=[2, 2, 3], beside="hello")
    assert (row.value, row.reference, row.ratio, row.noise) == (4, 2, 2, 0.25)


def test_percentiles_are_values_that_occurred() -> None:
    """Nearest rank: p50 of an even number is the lower one of the middle, p100 the largest."""
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (0, 1, 50, 99, 100)] == [1, 1, 50, 99, 100]
    assert percentile([7.0], 99) == 7


def test_spread_is_half_the_range() -> None:
    """Rounds that agree have no spread."""
    assert (spread([5, 5]), spread([9, 10, 12])) == (0, 0.15)


def test_the_table_tells_what_is_over() -> None:
    """A line a row, with figures a person can read, and what is over stands out."""
    rows = [ROW, Row(title="v", value=1234.5, unit="MB", goal=Goal("<=", 0.0002, of="value"))]
    assert markdown(rows).splitlines() == [
        "| row | measured | reference | ratio | goal |  | noise |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| r | 3 ms | 2 ms: hello | 1.500x | <= 1.5x | ok | ±5.0% |",
        "| v | 1,234 MB |  |  | <= 0.0002 MB | **over** |  |",
    ]


# Events


def test_an_event_asks_for_what_its_product_has() -> None:
    """With a photo the event is one that the attributes listen to, without it the description's."""
    with_photo = event(product("1", name="a", photo_url="http://127.0.0.1/a.jpg"))
    assert b"ce-type: ProductImagesUpdatedEvent\r\n" in with_photo
    assert b"ce-type: ProductAttributesUpdatedEvent\r\n" in event(product("1", name="a"))
    assert body_of(with_photo)["imageUrls"] == ["http://127.0.0.1/a.jpg"]


def test_edits_have_the_shares_that_they_promise() -> None:
    """Six of ten change nothing, one of ten is stale, and every question is one that was sent."""
    edits = Edits(10_000, seed=1)
    latest: dict[str, dict[str, Any]] = {}
    names, stale, unchanged = set(), 0, 0
    for sent in (sent for lane in edits.lanes(7) for sent in lane):
        data = body_of(sent)
        names.add(data["name"])
        last = latest.get(data["productId"])
        if last and data["version"] < last["version"]:
            stale += 1
            continue
        unchanged += last is not None and last["name"] == data["name"]
        latest[data["productId"]] = data
    assert len(names) == len(edits.questions)
    assert unchanged / 10_000 == pytest.approx(0.6, abs=0.05)
    assert stale / 10_000 == pytest.approx(0.1, abs=0.05)


def test_a_seed_plans_the_same_edits() -> None:
    """The same seed sends the same bytes, another one does not; a product's versions rise within one lane."""
    assert Edits(200, seed=1).lanes(3) == Edits(200, seed=1).lanes(3)
    assert Edits(200, seed=1).lanes(3) != Edits(200, seed=2).lanes(3)
    lanes = [{body_of(sent)["productId"] for sent in lane} for lane in Edits(200, seed=1).lanes(3)]
    assert not lanes[0] & lanes[1]
    assert not lanes[1] & lanes[2]


# Peers


def test_a_bucket_gives_its_rate() -> None:
    """A second's worth at once, then as fast as it fills and never more than a second's worth; 0 is no limit."""
    now = [0.0]
    bucket = Bucket(4, clock=lambda: now[0])
    assert [bucket.takes() for _ in range(5)] == [True] * 4 + [False]
    now[0] = 0.25
    assert [bucket.takes() for _ in range(2)] == [True, False]
    now[0] = 100
    assert sum(bucket.takes() for _ in range(50)) == 4
    unlimited = Bucket(0, clock=lambda: now[0])
    assert all(unlimited.takes() for _ in range(50))


def test_the_peers_count_what_they_are_asked() -> None:
    """Each kind of request is told apart, and a call beyond the quota is a throttled one."""
    peers, answers = Peers(), list[bytes]()
    for sent in (
        request("POST", "/bench", b'{"rate": 1}'),
        request("GET", "/images/shirt.jpg"),
        request("PUT", "/api/v1/products/1/description", b"{}"),
        request("POST", "/model/m/converse", b"{}"),
        request("POST", "/model/m/converse", b'{"toolConfig": {}}'),
        request("GET", "/elsewhere"),
        request("POST", "/bench", b"{}"),
    ):
        message = take(bytearray(sent))
        assert message
        peers.answer(message, answers.append)
    assert [answer[9:12] for answer in answers] == [b"200", b"200", b"200", b"200", b"429", b"404", b"200"]
    assert body_of(answers[-1])["counts"] == {"photo": 1, "put": 1, "converse": 2, "throttled": 1}


def test_both_tasks_are_within_their_tokens() -> None:
    """Prefix, rest and price of each task are told, with the stand-in's own count beside the estimate."""
    rows = token_rows()
    assert len(rows) == 6
    assert all(row.is_kept for row in rows)
    assert all(row.ratio == pytest.approx(1, abs=0.4) for row in rows if row.unit == "tokens")


# Loads and rows


def test_a_load_knows_how_events_ended() -> None:
    """An event that ends otherwise than its row says makes no figure."""
    load = Load()
    load.outcomes.update(written=2)
    load.require("written")
    load.outcomes.update({"503": 1})
    with pytest.raises(BenchError, match="503"):
        load.require("written")


def test_lanes_send_one_after_another(running: Stage) -> None:
    """Every request of every lane is answered, in its order; no lane sends after its time."""
    running.peers.tell(delay=0, rate=0)
    lane = [request("PUT", "/api/v1/products/1/description", b"{}")] * 3
    load = drive([running.peers.port], [lane, lane])
    assert load.outcomes == {"200": 6}
    for sent in load.lanes:
        assert len(sent) == 3
        assert all(one.at <= one.answered <= next_.at for one, next_ in pairwise(sent))
    assert drive([running.peers.port], [lane], seconds=0).outcomes == {}


@pytest.mark.slow
def test_a_start_gives_a_row_for_each_goal(running: Stage) -> None:
    """One round: ready and first events with both ledgers, beside hello, and memory."""
    rows = starting.start_rows(running, rounds=1)
    assert [row.unit for row in rows] == ["ms", "ms", "ms", "MB"] * 2
    assert all(row.value > 0 and row.beside == "hello" for row in rows)


@pytest.mark.slow
def test_throughput_is_beside_the_ideal(running: Stage) -> None:
    """Twenty events in four lanes, a fast model: a rate for each ledger, below the ideal."""
    rows = throughput.throughput_rows(running, in_flight={4: 0.0}, model_seconds=0.1)
    assert [row.reference for row in rows] == [40, 40]
    assert all(0 < row.ratio <= 1.01 and "stand-ins" in row.title for row in rows)


@pytest.mark.slow
def test_cpu_is_beside_the_same_calls(running: Stage) -> None:
    """The reference does what the function does at its edges, the ledger's requests included."""
    reused = [case for case in cpu.CASES if case.outcome == "reused"]
    memory, dynamodb = cpu.cpu_rows(running, rounds=1, events=8, cases=reused)
    assert memory.beside == "hello + 1 photo + 1 put"
    assert dynamodb.beside == "hello + 1 photo + 1 put + 4 UpdateItem"


@pytest.mark.slow
def test_each_question_is_called_once(running: Stage) -> None:
    """Few events, both ledgers: as many model calls as distinct questions."""
    assert [row.ratio for row in paying.call_rows(running, events=100)] == [1, 1]


@pytest.mark.slow
def test_a_quota_is_measured_by_the_stand_in(running: Stage) -> None:
    """Two processes below a small quota: what was let through beside the rate, and calls beside that."""
    rate, calls = paying.quota_rows(running, lanes=4, model_seconds=0.1, settling=0.5, measured=1.0)
    assert rate.reference == pytest.approx(32, rel=0.5)
    assert calls.ratio >= 1


def test_a_function_that_does_not_start_says_why() -> None:
    """What the process said on its way out is the error."""
    with pytest.raises(BenchError, match="LEDGER_URL"), Server(FUNCTION, {**SETTINGS, "LEDGER_URL": "sqlite://"}):
        pass


def test_peers_answer_over_the_wire(running: Stage) -> None:
    """A path that nobody serves is 404."""
    assert exchange(running.peers.port, request("GET", "/nothing")).status == 404
