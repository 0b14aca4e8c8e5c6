"""The numbers of a soak, in proportion to service.yaml's, and what its parts are told by them."""

import os
from dataclasses import replace

import boto3
import yaml

from workbench.function import ROOT
from workbench.sandbox.kafka_source_spec import KafkaSink, SourceSpec, source_of

SCALE = 1 / 8
"""Of the back-off in service.yaml: 252 s of waits become 31.5 s."""
DEADLINE_SECONDS = 3
"""A question's lease is then 13 s, and 5 s more for clocks: with one attempt 21 s, less than the waits, as shipped.
A slot's stays 35 s: seven deliveries wait for it, 3 s each inside and 31.5 s between them."""
CONCURRENCY = 3
"""Events in one process at a time."""
DELIVERY_SECONDS = 45.0
"""`delivery.timeout`: longer than the balancer lets an event wait for a place, and the event's own time."""
TABLE = "soak"


def source_spec() -> SourceSpec:
    """service.yaml's own, but for the time that an attempt may take."""
    spec = source_of((ROOT / "service.yaml").read_text(encoding="utf-8"))
    assert isinstance(spec.delivery.dead_letter_sink, KafkaSink)  # noqa: S101 - service.yaml has one
    binary = replace(spec.delivery.dead_letter_sink, content_mode="binary")  # so that the journal can read it
    return replace(spec, delivery=replace(spec.delivery, timeout=DELIVERY_SECONDS, dead_letter_sink=binary))


def function_environ(shop_url: str) -> dict[str, str]:
    """The function's settings, but for the endpoints that each process has of its own."""
    return {
        "AWS_ACCESS_KEY_ID": "soak",
        "AWS_SECRET_ACCESS_KEY": "soak",
        "AWS_REGION": "us-east-1",
        "LEDGER_URL": f"dynamodb://{TABLE}",
        "PRODUCT_SERVICE_URL": shop_url,
        "IMAGE_HOSTS": "127.0.0.1",
        "DEADLINE_SECONDS": str(DEADLINE_SECONDS),
        "THREADS": str(CONCURRENCY + 1),  # as service.yaml: one stays free of events
        "PATH": os.environ.get("PATH", ""),
    }


def create_table(url: str) -> None:
    """The ledger's table, with the keys that users give it."""
    template = yaml.safe_load((ROOT / "docs/ledger-table.yaml").read_text(encoding="utf-8"))
    properties = template["Resources"]["Ledger"]["Properties"]
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="soak",
        aws_secret_access_key="soak",  # noqa: S106 - the stand-in takes any
    )
    client.create_table(
        TableName=TABLE,
        **{name: properties[name] for name in ("BillingMode", "KeySchema", "AttributeDefinitions")},
    )
    client.close()
