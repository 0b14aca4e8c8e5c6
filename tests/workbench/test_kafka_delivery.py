"""How KafkaSource delivers one event: each test names the documented fact that it keeps."""

import base64
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka_sink import Answered, Posted, Sink

from workbench.function import free_port
from workbench.sandbox.kafka import KafkaBroker, Publisher
from workbench.sandbox.kafka_delivery import Delivering, Ending, StoppedError, StuckError
from workbench.sandbox.kafka_records import CloudEvent
from workbench.sandbox.kafka_source_spec import Delivery, SourceSpec

EVENT = CloudEvent(
    {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "Saved", "env": "prod"}, "application/json", b"{}"
)


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with KafkaBroker() as kafka:
        yield Publisher(kafka.bootstrap_servers)


@pytest.fixture
def delivering(publisher: Publisher) -> Iterator[Callable[..., Delivering]]:
    """Builds one with a delivery block's fields; waits end at once."""
    made: list[Delivering] = []

    def build(
        sink: str,
        *,
        wait: Callable[[float], bool] = lambda _: False,
        factor: float = 1.0,
        **block: Any,  # noqa: ANN401 - of Delivery
    ) -> Delivering:
        spec = SourceSpec("enrich", "shop", ("products",), "enrich", delivery=Delivery(**block))
        made.append(Delivering(spec, sink=sink, publisher=publisher, wait=wait, backoff_factor=factor))
        return made[-1]

    yield build
    for each in made:
        each.abort()


def statuses(*given: int) -> Callable[[Posted], Answered]:
    """Answers with these in turn."""
    turn = iter(given)
    return lambda _: Answered(next(turn))


def test_the_request_has_the_documented_headers_and_no_other(delivering: Callable[..., Delivering]) -> None:
    """Binary mode, `Prefer: reply` and the source's namespace."""
    with Sink() as sink:
        delivering(sink.url).deliver(EVENT)
        [posted] = sink.posted
    assert posted.body == b"{}"
    assert posted.headers == {
        "host": sink.url.removeprefix("http://"),
        "content-length": "2",
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-source": "/shop",
        "ce-type": "Saved",
        "ce-env": "prod",
        "prefer": "reply",
        "kn-namespace": "shop",
    }


def test_without_content_type_and_data_the_request_has_neither(delivering: Callable[..., Delivering]) -> None:
    """A tombstone: no HTTP Content-Type at all, and an empty body."""
    with Sink() as sink:
        delivering(sink.url).deliver(CloudEvent(EVENT.attributes, None, None))
        [posted] = sink.posted
    assert "content-type" not in posted.headers
    assert (posted.headers["content-length"], posted.body) == ("0", b"")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 404, 408, 409, 429])
def test_what_is_retried(delivering: Callable[..., Delivering], status: int) -> None:
    """>= 500, 404, 408, 409 and 429."""
    with Sink(statuses(status, 200)) as sink:
        ending = delivering(sink.url, retry=3).deliver(EVENT)
    assert ending == Ending("acknowledged", 200, attempts=2)


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 405, 410, 413, 415, 422, 425])
def test_what_goes_straight_to_the_dead_letters(delivering: Callable[..., Delivering], status: int) -> None:
    """3xx and every other 4xx, 425 among them; a redirect is not followed."""
    with Sink(lambda _: Answered(status, {"location": "/elsewhere"})) as sink, Sink() as letters:
        ending = delivering(sink.url, retry=3, dead_letter_sink=letters.url).deliver(EVENT)
    assert ending == Ending("dead-lettered", status, attempts=1, dead_letter_attempts=1)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_what_is_acknowledged(delivering: Callable[..., Delivering], status: int) -> None:
    """Below 300; the reply is thrown away, whatever it says."""
    reply = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/f", "ce-type": "Enriched"}
    body = b"" if status == 204 else b"reply"
    with Sink(lambda _: Answered(status, reply, body)) as sink, Sink() as letters:
        ending = delivering(sink.url, retry=3, dead_letter_sink=letters.url).deliver(EVENT)
    assert ending == Ending("acknowledged", status, attempts=1)
    assert letters.posted == []


def test_retries_wait_as_computed_whatever_retry_after_says(delivering: Callable[..., Delivering]) -> None:
    """delay x 2^k without jitter; Retry-After is not read; the sandbox may scale the waits."""
    waits: list[float] = []
    with Sink(lambda _: Answered(429, {"retry-after": "1"})) as sink:
        build = delivering(sink.url, retry=3, backoff_delay=2.0, factor=0.5, wait=waits.append)
        ending = build.deliver(EVENT)
    assert waits == [2.0, 4.0, 8.0]
    assert ending == Ending("lost", 429, attempts=4)


