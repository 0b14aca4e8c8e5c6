"""A function on a shared ledger between its neighbours, and KafkaSource's rule for what is not acknowledged."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from border import Border, Boundary, Gate
from dynamo import DynamoServer
from pod import PATIENCE, ROOT, Pod

from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.kafka_delivery import is_retried
from workbench.sandbox.kafka_source_spec import source_of
from workbench.sandbox.product_service import ProductService

DELIVERY = source_of((ROOT / "service.yaml").read_text(encoding="utf-8")).delivery
WAITS = [seconds / 2 for seconds in DELIVERY.waits()]
"""Seconds between deliveries: half of what users get, and the lease on a slot must fit all the same."""
DEADLINE_SECONDS = 2
"""So short, because the lease on a question follows it: 2 + 10 s. What holds for the shipped numbers: test_budget."""
PRODUCT = "GD-1"
UPDATED, REGISTERED = "ProductAttributesUpdatedEvent", "ProductRegisteredEvent"
"""The first owes the task `copy`, the second `copy` and `tags`."""
SHIRT: Mapping[str, Any] = {
    "name": "베이직 코튼 티셔츠",
    "category": ["여성의류", "티셔츠"],
    "attributes": {"소재": "면 혼방", "핏": "레귤러핏", "색상": "화이트", "무늬": "무지"},
}
"""It states all that the task `tags` would ask for."""
WARM_UP = {"productId": "GD-0", "name": "린넨 셔츠"}
"""Loads what a first event loads: with so short a deadline, a call starts within half a second or not at all."""
CREDENTIALS = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/shop",
    "content-type": "application/json",
}


@dataclass(frozen=True)
class Answer:
    """How one delivery ended. Without a status: the function died, or could not be reached."""

    status: int | None = None
    code: str = ""
    """Of a failure."""
    outcomes: tuple[str, ...] = ()
    """Of each task."""

    @property
    def final(self) -> bool:
        """Whether KafkaSource delivers no more: acknowledged, or a dead letter at once."""
        return self.status is not None and not is_retried(self.status)


@dataclass(frozen=True)
class Stage:
    """The function and all that it talks to, for one product."""

    pod: Pod
    border: Border
    bedrock: BedrockStandIn
    products: ProductService

    def deliver(self, event_type: str = UPDATED) -> Answer:
        """Delivers the product's event once, to a function that is ready."""
        self.pod.ensure()
        return post(self.pod, event_type)

    def deliver_until_final(self, event_type: str = UPDATED) -> list[Answer]:
        """Delivers it as KafkaSource does: again after each wait, until there is no retry left."""
        answers = [self.deliver(event_type)]
        for seconds in WAITS:
            if answers[-1].final:
                break
            due = time.monotonic() + seconds
            self.pod.ensure()
            time.sleep(max(0.0, due - time.monotonic()))  # KafkaSource's own waiting, not a synchronisation
            answers.append(self.deliver(event_type))
        return answers

    @property
    def description(self) -> str:
        """What the product service holds in the end."""
        text: str = self.products.product(PRODUCT)["description"]
        return text

    @property
    def keys(self) -> list[str]:
        """The idempotency key of each PUT that arrived."""
        return [write.headers["idempotency-key"] for write in self.products.writes]


def post(pod: Pod, event_type: str, **changes: str) -> Answer:
    """One delivery to whatever listens there now."""
    data = json.dumps({"productId": PRODUCT, "version": 1, **SHIRT, **changes}).encode()
    try:
        response = requests.post(pod.url, data, headers={**HEADERS, "ce-type": event_type}, timeout=PATIENCE)
    except requests.ConnectionError:
        return Answer()
    if response.ok:
        return Answer(response.status_code, outcomes=tuple(each["outcome"] for each in response.json()["results"]))
    return Answer(response.status_code, code=response.headers["kne-errorcode"])


@contextmanager
def stage(dynamo: DynamoServer, log: Path, fatal: Boundary | None = None) -> Iterator[Stage]:
    """The function, warmed up by another product, and its neighbours; `fatal` counts from then."""
    with BedrockStandIn() as bedrock, ProductService(publish=lambda _: None) as products:
        for product in (PRODUCT, WARM_UP["productId"]):
            products.save(product, SHIRT)
        border = Border(kill=lambda: pod.kill())
        with Gate(border, bedrock.url) as model, Gate(border, products.url) as shop, Gate(border, dynamo.url) as store:
            env = {
                **CREDENTIALS,
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": model.url,
                "AWS_ENDPOINT_URL_DYNAMODB": store.url,
                "LEDGER_URL": f"dynamodb://{dynamo.create_table()}",
                "PRODUCT_SERVICE_URL": shop.url,
                "PROMPTS_DIR": str(ROOT / "tests/prompts"),
                "IMAGE_HOSTS": "127.0.0.1",
                "THREADS": "8",
                "DEADLINE_SECONDS": str(DEADLINE_SECONDS),
            }
            with Pod(env, log) as pod:
                pod.ensure()
                post(pod, UPDATED, **WARM_UP)
                bedrock.reset()
                products.writes.clear()
                border.begin(fatal)
                yield Stage(pod, border, bedrock, products)
