"""Which offsets the KafkaSource stand-in commits, and so what is delivered twice: each test names the fact it keeps."""

from collections.abc import Iterator

import pytest
from kafka_shop import Gate, Shop, shop_on
from kafka_sink import Answered, Sink, eventually

from workbench.sandbox.kafka import KafkaBroker


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaBroker]:
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture
def shop(kafka: KafkaBroker) -> Shop:
    return shop_on(kafka)


def test_latest_starts_behind_what_is_there_and_loses_nothing_after(shop: Shop) -> None:
    """`initialOffset` counts once, before the first consumer runs: then the group's offset counts."""
    shop.publish(b"before")
    with Sink() as sink:
        with shop.source(sink, initial_offset="latest"):
            shop.publish(b"after")
            shop.outcome()
        shop.publish(b"while nobody ran")
        with shop.source(sink, initial_offset="latest"):
            shop.outcome()
    assert [posted.body for posted in sink.posted] == [b"after", b"while nobody ran"]


def test_closing_commits_what_is_finished_and_a_restart_goes_on_there(shop: Shop) -> None:
    """A new instance of the same group sees nothing twice."""
    with Sink() as sink:
        with shop.source(sink):
            shop.publish(b"1", b"2")
            shop.outcome(), shop.outcome()
        assert shop.committed() == {0: 2}
        with shop.source(sink):
            shop.publish(b"3")
            shop.outcome()
    assert sorted(posted.body for posted in sink.posted) == [b"1", b"2", b"3"]


def test_offsets_are_committed_while_it_runs(shop: Shop) -> None:
    """Every five seconds; the interval is a parameter here."""
    with Sink() as sink, shop.source(sink, commit_seconds=0):
        shop.publish(b"1", b"2", b"3")
        eventually(lambda: shop.committed() == {0: 3})


def test_a_crash_delivers_again_what_was_not_committed(shop: Shop) -> None:
    """Acknowledged or not: what the crash kept from being committed comes again."""
    with Sink() as sink:
        source = shop.source(sink)
        with source:
            shop.publish(b"1", b"2")
            shop.outcome(), shop.outcome()
            source.kill()
        assert shop.committed() == {0: 0}
        with shop.source(sink):
            assert {shop.outcome().record.offset, shop.outcome().record.offset} == {0, 1}
    assert sorted(posted.body for posted in sink.posted) == [b"1", b"1", b"2", b"2"]


def test_one_slow_record_holds_back_the_offsets_behind_it(shop: Shop) -> None:
    """The highest contiguous finished offset is committed, so a restart replays what was done behind the slow one."""
    gate = Gate(b"slow")
    shop.publish(b"1", b"slow", b"3")
    with Sink(gate) as sink:
        with shop.source(sink):
            gate.wait()
            shop.outcome(), shop.outcome()
        assert shop.committed() == {0: 1}
        gate.open()
        with shop.source(sink):
            assert {shop.outcome().record.offset, shop.outcome().record.offset} == {1, 2}


def test_a_lost_record_is_committed(shop: Shop) -> None:
    """No dead-letter sink: the event is gone, and no restart brings it back."""
    with Sink(lambda _: Answered(422)) as sink, shop.source(sink):
        shop.publish(b"1")
        assert shop.outcome().ending.kind == "lost"
    assert shop.committed() == {0: 1}


def test_a_rebalance_replays_what_was_in_flight(kafka: KafkaBroker) -> None:
    """It revokes every partition and waits for nothing; the old owner's late end commits nothing."""
    shop, first, second = shop_on(kafka, partitions=2), Gate(b"slow"), Gate(b"slow")
    keys = iter(range(100))
    while set(shop.partitions) < {0, 1}:
        shop.publish(b"slow", key=f"p-{next(keys)}")
    with Sink(first) as old_sink, Sink(second) as new_sink:
        old = shop.source(old_sink, session_seconds=3.0, commit_seconds=0)
        with old:
            for _ in range(len(shop.partitions)):
                first.wait()
            with shop.source(new_sink, session_seconds=3.0):
                second.wait()  # one of the two partitions moved
                first.wait()  # and the other came back
                [moved] = {int(posted.headers["ce-knativekafkapartition"]) for posted in new_sink.posted}
                stayed = 1 - moved
                first.open()
                for _ in range(len(shop.partitions) + shop.partitions.count(stayed)):
                    shop.outcome()
                key = next(key for key, partition in enumerate(shop.partitions) if partition == stayed)
                shop.publish(b"last", key=f"p-{key}")  # its commit comes after whatever the late ends brought about
                eventually(lambda: shop.committed()[stayed] == shop.partitions.count(stayed))
                assert shop.committed()[moved] == 0
                second.open()
    assert {posted.body for posted in new_sink.posted} == {b"slow"}