def test_a_dead_letter_is_the_event_with_what_went_wrong(delivering: Callable[..., Delivering]) -> None:
    """Sink URL, final status, base64 of the first 1,024 bytes of the body, and `kne-` headers without their prefix."""
    body = "가".encode() * 500
    headers = {"Kne-ErrorCode": "outputrejected", "kne-2nd": "x", "other": "y"}
    with Sink(lambda _: Answered(422, headers, body)) as sink, Sink() as letters:
        ending = delivering(sink.url, dead_letter_sink=letters.url).deliver(EVENT)
        [letter] = letters.posted
    assert ending == Ending("dead-lettered", 422, "outputrejected", 1, 1)
    sent = {name.removeprefix("ce-"): value for name, value in letter.headers.items() if name.startswith("ce-")}
    assert sent == {
        **EVENT.attributes,
        "knativeerrordest": sink.url,
        "knativeerrorcode": "422",
        "knativeerrordata": base64.b64encode(body[:1024]).decode(),
        "errorcode": "outputrejected",
        "2nd": "x",
    }
    assert letter.body == EVENT.data
    assert letter.headers["content-type"] == EVENT.content_type


def test_an_answer_without_a_body_has_no_error_data(delivering: Callable[..., Delivering]) -> None:
    """`knativeerrordata` is there only where there is something in it."""
    with Sink(lambda _: Answered(400)) as sink, Sink() as letters:
        delivering(sink.url, dead_letter_sink=letters.url).deliver(EVENT)
        [letter] = letters.posted
    assert "ce-knativeerrordata" not in letter.headers


def test_a_connection_that_fails_is_retried_and_leaves_no_code(delivering: Callable[..., Delivering]) -> None:
    """After a transport error a dead letter has `knativeerrordest` alone."""
    nobody = f"http://127.0.0.1:{free_port()}"
    with Sink() as letters:
        ending = delivering(nobody, retry=2, dead_letter_sink=letters.url).deliver(EVENT)
        [letter] = letters.posted
    assert ending == Ending("dead-lettered", None, attempts=3, dead_letter_attempts=1)
    assert [name for name in letter.headers if name.startswith("ce-knativeerror")] == ["ce-knativeerrordest"]


def test_an_attempt_that_takes_too_long_is_made_again_while_the_first_still_runs(
    delivering: Callable[..., Delivering],
) -> None:
    """`delivery.timeout` is per attempt, and a time-out is retried."""
    release = threading.Event()
    first = iter([True])

    def answer(_: Posted) -> Answered:
        if next(first, False):
            release.wait(30)
        return Answered()

    with Sink(answer) as sink:
        ending = delivering(sink.url, retry=1, timeout=0.2).deliver(EVENT)
        release.set()
    assert ending == Ending("acknowledged", 200, attempts=2)


def test_without_a_dead_letter_sink_the_event_is_lost(delivering: Callable[..., Delivering]) -> None:
    """The offset is committed all the same: the record counts as done."""
    with Sink(lambda _: Answered(422, {"kne-errorcode": "schemaviolated"})) as sink:
        assert delivering(sink.url, retry=3).deliver(EVENT) == Ending("lost", 422, "schemaviolated", 1)


def test_a_dead_letter_sink_that_fails_after_its_own_retries_loses_the_event(
    delivering: Callable[..., Delivering],
) -> None:
    """It is called with the same retries and waits as the sink."""
    waits: list[float] = []
    with Sink(lambda _: Answered(400)) as sink, Sink(lambda _: Answered(503)) as letters:
        block = {"retry": 2, "backoff_delay": 1.0, "backoff_policy": "linear", "dead_letter_sink": letters.url}
        ending = delivering(sink.url, wait=waits.append, **block).deliver(EVENT)
    assert ending == Ending("lost", 400, attempts=1, dead_letter_attempts=3)
    assert waits == [1.0, 2.0]


def test_a_kne_header_that_is_no_extension_name_never_ends(delivering: Callable[..., Delivering]) -> None:
    """`withExtension` throws inside the failure callback, so the record has no outcome."""
    with Sink(lambda _: Answered(422, {"Kne-Error-Code": "x"})) as sink, pytest.raises(StuckError):
        delivering(sink.url).deliver(EVENT)


def test_stopping_ends_a_wait_without_an_outcome(delivering: Callable[..., Delivering]) -> None:
    """The record will be delivered again by whoever has its partition next."""
    with Sink(lambda _: Answered(503)) as sink, pytest.raises(StoppedError):
        delivering(sink.url, retry=1, wait=lambda _: True).deliver(EVENT)
