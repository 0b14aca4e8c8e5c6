"""The sandbox's product service over real sockets: the contract's answers, the seller's side, faults, a clean end."""

import random
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import yaml
from openapi_schema_validator import OAS31Validator
from werkzeug.exceptions import Conflict, UnprocessableEntity

from workbench.sandbox.product_contract import CONTRACT, write_back
from workbench.sandbox.product_service import ProductService
from workbench.sandbox.product_store import Event, ProductStore

COMPONENTS = yaml.load(CONTRACT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["components"]
FACTS = {"name": "오버핏 반팔 티셔츠", "category": ["의류", "상의"], "attributes": {"소재": "면 100%"}, "imageUrls": []}


@pytest.fixture
def events() -> list[Event]:
    """What the service published, in order."""
    return []


@pytest.fixture
def service(events: list[Event]) -> Iterator[ProductService]:
    """A running service with one product, `shirt`, at version 1, whose events were read."""
    with ProductService(publish=events.append) as running:
        running.save("shirt", FACTS)
        events.clear()
        yield running


def source(version: int | None) -> dict[str, Any]:
    return {"eventId": f"e{version}", "eventSource": "/shop", "version": version, "updatedAt": None}


def generator(task: str) -> dict[str, Any]:
    stamp = "2026-11-20T09:30:04Z"
    return {"task": task, "edition": "e", "model": "m", "fingerprint": "f", "generatedAt": stamp, "ai": True}


def description(version: int | None, text: str = "편안한 티셔츠예요.") -> dict[str, Any]:
    return {
        "description": text,
        "language": "ko",
        "source": source(version),
        "generator": generator("description"),
    }


def attributes(version: int | None, values: dict[str, Any], outcomes: dict[str, str] | None = None) -> dict[str, Any]:
    body = {"attributes": values, "source": source(version), "generator": generator("attributes")}
    return body if outcomes is None else {**body, "outcomes": outcomes}


def report(version: int | None) -> dict[str, Any]:
    violation = {"code": "tooshort", "excerpt": "짧다", "message": "더 길게 써 주세요.", "attribute": None}
    return {"code": "answerrejected", "detail": "Too short.", "violations": [violation], "source": source(version)}


def put(
    service: ProductService, resource: str, body: object, *, key: str | None = None, product: str = "shirt"
) -> requests.Response:
    """One enrichment PUT; a key of its own unless told."""
    headers = {"Idempotency-Key": key or secrets.token_hex(32), "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    url = f"{service.url}/api/v1/products/{quote(product, safe='')}/{resource}"
    return requests.put(url, json=body, headers=headers, timeout=30)


def is_problem(answer: requests.Response, status: int) -> bool:
    """Whether the answer is the contract's problem document with that status, in the header and in the body."""
    schema = OAS31Validator({"$ref": "#/components/schemas/Problem", "components": COMPONENTS})
    schema.validate(answer.json())
    kind = answer.headers["Content-Type"]
    return (answer.status_code, answer.json()["status"], kind) == (status, status, "application/problem+json")


def shown(service: ProductService, product: str = "shirt") -> Any:  # noqa: ANN401 - JSON, indexed by the tests
    """The product as its GET answers."""
    return requests.get(f"{service.url}/api/v1/products/{quote(product, safe='')}", timeout=30).json()


def test_description_is_written_with_provenance(service: ProductService) -> None:
    """A write-back is answered 204 and shown with source, generator and language."""
    body = description(1)
    assert put(service, "description", body).status_code == 204
    product = shown(service)
    assert product["description"] == body["description"]
    entry = product["enrichment"]["description"]
    assert {key: entry[key] for key in ("value", "language", "source", "generator")} == {
        "value": body["description"],
        "language": "ko",
        "source": body["source"],
        "generator": body["generator"],
    }


def test_attributes_replace_only_the_named(service: ProductService) -> None:
    """An attribute that a later write does not name keeps its codes and provenance."""
    put(service, "attributes", attributes(1, {"Color": ["02", "06"], "Print": ["03"]}))
    put(service, "attributes", attributes(2, {"Print": []}, {"Print": "unknown"}))
    entries = shown(service)["enrichment"]["attributes"]
    assert (entries["Color"]["value"], entries["Color"]["source"]["version"]) == (["02", "06"], 1)
    assert (entries["Print"]["value"], entries["Print"]["outcome"]) == ([], "unknown")


def test_rejected_attribute_keeps_its_earlier_codes(service: ProductService) -> None:
    """`rejected` marks the attribute for a person and leaves codes and their provenance as they were."""
    put(service, "attributes", attributes(1, {"Color": ["02"]}))
    put(service, "attributes", attributes(2, {"Print": ["03"]}, {"Color": "rejected"}))
    color = shown(service)["enrichment"]["attributes"]["Color"]
    assert (color["value"], color["outcome"], color["source"]["version"]) == (["02"], "rejected", 1)
    assert put(service, "attributes", attributes(1, {"Color": ["09"]})).status_code == 409


@pytest.mark.parametrize(
    ("values", "outcomes"),
    [
        ({"Print": []}, {}),
        ({"Print": ["03"]}, {"Print": "unknown"}),
        ({"Print": ["03"]}, {"Print": "rejected"}),
        ({"Print": ["03"]}, {"Color": "not_applicable"}),
        ({"Print": ["03", "03"]}, {}),
        ({"Print": ["03"]}, {"Color": "maybe"}),
        ({}, {"Print": "rejected"}),
        ({"Print": [3]}, {}),
    ],
)
def test_attributes_that_contradict_themselves_are_refused(
    service: ProductService, values: dict[str, Any], outcomes: dict[str, str]
) -> None:
    """An empty list needs its outcome and an outcome its empty list; codes are distinct strings."""
    assert is_problem(put(service, "attributes", attributes(1, values, outcomes)), 422)
    assert shown(service)["enrichment"] == {}


def test_older_source_version_is_refused_and_an_equal_one_accepted(service: ProductService) -> None:
    """409 for an older version with nothing written; an equal version replaces."""
    put(service, "description", description(3, "셋"))
    assert is_problem(put(service, "description", description(2, "둘")), 409)
    assert shown(service)["description"] == "셋"
    assert put(service, "description", description(3, "다시 셋")).status_code == 204
    assert shown(service)["description"] == "다시 셋"


def test_only_the_enriched_field_counts_for_the_version(service: ProductService) -> None:
    """Neither the product's own version nor another field's makes a write stale."""
    for _ in range(4):
        service.save("shirt", FACTS)
    assert put(service, "description", description(5)).status_code == 204
    assert put(service, "attributes", attributes(2, {"Color": ["02"]})).status_code == 204
    assert put(service, "attributes", attributes(1, {"Neckline": ["01"]})).status_code == 204
    assert shown(service)["version"] == 5


def test_attributes_are_written_all_or_none(service: ProductService) -> None:
    """One newer attribute refuses the whole write."""
    put(service, "attributes", attributes(3, {"Color": ["02"]}))
    assert is_problem(put(service, "attributes", attributes(2, {"Color": ["09"], "Print": ["03"]})), 409)
    assert list(shown(service)["enrichment"]["attributes"]) == ["Color"]


def test_missing_version_is_accepted_and_does_not_lower_the_bar(service: ProductService) -> None:
    """`version: null` compares with nothing; the version kept before still counts."""
    put(service, "description", description(3))
    assert put(service, "description", description(None, "버전 없음")).status_code == 204
    assert put(service, "description", description(2)).status_code == 409
    assert shown(service)["description"] == "버전 없음"


def test_unknown_product_is_404(service: ProductService) -> None:
    """Writes, reports and reads of a product that nobody saved."""
    assert is_problem(put(service, "description", description(1), product="hat"), 404)
    assert is_problem(put(service, "enrichment-failures/description", report(1), product="hat"), 404)
    assert is_problem(requests.get(f"{service.url}/api/v1/products/hat", timeout=30), 404)


def test_copy_of_a_person_is_protected(service: ProductService, events: list[Event]) -> None:
    """After a person wrote the description, enrichment of it is 423, of attributes is not, and events say so."""
    put(service, "description", description(1))
    url = f"{service.url}/api/v1/products/shirt/copy"
    assert requests.put(url, json={"description": "사람이 쓴 글"}, timeout=30).json()["description"] == "사람이 쓴 글"
    assert is_problem(put(service, "description", description(2)), 423)
    assert put(service, "attributes", attributes(2, {"Color": ["02"]})).status_code == 204
    service.save("shirt", FACTS)
    assert shown(service)["description"] == "사람이 쓴 글"
    assert events[-1]["data"]["protected"] == ["description"]
    assert is_problem(requests.put(url, json={"text": "x"}, timeout=30), 422)


def test_seen_key_gets_the_same_answer_without_a_second_write(service: ProductService, events: list[Event]) -> None:
    """A key counts for its path: the replay is 204, stores nothing, publishes nothing, even when a newer write came."""
    assert put(service, "description", description(1, "하나"), key="k").status_code == 204
    put(service, "description", description(2, "둘"))
    events.clear()
    assert put(service, "description", description(1, "다른 하나"), key="k").status_code == 204
    assert (shown(service)["description"], events) == ("둘", [])
    assert put(service, "attributes", attributes(1, {"Color": ["02"]}), key="k").status_code == 204
    assert shown(service)["enrichment"]["attributes"]["Color"]["value"] == ["02"]


def test_key_of_a_refused_write_is_judged_afresh(service: ProductService) -> None:
    """A 404 may heal, and a deleted product takes its keys with it."""
    assert put(service, "description", description(1), key="k", product="hat").status_code == 404
    for text in ("하나", "다시 등록"):
        service.save("hat", FACTS)
        assert put(service, "description", description(1, text), key="k", product="hat").status_code == 204
        assert shown(service, "hat")["description"] == text
        assert requests.delete(f"{service.url}/api/v1/products/hat", timeout=30).status_code == 204
    assert put(service, "description", description(1), key="k", product="hat").status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b'"text"', 400),
        (b'{"description": "\\ud800"}', 400),
        (b"{}", 422),
    ],
)
def test_broken_body_is_a_permanent_problem(service: ProductService, body: bytes, status: int) -> None:
    """What is no JSON object is 400; one that breaks the contract is 422."""
    url = f"{service.url}/api/v1/products/shirt/description"
    assert is_problem(requests.put(url, data=body, headers={"Idempotency-Key": "k"}, timeout=30), status)


