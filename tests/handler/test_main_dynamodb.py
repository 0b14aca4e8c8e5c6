"""Two processes of the real function that share one DynamoDB table."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any

import pytest
import requests
from dynamo import DynamoServer
from server import SHIRT, UPDATED, attributes, encoded, settings

from workbench.function import Function
from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.product_service import ProductService


@pytest.fixture
def neighbours() -> Iterator[tuple[BedrockStandIn, ProductService]]:
    with BedrockStandIn() as bedrock, ProductService(publish=lambda _: None) as products:
        yield bedrock, products


def test_two_processes_pay_and_write_once(
    dynamo_server: DynamoServer, neighbours: tuple[BedrockStandIn, ProductService]
) -> None:
    """Twenty deliveries of one event over both: one model call, one write, every delivery acknowledged."""
    bedrock, products = neighbours
    dynamo_server.create_table("ledger")
    env = settings(
        bedrock, products, LEDGER_URL="dynamodb://ledger", AWS_ENDPOINT_URL_DYNAMODB=dynamo_server.url, THREADS="16"
    )
    products.save("shirt", SHIRT)
    body = encoded({"productId": "shirt", "version": 1, **SHIRT})
    headers = {**dict(attributes(UPDATED)), "Content-Type": "application/json"}
    start = Barrier(20)

    def deliver(function: Function) -> Any:  # noqa: ANN401 - JSON
        start.wait()
        answer = requests.post(function.url, data=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()["results"][0]

    with ExitStack() as stack:
        functions = [stack.enter_context(Function(env)) for _ in range(2)]
        with ThreadPoolExecutor(20) as pool:
            results = list(pool.map(deliver, functions * 10))
        again = requests.post(functions[1].url, data=body, headers=headers, timeout=60).json()["results"][0]
    assert len(bedrock.requests) == 1
    assert sorted(result["outcome"] for result in results if result["outcome"] != "unchanged") in (
        ["written"],
        ["reused"],
    )
    assert sum(result["costUsd"] > 0 for result in results) == 1
    assert again["outcome"] == "unchanged"
    assert [write.status for write in products.writes] == [204]
    product = products.product("shirt")
    written = product["enrichment"]["description"]
    assert (written["value"], written["generator"]["fingerprint"]) == (product["description"], again["fingerprint"])
