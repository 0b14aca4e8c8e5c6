"""A KafkaSource's settings as its manifest names them, with the defaults that Knative gives. No IO.

Sources: pkg/apis/sources/v1, pkg/reconciler/source and pkg/core/config of knative-extensions/eventing-kafka-broker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter

MAX_POLL_RECORDS = 50
"""Of the whole data plane: a KafkaSource cannot choose it."""


@dataclass(frozen=True)
class KafkaSink:
    """A topic that takes events over HTTP; as a dead-letter sink."""

    topic: str
    content_mode: Literal["binary", "structured"] = "binary"

    def __str__(self) -> str:
        return self.topic


@dataclass(frozen=True)
class Delivery:
    """`spec.delivery`. Built without arguments it is a delivery block without `retry`: one attempt."""

    retry: int = 0
    """Attempts after the first."""
    backoff_policy: Literal["exponential", "linear"] = "exponential"
    backoff_delay: float = 0.2
    """Seconds."""
    timeout: float = 600.0
    """Seconds an attempt may take."""
    dead_letter_sink: str | KafkaSink | None = None
    """A URL, a topic, or nothing: then an event that failed for good is lost."""

    def waits(self) -> list[float]:
        """Seconds before each retry: no jitter, no cap; the first exponential wait is twice the delay."""
        exponential = self.backoff_policy == "exponential"
        return [self.backoff_delay * (2**k if exponential else k) for k in range(1, self.retry + 1)]


NO_DELIVERY_BLOCK = Delivery(retry=10, backoff_delay=0.3)
"""What holds where the manifest has no `delivery` at all."""


@dataclass(frozen=True)
class SourceSpec:
    """One KafkaSource. Keys are read as strings (`key-type: string`)."""

    name: str
    namespace: str
    topics: tuple[str, ...]
    consumer_group: str
    initial_offset: Literal["earliest", "latest"] = "latest"
    """Where a group starts that has committed nothing yet."""
    ordering: Literal["ordered", "unordered"] = "ordered"
    delivery: Delivery = NO_DELIVERY_BLOCK
    ce_overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The part of `ce-source` before `#topic`. It says `/apis/v1`, which is not the API's version."""
        return f"/apis/v1/namespaces/{self.namespace}/kafkasources/{self.name}"


def source_of(manifest: str) -> SourceSpec:
    """The only KafkaSource in these YAML documents, its dead-letter KafkaSink resolved from the same documents.

    Raises ValueError where there is not one, its key type is not string, or what it names is not there.
    """
    documents = [document for document in yaml.safe_load_all(manifest) if document]
    [document] = [each for each in documents if each["kind"] == "KafkaSource"]
    metadata, spec = document["metadata"], document["spec"]
    key_type = metadata.get("labels", {}).get("kafkasources.sources.knative.dev/key-type", "string")
    if key_type != "string":
        raise ValueError(f"key-type {key_type}: keys are read as strings only")
    sinks = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "KafkaSink"}
    return SourceSpec(
        name=metadata["name"],
        namespace=metadata["namespace"],
        topics=tuple(spec["topics"]),
        consumer_group=spec["consumerGroup"],
        initial_offset=spec.get("initialOffset", "latest"),
        ordering=spec.get("ordering", "ordered"),
        delivery=_delivery(spec["delivery"], sinks) if "delivery" in spec else NO_DELIVERY_BLOCK,
        ce_overrides=spec.get("ceOverrides", {}).get("extensions", {}),
    )


def _delivery(block: Mapping[str, Any], sinks: Mapping[str, Any]) -> Delivery:
    if "retry" not in block:  # the back-off alone counts as nothing
        return Delivery(timeout=_seconds(block.get("timeout", "PT600S")), dead_letter_sink=_dead_letters(block, sinks))
    return Delivery(
        retry=block["retry"],
        backoff_policy=block.get("backoffPolicy", "exponential"),
        backoff_delay=_seconds(block.get("backoffDelay", "PT0.2S")),
        timeout=_seconds(block.get("timeout", "PT600S")),
        dead_letter_sink=_dead_letters(block, sinks),
    )


def _dead_letters(block: Mapping[str, Any], sinks: Mapping[str, Any]) -> str | KafkaSink | None:
    match block.get("deadLetterSink"):
        case None:
            return None
        case {"uri": str(url), **rest} if "ref" not in rest:
            return url
        case {"ref": {"kind": "KafkaSink", "name": name}} if name in sinks:
            return KafkaSink(sinks[name]["topic"], sinks[name].get("contentMode", "binary"))
        case other:
            raise ValueError(f"deadLetterSink {other}: give a URI, or a KafkaSink of the same manifest")


def _seconds(duration: str) -> float:
    return TypeAdapter(timedelta).validate_python(duration).total_seconds()
