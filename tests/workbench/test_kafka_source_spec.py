"""KafkaSource's settings: the manifest's, and the defaults that surprise."""

from typing import Any, Literal

import pytest
import yaml

from workbench.function import ROOT
from workbench.sandbox.kafka_source_spec import NO_DELIVERY_BLOCK, Delivery, KafkaSink, SourceSpec, source_of

SINK = {"kind": "KafkaSink", "metadata": {"name": "letters"}, "spec": {"topic": "shop.letters"}}


def manifest(*, labels: dict[str, str] | None = None, sink: dict[str, Any] = SINK, **spec: Any) -> str:  # noqa: ANN401 - YAML
    metadata = {"name": "enrich", "namespace": "shop", "labels": labels or {}}
    source = {"topics": ["products"], "consumerGroup": "enrich", **spec}
    return yaml.safe_dump_all([sink, {"kind": "KafkaSource", "metadata": metadata, "spec": source}])


def test_what_a_manifest_leaves_out_has_knatives_defaults() -> None:
    """Ordered delivery from the end of the topic."""
    source = source_of(manifest())
    expected = SourceSpec("enrich", "shop", ("products",), "enrich", "latest", "ordered", NO_DELIVERY_BLOCK, {})
    assert source == expected
    assert source.source == "/apis/v1/namespaces/shop/kafkasources/enrich"


@pytest.mark.parametrize(
    ("block", "delivery"),
    [
        ({}, Delivery(retry=0)),
        ({"deadLetterSink": {"uri": "http://letters/"}}, Delivery(retry=0, dead_letter_sink="http://letters/")),
        ({"backoffPolicy": "linear", "backoffDelay": "PT1S"}, Delivery(retry=0)),
        ({"retry": 3}, Delivery(retry=3, backoff_policy="exponential", backoff_delay=0.2, timeout=600.0)),
        ({"retry": 2, "backoffPolicy": "linear", "backoffDelay": "PT1M30S"}, Delivery(2, "linear", 90.0)),
        ({"timeout": "PT2M"}, Delivery(timeout=120.0)),
    ],
)
def test_a_delivery_block_without_retry_means_one_attempt(block: dict[str, Any], delivery: Delivery) -> None:
    """The trap: only a manifest without any delivery block is retried by default."""
    assert source_of(manifest(delivery=block)).delivery == delivery


def test_no_delivery_block_means_ten_retries_over_ten_minutes() -> None:
    """PT0.3S doubled: 0.6 s to 307 s, and 600 s an attempt."""
    delivery = source_of(manifest()).delivery
    assert [round(seconds, 1) for seconds in delivery.waits()] == [
        0.6,
        1.2,
        2.4,
        4.8,
        9.6,
        19.2,
        38.4,
        76.8,
        153.6,
        307.2,
    ]
    assert (delivery.timeout, delivery.dead_letter_sink) == (600.0, None)


def test_the_first_exponential_wait_is_twice_the_delay() -> None:
    """delay x 2^k from k = 1, without a cap; linear is delay x k."""
    assert Delivery(retry=4, backoff_delay=1.0).waits() == [2.0, 4.0, 8.0, 16.0]
    assert Delivery(retry=3, backoff_policy="linear", backoff_delay=2.0).waits() == [2.0, 4.0, 6.0]


@pytest.mark.parametrize(("given", "mode"), [({}, "binary"), ({"contentMode": "structured"}, "structured")])
def test_a_kafka_sink_is_found_in_the_same_manifest(
    given: dict[str, str], mode: Literal["binary", "structured"]
) -> None:
    """Its topic and content mode count; binary is the default."""
    reference = {"ref": {"kind": "KafkaSink", "name": "letters"}}
    text = manifest(sink={**SINK, "spec": {"topic": "shop.letters", **given}}, delivery={"deadLetterSink": reference})
    assert source_of(text).delivery.dead_letter_sink == KafkaSink("shop.letters", mode)


@pytest.mark.parametrize(
    "sink", [{"ref": {"kind": "KafkaSink", "name": "other"}}, {"ref": {"kind": "Service", "name": "letters"}}]
)
def test_a_dead_letter_sink_that_cannot_be_resolved_is_refused(sink: dict[str, Any]) -> None:
    """A sandbox that silently lost dead letters would prove the wrong thing."""
    with pytest.raises(ValueError, match="deadLetterSink"):
        source_of(manifest(delivery={"deadLetterSink": sink}))


def test_other_key_types_than_string_are_refused() -> None:
    """The stand-in decodes no others."""
    with pytest.raises(ValueError, match="key-type int"):
        source_of(manifest(labels={"kafkasources.sources.knative.dev/key-type": "int"}))


def test_the_shipped_manifest_is_read_as_it_is_meant() -> None:
    """The waits that its comment counts, structured dead letters, both topics."""
    source = source_of((ROOT / "service.yaml").read_text(encoding="utf-8"))
    assert source.ordering == "unordered"
    assert source.delivery.waits() == [4.0, 8.0, 16.0, 32.0, 64.0, 128.0]
    assert source.delivery.dead_letter_sink == KafkaSink("product-enricher.dead-letters", "structured")
    assert source.topics == ("product-events", "product-enricher.replay")
