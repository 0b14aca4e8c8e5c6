"""The product service's events as Kafka records: binary CloudEvents (`ce_*` headers), one topic, keyed by product."""

import json
import uuid
from collections.abc import Callable

from workbench.sandbox.kafka import Publisher
from workbench.sandbox.product_store import Event


def publish_to(publisher: Publisher, topic: str) -> Callable[[Event], None]:
    """`ProductService(publish=publish_to(publisher, topic))`."""

    def publish(event: Event) -> None:
        product_id = str(event["data"]["productId"])
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(uuid.uuid4()),
            "ce_source": "/shop/products",
            "ce_type": event["type"],
            "ce_partitionkey": product_id,  # the record's key does not reach the event; a dead letter is keyed by this
            "content-type": "application/json",
        }
        publisher.publish(
            topic, json.dumps(event["data"], ensure_ascii=False).encode(), key=product_id, headers=headers
        )

    return publish