def test_fields_outside_the_contract_are_refused(service: ProductService) -> None:
    """The service holds the function to the closed schemas, and says where they were broken."""
    answer = put(service, "description", {**description(1), "score": 1})
    assert is_problem(answer, 422)
    assert "score" in answer.json()["detail"]
    assert is_problem(put(service, "description", {**description(1), "source": {"version": 1}}), 422)
    assert is_problem(put(service, "enrichment-failures/description", {**report(1), "score": 1}), 422)


def test_missing_idempotency_key_is_400(service: ProductService) -> None:
    """The contract requires the header on every PUT."""
    url = f"{service.url}/api/v1/products/shirt/description"
    assert is_problem(requests.put(url, json=description(1), timeout=30), 400)


@pytest.mark.parametrize(("sent", "status"), [("Bearer secret", 204), ("Bearer wrong", 401), ("", 401)])
def test_token_guards_the_enrichment_puts(sent: str, status: int) -> None:
    """With a token set, a PUT without it is 401 and names the scheme."""
    with ProductService(publish=lambda _: None, token="secret") as service:  # noqa: S106 - not a secret
        service.save("shirt", FACTS)
        url = f"{service.url}/api/v1/products/shirt/description"
        headers = {"Idempotency-Key": "k", "Authorization": sent}
        answer = requests.put(url, json=description(1), headers=headers, timeout=30)
    assert answer.status_code == status
    assert (answer.headers.get("WWW-Authenticate") == "Bearer") == (status == 401)


