"""The pipeline between the real clients and the stand-ins, over HTTP: a shop's life of one product."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from edges import GOOD_COPY, PHOTO, garbage_of
from product_events import ATTRIBUTES

from handler.asking import Asking
from handler.clients.aws_config import session
from handler.clients.bedrock import BedrockClient
from handler.clients.photos import PhotoClient
from handler.clients.product_service import ProductServiceClient
from handler.deadline import Deadline
from handler.events import Origin, ProductData, ProductEvent
from handler.hosts import AllowedHosts
from handler.intake import DELETED
from handler.ledger import MemoryLedger
from handler.models import model_table
from handler.pipeline import Pipeline
from handler.tasks import Prompts
from workbench.function import free_port
from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.product_service import ProductService
from workbench.sandbox.product_store import Event

SHIRT = {
    "name": "베이직 코튼 티셔츠",
    "category": ["남성의류", "티셔츠"],
    "attributes": {"소재": "면 100%", "핏": "레귤러핏"},
}


@dataclass
class Neighbours:
    """Bedrock, the shop, and the events between shop and function that nobody has delivered yet."""

    bedrock: BedrockStandIn
    prompts: Prompts
    photos: PhotoClient
    events: list[Event] = field(default_factory=list)
    delivered: int = 0
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    shop: ProductService = field(init=False)
    client: ProductServiceClient = field(init=False)
    model: BedrockClient = field(init=False)

    def save(self, **changes: Any) -> None:  # noqa: ANN401 - a product's fields
        """The seller saves the shirt."""
        self.shop.save("A/1", {**SHIRT, "imageUrls": [f"{self.shop.url}/images/shirt.png"], **changes})

    def deliver(self) -> list[str]:
        """Delivers until no event is left, those included that our own PUTs cause; the outcomes in order."""
        outcomes: list[str] = []
        while self.events:
            event = self.events.pop(0)
            self.delivered += 1
            assert self.delivered < 50
            if event["type"] == DELETED:
                self.ledger.forget(event["data"]["productId"])
                continue
            origin = Origin(f"event-{self.delivered}", "/shop")
            product = ProductData.model_validate(event["data"])
            results = self._pipeline().run(ProductEvent(event["type"], origin, product))
            outcomes += [f"{result.task} {result.outcome.value}" for result in results]
        return outcomes

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            prompts=self.prompts,
            ledger=self.ledger,
            asking=Asking(self.ledger, self.model, model_table()),
            photos=self.photos,
            product_service=self.client,
            report_failures=True,
            new_deadline=lambda: Deadline(60),
        )


@pytest.fixture
def neighbours(prompts: Prompts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neighbours]:
    (tmp_path / "shirt.png").write_bytes(PHOTO)
    events: list[Event] = []
    with BedrockStandIn() as bedrock, ProductService(publish=events.append, images=tmp_path) as shop:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", bedrock.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        photos = PhotoClient(AllowedHosts.parse("127.0.0.1"), pool_size=4)
        client = ProductServiceClient(shop.url, None, pool_size=4)
        around = Neighbours(bedrock, prompts, photos, events)
        around.shop, around.client = shop, client
        around.model = BedrockClient(session("us-east-1"), read_timeout=30, pool_size=4)
        yield around
        photos.close()
        client.close()


def test_the_shop_publishes_our_own_write_and_the_loop_ends(neighbours: Neighbours) -> None:
    """A registered product is enriched once; the events that our PUTs cause find nothing to do."""
    neighbours.save()
    assert neighbours.deliver() == ["copy written", "tags written", "copy unchanged", "tags unchanged"]
    assert len(neighbours.bedrock.requests) == len(neighbours.shop.writes) == 2
    product = neighbours.shop.product("A/1")
    assert "베이직 코튼 티셔츠" in product["description"]
    assert product["enrichment"]["attributes"]["Color"]["value"] == ["02"]  # measured: the photo is white
    assert product["failures"] == []


def test_an_edit_is_enriched_again(neighbours: Neighbours) -> None:
    """The next version is asked and written, and accepted though our own PUT came between."""
    neighbours.save()
    neighbours.deliver()
    neighbours.save(attributes={"소재": "린넨", "핏": "오버핏"})
    assert neighbours.deliver() == ["copy written", "copy unchanged"]
    assert "린넨" in neighbours.shop.product("A/1")["description"]


def test_what_a_person_wrote_is_protected(neighbours: Neighbours) -> None:
    """A person's copy stays: the shop locks the field, also for the events that come after."""
    neighbours.save()
    human = {"description": "사람이 쓴 글"}
    assert requests.put(f"{neighbours.shop.url}/api/v1/products/A%2F1/copy", json=human, timeout=30).ok
    assert neighbours.deliver() == ["copy protected", "tags written", "tags unchanged"]
    neighbours.save(attributes={"소재": "린넨", "핏": "오버핏"})
    assert neighbours.deliver() == ["copy protected"]
    assert neighbours.shop.product("A/1")["description"] == "사람이 쓴 글"


