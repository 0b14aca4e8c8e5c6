"""Kafka for the sandbox and the tests: librdkafka's in-process broker, and a publisher that waits for its records.

The broker speaks the real protocol on loopback, so any client of any process may use it. It keeps nothing on disk, and
about 5 MiB a partition. Not for production.
"""

import ctypes
import threading
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Future
from functools import cache
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer, cimpl

PARTITION_BYTES = 5_000_000
"""What a producer may put into one partition of `KafkaBroker`: past 5 MiB it throws the oldest records away, read or
not (librdkafka's rdkafka_mock.c)."""
RECORD_OVERHEAD = 100
"""At most; bytes of a record that is sent alone, beside its key, value and headers."""

PRODUCER = 0  # rd_kafka_type_t


class PartitionFullError(Exception):
    """A partition of the sandbox's broker holds what it can; one more record would drop the oldest."""


class KafkaBroker:
    """One broker: `with KafkaBroker() as kafka: kafka.bootstrap_servers`.

    Made through librdkafka's C interface and not by the setting `test.mock.num.brokers`: that way lets nobody choose a
    topic's partitions, and a group's first member would wait three seconds for others.
    """

    def __enter__(self) -> Self:
        lib, error = _librdkafka(), ctypes.create_string_buffer(512)
        settings = lib.rd_kafka_conf_new()
        lib.rd_kafka_conf_set(settings, b"log_level", b"0", error, len(error))
        self._handle = lib.rd_kafka_new(PRODUCER, settings, error, len(error))
        if not self._handle:
            raise RuntimeError(error.value.decode())
        self._cluster = lib.rd_kafka_mock_cluster_new(self._handle, 1)
        lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.bootstrap_servers: str = lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _librdkafka().rd_kafka_mock_cluster_destroy(self._cluster)
        _librdkafka().rd_kafka_destroy(self._handle)

    def create_topic(self, name: str, *, partitions: int = 4) -> None:
        """A topic that nobody asked for yet; else it comes with four partitions. Raises `KafkaException`."""
        code = _librdkafka().rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if code:
            raise KafkaException(KafkaError(code))


class Publisher:
    """Publishes records, each acknowledged before `publish` returns; safe under threads.

    `partition_bytes` bounds what goes into one partition (`PARTITION_BYTES` for `KafkaBroker`); None is no bound.
    """

    def __init__(self, bootstrap_servers: str, *, partition_bytes: int | None = PARTITION_BYTES) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",  # as Java's: a key is in the same partition whoever writes it
                "linger.ms": 0,
                "acks": "all",
                "message.timeout.ms": 30_000,
                "log_level": 0,
            }
        )
        self._bound = partition_bytes
        self._sizes: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._lock = threading.Lock()

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, int]:
        """The record's partition and offset. Raises `PartitionFullError`; `KafkaException` where it did not arrive."""
        fields = {field: text.encode() for field, text in (headers or {}).items()}
        name = key.encode() if isinstance(key, str) else key
        size = (
            RECORD_OVERHEAD
            + len(value or b"")
            + len(name or b"")
            + sum(len(each) for pair in fields.items() for each in pair)
        )
        self._hold_bound(topic, size)
        arrived: Future[tuple[int, int]] = Future()

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                arrived.set_exception(KafkaException(error))
                return
            partition, offset = message.partition(), message.offset()
            assert partition is not None and offset is not None  # noqa: S101, PT018 - it was delivered
            with self._lock:
                self._sizes[topic, partition] += size
            arrived.set_result((partition, offset))

        self._producer.produce(topic, value, name, headers=list(fields.items()), on_delivery=on_delivery)
        while not arrived.done():
            self._producer.flush(1)  # until all records out now have arrived; serves their callbacks
        return arrived.result()

    def _hold_bound(self, topic: str, size: int) -> None:
        if self._bound is None:
            return
        with self._lock:  # the fullest counts: which partition the key falls into is the client library's knowledge
            fullest = max((held for (name, _), held in self._sizes.items() if name == topic), default=0)
        if fullest + size > self._bound:
            raise PartitionFullError(
                f"A partition of {topic} holds {fullest:,} bytes. The sandbox's broker drops the oldest records past "
                "5 MiB: restart the sandbox, use more partitions, or use a real broker."
            )


@cache
def _librdkafka() -> ctypes.CDLL:
    """librdkafka, as the confluent-kafka wheel brings it: found through the module that is linked to it."""
    lib, pointer, text = ctypes.CDLL(cimpl.__file__), ctypes.c_void_p, ctypes.c_char_p
    for name, result, *arguments in (
        ("rd_kafka_conf_new", pointer),
        ("rd_kafka_conf_set", ctypes.c_int, pointer, text, text, text, ctypes.c_size_t),
        ("rd_kafka_new", pointer, ctypes.c_int, pointer, text, ctypes.c_size_t),
        ("rd_kafka_destroy", None, pointer),
        ("rd_kafka_mock_cluster_new", pointer, pointer, ctypes.c_int),
        ("rd_kafka_mock_cluster_destroy", None, pointer),
        ("rd_kafka_mock_cluster_bootstraps", text, pointer),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, pointer, ctypes.c_int32),
        ("rd_kafka_mock_topic_create", ctypes.c_int, pointer, text, ctypes.c_int, ctypes.c_int),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