def test_task_with_a_path_and_field_of_its_own_is_accepted(service: ProductService, events: list[Event]) -> None:
    """A text under another name and codes joined into one string are stored like the defaults."""
    text = {**description(1), "altText": "흰 티셔츠"}
    del text["description"]
    assert put(service, "alt-text", text).status_code == 204
    codes = attributes(1, {"Neckline": "01:02", "Print": ""}, {"Print": "unknown"})
    codes["filters"] = codes.pop("attributes")
    assert put(service, "filters", codes).status_code == 204
    enrichment = shown(service)["enrichment"]
    assert (enrichment["altText"]["value"], enrichment["filters"]["Neckline"]["value"]) == ("흰 티셔츠", "01:02")
    assert [event["type"] for event in events] == ["ProductAttributesUpdatedEvent", "ProductImagesUpdatedEvent"]
    assert is_problem(put(service, "alt-text", {**text, "title": "둘"}), 422)


@pytest.mark.parametrize("product", ["A/1 %?#", "../x", "a%2Fb", "한글 상품", "description", "a//b", "/"])
def test_product_ids_survive_the_path(service: ProductService, events: list[Event], product: str) -> None:
    """A percent-encoded id is one segment, whatever it contains."""
    url = f"{service.url}/api/v1/products/{quote(product, safe='')}"
    assert requests.put(url, json=FACTS, timeout=30).json()["productId"] == product
    assert put(service, "description", description(1), product=product).status_code == 204
    assert shown(service, product)["description"] == "편안한 티셔츠예요."
    assert {event["data"]["productId"] for event in events} == {product}
    assert service.writes[-1].path == f"/api/v1/products/{quote(product, safe='')}/description"


