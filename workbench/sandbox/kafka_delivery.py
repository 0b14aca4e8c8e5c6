"""Delivers one event as KafkaSource does: attempts, back-off, dead letter. It knows nothing of offsets or order.

Sources: WebClientCloudEventSender and RecordDispatcherImpl of knative-extensions/eventing-kafka-broker.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from confluent_kafka import KafkaException

from workbench.sandbox.kafka import PartitionFullError, Publisher
from workbench.sandbox.kafka_http import HttpSender, Reply
from workbench.sandbox.kafka_records import STRUCTURED, CloudEvent, request_headers, structured_value
from workbench.sandbox.kafka_source_spec import KafkaSink, SourceSpec

RETRIED = {404, 408, 409, 429}
ERROR_DATA_BYTES = 1024


class StoppedError(Exception):
    """The source stops: the event in hand has no outcome and will be delivered again."""


class StuckError(Exception):
    """The answer's `kne-` header is not an extension name: the dispatcher never finishes this record."""


@dataclass(frozen=True)
class Ending:
    """How the delivery of an event ended for good."""

    kind: Literal["acknowledged", "dead-lettered", "lost"]
    status: int | None = None
    """Of the last attempt; None: no answer."""
    code: str = ""
    """Of the answer's header `kne-errorcode`."""
    attempts: int = 0
    """Requests to the sink."""
    dead_letter_attempts: int = 0


Target = Callable[[CloudEvent], Reply | None]
"""Takes an event; None: a transport error or a time-out."""


class Delivering:
    """Delivers events to `sink`; safe under threads. `wait` sleeps so many seconds, or returns true: stop."""

    def __init__(
        self,
        spec: SourceSpec,
        *,
        sink: str,
        publisher: Publisher,
        wait: Callable[[float], bool],
        backoff_factor: float = 1.0,
    ) -> None:
        self._spec = spec
        self._sink = sink
        self._wait = wait
        self._waits = [seconds * backoff_factor for seconds in spec.delivery.waits()]
        self._http = HttpSender(spec.namespace, timeout=spec.delivery.timeout)
        self._publisher = publisher
        self.abort = self._http.abort

    def deliver(self, event: CloudEvent) -> Ending:
        """Until it is acknowledged, a dead letter, or lost. Raises `StoppedError` and `StuckError`."""
        reply, attempts = self._attempt(lambda event: self._http.post(self._sink, event), event)
        status, code = (reply.status, reply.headers.get("kne-errorcode", "")) if reply else (None, "")
        if reply and reply.status < 300:
            return Ending("acknowledged", status, code, attempts)
        letter = event.extended(error_extensions(self._sink, reply))
        target = self._dead_letters()
        if target is None:  # the offset is committed all the same
            return Ending("lost", status, code, attempts)
        taken, tries = self._attempt(target, letter)
        kept = taken is not None and taken.status < 300
        return Ending("dead-lettered" if kept else "lost", status, code, attempts, tries)

    def _dead_letters(self) -> Target | None:
        match self._spec.delivery.dead_letter_sink:
            case None:
                return None
            case str(url):
                return lambda event: self._http.post(url, event)
            case KafkaSink() as topic:
                return lambda event: publish(self._publisher, topic, event)

    def _attempt(self, target: Target, event: CloudEvent) -> tuple[Reply | None, int]:
        """The last answer, and the number of attempts."""
        reply = self._try(target, event)
        for attempts, seconds in enumerate(self._waits, 1):
            if reply is not None and not is_retried(reply.status):
                return reply, attempts
            if self._wait(seconds):  # Retry-After is not read
                raise StoppedError
            reply = self._try(target, event)
        return reply, len(self._waits) + 1

    def _try(self, target: Target, event: CloudEvent) -> Reply | None:
        reply = target(event)
        if reply is None and self._http.aborted:
            raise StoppedError
        return reply


def is_retried(status: int) -> bool:
    """425 is not, nor any other 4xx or 3xx."""
    return status >= 500 or status in RETRIED


def error_extensions(sink: str, reply: Reply | None) -> dict[str, str]:
    """What a dead letter has beside the event itself; raises `StuckError`."""
    extensions = {"knativeerrordest": sink}
    if reply is None:
        return extensions
    extensions["knativeerrorcode"] = str(reply.status)
    if reply.body:
        extensions["knativeerrordata"] = base64.b64encode(reply.body[:ERROR_DATA_BYTES]).decode()
    for name, value in reply.headers.items():
        if name.startswith("kne-"):
            extension = name.removeprefix("kne-")
            if not re.fullmatch("[a-z0-9]+", extension):
                raise StuckError(name)
            extensions[extension] = value
    return extensions


def publish(publisher: Publisher, sink: KafkaSink, event: CloudEvent) -> Reply:
    """What a KafkaSink does with an event that it was posted: a record whose key is the event's `partitionkey`."""
    arrived = {name.removeprefix("ce-"): value for name, value in request_headers(event).items()}
    content_type = arrived.pop("content-type", None)
    key = arrived.get("partitionkey")
    try:
        if sink.content_mode == "structured":
            value = structured_value(CloudEvent(arrived, content_type, event.data))
            publisher.publish(sink.topic, value, key=key, headers={"content-type": STRUCTURED})
        else:
            headers = {f"ce_{name}": value for name, value in arrived.items()}
            headers |= {"content-type": content_type} if content_type is not None else {}
            publisher.publish(sink.topic, event.data, key=key, headers=headers)
    except (KafkaException, PartitionFullError):
        return Reply(503)
    return Reply(202)
