"""The real function in a process of its own, between the stand-ins: what a cluster would see of it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wire import PATIENCE, Answer, Header, exchange, request_bytes

from workbench.function import Function
from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.product_service import ProductService

PROMPTS = Path(__file__).parent.parent / "prompts"
UPDATED, REGISTERED = "ProductAttributesUpdatedEvent", "ProductRegisteredEvent"
SHIRT: Mapping[str, Any] = {
    "name": "베이직 코튼 티셔츠",
    "category": ["여성의류", "티셔츠"],
    "attributes": {"소재": "면 혼방", "핏": "레귤러핏", "두께": "보통"},
}
STATED = {**SHIRT["attributes"], "색상": "화이트", "무늬": "무지"}
"""Attributes that leave nothing to ask for the task `tags`."""


JSON: Header = ("Content-Type", "application/json")
STRUCTURED: Header = ("Content-Type", "application/cloudevents+json")
TOPIC, OTHER_TOPIC = (f"/apis/v1/namespaces/shop/kafkasources/enrich#{topic}" for topic in ("products", "other"))
"""What KafkaSource names as the source of a record; the tests give an event name to the first topic."""


@dataclass(frozen=True)
class Stage:
    """The function and both neighbours."""

    function: Function
    bedrock: BedrockStandIn
    products: ProductService

    @property
    def port(self) -> int:
        port = urlsplit(self.function.url).port
        assert port
        return port

    def send(
        self,
        body: bytes,
        headers: list[Header],
        *,
        path: str = "/",
        chunked: bool = False,
        patience: float = PATIENCE,
    ) -> Answer:
        """POSTs one request."""
        return exchange(self.port, request_bytes(body, headers, path=path, chunked=chunked), patience=patience)

    def send_event(self, event_type: str, data: Mapping[str, Any], *, patience: float = PATIENCE) -> Answer:
        """POSTs one event in binary mode."""
        return self.send(
            encoded(data), [*attributes(event_type), ("Content-Type", "application/json")], patience=patience
        )

    def get(self, path: str, *, patience: float = PATIENCE) -> Answer:
        return exchange(self.port, request_bytes(b"", method="GET", path=path), patience=patience)

    def register(self, product_id: str, **changes: object) -> dict[str, Any]:
        """A product that the product service knows, as the data of its event: version 1."""
        facts = {**SHIRT, **changes}
        self.products.save(product_id, facts)
        return {"productId": product_id, "version": 1, **facts}


def attributes(event_type: str, event_id: str = "1", **changes: str) -> list[Header]:
    """The headers of a CloudEvent in binary mode; an empty value leaves one out."""
    given = {"specversion": "1.0", "id": event_id, "source": "/shop", "type": event_type, **changes}
    return [(f"ce-{name}", value) for name, value in given.items() if value]


def record(source: str = TOPIC, **extensions: str) -> list[Header]:
    """The headers that KafkaSource gives to a record that is no CloudEvent and has no content type."""
    extensions = {"source": source, "subject": "partition:0#42", **extensions}
    return attributes("dev.knative.kafka.event", "partition:0/offset:42", **extensions)


def structured(**changes: Any) -> bytes:  # noqa: ANN401 - whatever JSON holds
    """The body of a CloudEvent in structured mode."""
    return encoded({"specversion": "1.0", "id": "1", "source": "/shop", "type": UPDATED, **changes})


def encoded(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()


def settings(bedrock: BedrockStandIn, products: ProductService, **changes: str) -> dict[str, str]:
    """The environment that starts the function against both stand-ins, with the tests' own tasks."""
    return {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
        "PRODUCT_SERVICE_URL": products.url,
        "PROMPTS_DIR": str(PROMPTS),
        "IMAGE_HOSTS": "127.0.0.1",
        "THREADS": "8",
        **changes,
    }


@contextmanager
def running(*, images: Path | None = None, **changes: str) -> Iterator[Stage]:
    """Starts all three, ready for an event; `changes` are settings."""
    with (
        BedrockStandIn() as bedrock,
        ProductService(publish=lambda _: None, images=images) as products,
        Function(settings(bedrock, products, **changes)) as function,
    ):
        yield Stage(function, bedrock, products)