@pytest.mark.parametrize("product", ["", ".", "..", "x" * 129])
def test_ids_outside_the_contract_are_refused(service: ProductService, product: str) -> None:
    """An id that cannot stand in a path, or is too long, is not saved."""
    with pytest.raises(UnprocessableEntity):
        service.save(product, FACTS)


def test_seller_saves_raise_the_version_and_publish(service: ProductService, events: list[Event]) -> None:
    """Registered first, images when the URLs changed, attributes else; the payload is the design's."""
    service.save("hat", {"name": "모자", "brand": "무"})
    service.save("hat", {"name": "모자", "imageUrls": ["https://img.example.com/1.jpg"]})
    service.save("hat", {"name": "새 모자", "imageUrls": ["https://img.example.com/1.jpg"]})
    assert [(event["type"], event["data"]["version"]) for event in events] == [
        ("ProductRegisteredEvent", 1),
        ("ProductImagesUpdatedEvent", 2),
        ("ProductAttributesUpdatedEvent", 3),
    ]
    assert events[0]["data"].keys() == {"productId", "version", "updatedAt", "name", "brand"}
    assert events[2]["data"]["name"] == "새 모자"


def test_our_put_is_republished_with_unchanged_version(service: ProductService, events: list[Event]) -> None:
    """As real services do, with the seller's facts only: enrichment results are not in the payload."""
    before = shown(service)
    put(service, "description", description(1, "새 설명"))
    put(service, "attributes", attributes(1, {"Color": ["02"]}))
    assert [event["type"] for event in events] == ["ProductAttributesUpdatedEvent", "ProductImagesUpdatedEvent"]
    for event in events:
        assert event["data"] == {**FACTS, **{key: before[key] for key in ("productId", "version", "updatedAt")}}


def test_refused_write_publishes_nothing(service: ProductService, events: list[Event]) -> None:
    """No event for a write that did not happen, nor for a failure report."""
    put(service, "description", description(2))
    events.clear()
    put(service, "description", description(1))
    put(service, "description", {})
    put(service, "enrichment-failures/description", report(2))
    assert events == []


def test_deletion_publishes_and_forgets(service: ProductService, events: list[Event]) -> None:
    """The product, its enrichment and its failures are gone; the next save registers it again."""
    put(service, "description", description(1))
    put(service, "enrichment-failures/attributes", report(1))
    assert requests.delete(f"{service.url}/api/v1/products/shirt", timeout=30).status_code == 204
    assert (events[-1]["type"], events[-1]["data"]["productId"]) == ("ProductDeletedEvent", "shirt")
    assert requests.get(f"{service.url}/api/v1/products", timeout=30).json()["products"] == []
    assert is_problem(requests.delete(f"{service.url}/api/v1/products/shirt", timeout=30), 404)
    again = service.save("shirt", FACTS)
    assert (again["version"], again["enrichment"], again["failures"]) == (1, {}, [])


def test_failure_reports_are_a_work_list(service: ProductService) -> None:
    """One open report for each product and task, closed by a write of the same task, not by a partial one."""
    listed = f"{service.url}/api/v1/enrichment-failures"
    put(service, "enrichment-failures/attributes", {**report(1), "code": "insufficient"})
    put(service, "enrichment-failures/attributes", report(2))
    [failure] = requests.get(listed, timeout=30).json()["failures"]
    assert failure == {"productId": "shirt", "task": "attributes", **report(2)}
    put(service, "description", description(2))
    put(service, "attributes", attributes(1, {"Color": ["02"]}))
    put(service, "attributes", attributes(2, {"Color": ["02"]}, {"Print": "rejected"}))
    assert len(requests.get(listed, timeout=30).json()["failures"]) == 1
    put(service, "attributes", attributes(2, {"Color": ["02"], "Print": ["03"]}))
    assert requests.get(listed, timeout=30).json()["failures"] == []


def test_old_failure_report_is_refused(service: ProductService) -> None:
    """A report older than the task's last report or write would list what is mended."""
    put(service, "description", description(3))
    assert is_problem(put(service, "enrichment-failures/description", report(2)), 409)
    assert put(service, "enrichment-failures/description", report(3)).status_code == 204
    put(service, "enrichment-failures/attributes", report(5))
    assert is_problem(put(service, "enrichment-failures/attributes", report(4)), 409)