def test_the_shop_has_the_last_word_on_versions(neighbours: Neighbours) -> None:
    """A ledger that lost its memory lets an old event through: the shop's version check does not."""
    neighbours.save()
    old = neighbours.events.pop()
    neighbours.save(attributes={"소재": "린넨", "핏": "오버핏"})
    assert neighbours.deliver()[0] == "copy written"
    newest = neighbours.shop.product("A/1")["description"]
    neighbours.ledger = MemoryLedger()
    neighbours.events.append(old)
    assert neighbours.deliver()[0] == "copy superseded"
    assert neighbours.shop.product("A/1")["description"] == newest


def test_a_product_that_is_created_again_is_written_again(neighbours: Neighbours) -> None:
    """Deleted and registered anew with the same facts: version 1 again, no call, and both fields are there."""
    neighbours.save()
    neighbours.deliver()
    assert requests.delete(f"{neighbours.shop.url}/api/v1/products/A%2F1", timeout=30).ok
    neighbours.save()
    assert neighbours.deliver() == ["copy reused", "tags reused", "copy unchanged", "tags unchanged"]
    assert len(neighbours.bedrock.requests) == 2
    product = neighbours.shop.product("A/1")
    assert (product["version"], bool(product["description"])) == (1, True)


def test_an_answer_that_was_asked_anew_is_written(neighbours: Neighbours) -> None:
    """`rewrite: ask` for the version that is written already: the shop takes the new text for a new write."""
    neighbours.save()
    registered = neighbours.events[0]["data"]
    neighbours.deliver()
    neighbours.bedrock.push({"text": GOOD_COPY})
    neighbours.events.append({"type": ATTRIBUTES, "data": {**registered, "rewrite": "ask"}})
    assert neighbours.deliver() == ["copy written", "copy unchanged"]
    assert neighbours.shop.product("A/1")["description"] == GOOD_COPY


def test_a_failure_stands_on_the_work_list_until_it_is_mended(neighbours: Neighbours) -> None:
    """Too few facts are reported; the write that follows the seller's edit closes the report."""
    neighbours.save(attributes={})
    assert neighbours.deliver()[0] == "copy insufficient"
    assert [report["code"] for report in neighbours.shop.product("A/1")["failures"]] == ["insufficient"]
    neighbours.save()
    assert neighbours.deliver()[0] == "copy written"
    assert neighbours.shop.product("A/1")["failures"] == []


def test_bedrock_refuses_no_follow_up(neighbours: Neighbours) -> None:
    """The re-asks of text and tool are conversations that the Converse API accepts."""
    neighbours.bedrock.push(
        {"text": "단연 최고의 티셔츠예요. 오늘 코디를 마무리해 보세요."},
        {"tool_input": {"Color": ["teal"], "Print": []}, "match": "record_attributes"},
    )
    neighbours.save()
    assert neighbours.deliver()[:2] == ["copy written", "tags written"]
    assert [received.status for received in neighbours.bedrock.requests] == [200] * 4


def test_a_failed_event_holds_nothing_when_it_is_over(neighbours: Neighbours) -> None:
    """Its photos and connections go with it, and do not wait until garbage is collected: an outage has many."""
    neighbours.client = ProductServiceClient(f"http://127.0.0.1:{free_port()}", None, pool_size=1)
    neighbours.save()
    outcomes: list[str] = []
    left = garbage_of(lambda: outcomes.extend(neighbours.deliver()))
    assert outcomes == ["copy unavailable", "tags unavailable"]
    assert left.isdisjoint({"handler.photos.Photo", "handler.converse.Request", "handler.clients.pinned._Connection"})