@pytest.mark.parametrize("body", [{"name": "x", "description": "y"}, {"version": 7}])
def test_seller_cannot_save_what_is_not_a_fact(service: ProductService, body: dict[str, Any]) -> None:
    """A misspelt or foreign field is refused and changes nothing."""
    assert is_problem(requests.put(f"{service.url}/api/v1/products/shirt", json=body, timeout=30), 422)
    assert shown(service)["version"] == 1


def test_parallel_writes_end_with_the_newest(service: ProductService) -> None:
    """Fifty PUTs in any order: the newest version is what is kept, each was answered 204 or 409."""
    versions = list(range(1, 51))
    random.Random(7).shuffle(versions)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda v: put(service, "description", description(v, f"{v}")).status_code, versions))
    assert shown(service)["description"] == "50"
    assert set(statuses) <= {204, 409}
    assert statuses[versions.index(50)] == 204
    assert len(service.writes) == 50


def test_parallel_saves_and_keys_are_counted_once(service: ProductService, events: list[Event]) -> None:
    """Twenty saves give twenty versions; twenty PUTs of one key give one write."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: service.save("shirt", FACTS), range(20)))
        assert sorted(event["data"]["version"] for event in events) == list(range(2, 22))
        events.clear()
        answers = list(pool.map(lambda _: put(service, "description", description(1), key="k"), range(20)))
    assert {answer.status_code for answer in answers} == {204}
    assert len(events) == 1


def test_refused_write_takes_no_other_with_it() -> None:
    """Each change is a transaction of its own: a roll-back in one thread undoes nothing of another's."""
    store = ProductStore()
    newer, older = (write_back("description", description(version)) for version in (2, 1))

    def edit(product: str) -> int:
        store.save(product, FACTS)
        store.write(product, newer, path=product, key="newer")
        for turn in range(100):
            store.save(product, FACTS)
            with pytest.raises(Conflict):
                store.write(product, older, path=product, key=f"older {turn}")
        return int(store.product(product)["version"])

    with closing(store), ThreadPoolExecutor(8) as pool:
        assert list(pool.map(edit, "abcdefgh")) == [101] * 8


def test_faults_are_met_in_order_and_used_up(service: ProductService) -> None:
    """The first fault that fits the path answers; afterwards the shop does. Reads and sellers meet none."""
    faults = [{"status": 503, "times": 2}, {"status": 423, "match": "/description"}, {"status": 529}]
    assert requests.post(f"{service.url}/control/faults", json=faults, timeout=30).status_code == 204
    service.save("shirt", FACTS)
    assert shown(service)["version"] == 2
    codes = {"Color": ["02"]}
    statuses = [put(service, "attributes", attributes(1, codes)).status_code for _ in range(4)]
    assert statuses == [503, 503, 529, 204]
    assert is_problem(put(service, "description", description(1)), 423)
    assert put(service, "description", description(1)).status_code == 204


@pytest.mark.parametrize("faults", [[{}], [{"status": 503, "hang": True}], [{"code": 1}], {}, [{"status": "503"}]])
def test_fault_that_says_nothing_is_refused(service: ProductService, faults: object) -> None:
    """A misspelt fault would let a test pass that tested nothing."""
    assert is_problem(requests.post(f"{service.url}/control/faults", json=faults, timeout=30), 422)
    assert put(service, "description", description(1)).status_code == 204


def test_hanging_put_gets_no_answer_and_ends_with_the_service() -> None:
    """The client's read time-out is what ends it; recorded without status, nothing stored, no thread left."""
    before = threading.enumerate()
    with ProductService(publish=lambda _: None) as service:
        service.save("shirt", FACTS)
        requests.post(f"{service.url}/control/faults", json=[{"hang": True}], timeout=30)
        url, headers = f"{service.url}/api/v1/products/shirt/description", {"Idempotency-Key": "k"}
        with pytest.raises(requests.ReadTimeout):
            requests.put(url, json=description(1), headers=headers, timeout=(30, 0.2))
        assert shown(service)["description"] is None
    assert threading.enumerate() == before
    assert [write.status for write in service.writes] == [None]


def test_writes_are_recorded_as_they_arrived(service: ProductService) -> None:
    """Every enrichment PUT with method, raw path, headers, body and status, in Python and over HTTP."""
    put(service, "description", description(1), key="k")
    put(service, "description", "no object")
    first, second = service.writes
    assert (first.method, first.path) == ("PUT", "/api/v1/products/shirt/description")
    assert (first.headers["idempotency-key"], first.headers["traceparent"][:3]) == ("k", "00-")
    assert (first.body, first.status) == (description(1), 204)
    assert (second.body, second.status) == ('"no object"', 400)
    listed = requests.get(f"{service.url}/control/writes", timeout=30).json()["writes"]
    assert [each["status"] for each in listed] == [204, 400]
    assert listed[0]["body"] == description(1)


def test_images_are_served_from_the_folder_only(tmp_path: Path) -> None:
    """A file of the folder by its name; nothing outside of it, and nothing without a folder."""
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "shirt.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "secret").write_text("x")
    with ProductService(publish=lambda _: None, images=folder) as service:
        image = requests.get(f"{service.url}/images/shirt.jpg", timeout=30)
        assert (image.content, image.headers["Content-Type"]) == (b"\xff\xd8\xff", "image/jpeg")
        assert is_problem(requests.get(f"{service.url}/images/..%2Fsecret", timeout=30), 404)
    with ProductService(publish=lambda _: None) as service:
        assert is_problem(requests.get(f"{service.url}/images/shirt.jpg", timeout=30), 404)


def test_page_shows_before_and_after_escaped(service: ProductService) -> None:
    """Facts, results, outcomes and failures on one page that says it is a sandbox and runs nothing of the seller's."""
    service.save("a/b", {"name": "<script>x</script>", "imageUrls": ["javascript:x", "https://img.example.com/1.jpg"]})
    put(service, "description", description(1, "<b>굵게</b>"))
    put(service, "attributes", attributes(1, {"Color": ["02", "06"], "Print": []}, {"Print": "unknown"}))
    put(service, "enrichment-failures/description", report(1), product="a/b")
    requests.put(f"{service.url}/api/v1/products/a%2Fb/copy", json={"description": "사람의 글"}, timeout=30)
    answer = requests.get(service.url, timeout=30)
    page = answer.text
    assert "Sandbox" in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;굵게" in page
    assert not {tag for tag in ("<script", "<b>굵게", "javascript:") if tag in page}
    for text in ("면 100%", "02, 06", "unknown", "answerrejected", "더 길게 써 주세요.", "사람의 글", "products/a%2Fb"):
        assert text in page


@pytest.mark.parametrize("odd", [None, 7, True, "글", [1, None], {"a": []}])
def test_page_survives_what_sellers_save(service: ProductService, odd: object) -> None:
    """A value of any kind is passed on to the function, and one odd product does not take the page away."""
    service.save("odd", {"name": odd, "category": odd, "attributes": odd, "imageUrls": odd})
    assert requests.get(service.url, timeout=30).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/products", "/api/v1/enrichment-failures", "/control/writes"])
def test_every_index_says_that_it_is_a_sandbox(service: ProductService, path: str) -> None:
    """Nobody takes these texts for the model's."""
    assert "Sandbox" in requests.get(service.url + path, timeout=30).json()["sandbox"]


def test_other_paths_and_methods_are_problems(service: ProductService) -> None:
    """404 and 405 have the contract's form; 405 names what is allowed."""
    assert is_problem(requests.get(f"{service.url}/nothing", timeout=30), 404)
    answer = requests.post(f"{service.url}/api/v1/products/shirt", timeout=30)
    assert is_problem(answer, 405)
    assert "PUT" in answer.headers["Allow"]


def test_database_file_keeps_the_shop(tmp_path: Path) -> None:
    """A service on a file finds its products, versions and keys again."""
    database = tmp_path / "shop.db"
    with ProductService(publish=lambda _: None, database=database) as service:
        service.save("shirt", FACTS)
        put(service, "description", description(2, "둘"), key="k")
    with ProductService(publish=lambda _: None, database=database) as service:
        assert put(service, "description", description(1)).status_code == 409
        assert put(service, "description", description(3, "셋"), key="k").status_code == 204
        assert shown(service)["description"] == "둘"


def test_service_leaves_no_thread_and_no_socket() -> None:
    """After the end the port is free at once, and a service can take it again."""
    before = threading.enumerate()
    with ProductService(publish=lambda _: None) as service:
        port = int(service.url.rpartition(":")[2])
        requests.get(service.url, timeout=30)
    assert threading.enumerate() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(service.url, timeout=30)
    with ProductService(publish=lambda _: None, port=port) as again:
        assert requests.get(again.url, timeout=30).status_code == 200
