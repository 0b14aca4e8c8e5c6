"""Every way an event can end, over the wire: the status that KafkaSource acts on, and what the caller reads."""

import json
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from images import encode, halves
from server import JSON, REGISTERED, SHIRT, STATED, UPDATED, Stage, attributes, encoded, running
from wire import Answer, assert_problem

RESULT_FIELDS = {
    *("task", "outcome", "detail", "output", "outcomes", "violations", "fingerprint", "edition", "model", "usage"),
    "costUsd",
}
BANNED = "단연 최고의 티셔츠예요. 오늘 코디를 가볍게 마무리해 보세요."
"""Breaks the rule `superlative` of tests/prompts."""


@pytest.fixture(scope="module")
def running_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The function with a deadline that its own retries soon reach, and an image host with one photo."""
    images = tmp_path_factory.mktemp("images")
    (images / "shirt.png").write_bytes(encode(halves(64, 64), "PNG"))
    (images / "text.png").write_text("not an image")
    with running(images=images, DEADLINE_SECONDS="3") as stage:
        yield stage


@pytest.fixture
def stage(running_stage: Stage) -> Iterator[Stage]:
    """The same one with neighbours that know of no fault."""
    yield running_stage
    running_stage.bedrock.reset()
    shop_fails(running_stage, 0)


@pytest.fixture
def product_id(request: pytest.FixtureRequest) -> str:
    """A product of this test's own, and so a question of its own where the name tells it."""
    name: str = request.node.name
    return name


def shop_fails(stage: Stage, times: int, **fault: object) -> None:
    """The next PUTs of outputs meet a fault; 0 times: none does."""
    faults = [{**fault, "times": times, "match": "/description"}] if times else []
    requests.post(f"{stage.products.url}/control/faults", json=faults, timeout=10).raise_for_status()


def outcomes(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return [result["outcome"] for result in answer.json()["results"]]


def test_written_replies_with_what_was_written(stage: Stage, product_id: str) -> None:
    """The reply is a CloudEvent in binary mode whose data says all that became of the event."""
    data = stage.register(product_id, name="답장 티셔츠")

    answer = stage.send(encoded(data), [*attributes(UPDATED, "event-7"), JSON])

    assert outcomes(answer) == ["written"]
    context = {name.removeprefix("ce-"): value for name, value in answer.headers.items() if name.startswith("ce-")}
    assert datetime.fromisoformat(context.pop("time")).tzinfo
    assert context == {
        "specversion": "1.0",
        "id": "event-7",
        "source": "/product-enricher",
        "type": "ProductEnrichedEvent",
    }
    assert answer.headers["content-type"] == "application/json"
    reply = answer.json()
    (result,) = reply.pop("results")
    assert reply == {"productId": product_id, "version": 1}
    assert result.keys() == RESULT_FIELDS
    assert result["output"] == stage.products.product(product_id)["description"]
    assert result["costUsd"] > 0
    assert result["usage"]["inputTokens"] > 0


def test_same_question_of_another_product_is_reused(stage: Stage, product_id: str) -> None:
    """What was paid for is written for the next product without a call."""
    stage.send_event(UPDATED, stage.register("first", name="두 번 파는 티셔츠"))
    calls = len(stage.bedrock.requests)

    answer = stage.send_event(UPDATED, stage.register(product_id, name="두 번 파는 티셔츠"))

    assert outcomes(answer) == ["reused"]
    assert answer.json()["results"][0]["costUsd"] == 0
    assert len(stage.bedrock.requests) == calls


def test_second_delivery_is_unchanged(stage: Stage, product_id: str) -> None:
    """KafkaSource delivers at least once: the second time neither asks nor writes."""
    data = stage.register(product_id, name="다시 온 티셔츠")
    stage.send_event(UPDATED, data)
    assert outcomes(stage.send_event(UPDATED, data)) == ["unchanged"]


def test_older_event_is_superseded(stage: Stage, product_id: str) -> None:
    """An event that was overtaken changes nothing."""
    data = stage.register(product_id)
    stage.send_event(UPDATED, data | {"version": 2, "protected": ["copy"]})
    assert outcomes(stage.send_event(UPDATED, data)) == ["superseded"]


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"protected": ["copy"]}, "protected"),
        ({"category": ["식품", "검토대상", "젤리"], "name": "그림자 젤리"}, "shadow"),
        ({"category": ["식품", "신고대상", "젤리"]}, "held"),
        ({"name": ""}, "insufficient"),
        ({"attributes": {"소재": "상세페이지 참조", "핏": "없음"}}, "insufficient"),
    ],
)
def test_what_is_not_written_is_still_a_success(
    stage: Stage, product_id: str, changes: dict[str, Any], outcome: str
) -> None:
    """Nothing is wrong with the event: it is acknowledged, and the reply says why nothing was written."""
    data = {"productId": product_id, **SHIRT, **changes}
    answer = stage.send_event(UPDATED, data)
    assert outcomes(answer) == [outcome]
    assert (answer.json()["results"][0]["output"] is not None) == (outcome == "shadow")


def test_both_tasks_of_a_registration_are_told(stage: Stage, product_id: str) -> None:
    """One event, two tasks, two results in the order of their folders; codes for filters, text for people."""
    photo = f"{stage.products.url}/images/shirt.png"
    data = stage.register(product_id, name="새로 온 티셔츠", imageUrls=[photo])

    answer = stage.send_event(REGISTERED, data)

    assert outcomes(answer) == ["written", "written"]
    copy, tags = answer.json()["results"]
    assert (copy["task"], tags["task"]) == ("copy", "tags")
    assert tags["output"].keys() <= {"Color", "Print"}
    assert stage.products.product(product_id)["description"] == copy["output"]


def test_product_that_the_shop_does_not_know_is_unprocessable(stage: Stage) -> None:
    """404 from the product service is permanent, and must not be passed on: KafkaSource would deliver again."""
    problem = assert_problem(stage.send_event(UPDATED, {"productId": "nobody", **SHIRT}), 422, "productunknown")
    assert (problem["productId"], problem["task"]) == ("nobody", "copy")


@pytest.mark.parametrize(
    ("faults", "status", "code"),
    [
        ([{"stop_reason": "refusal"}], 422, "answerrefused"),
        ([{"stop_reason": "content_filtered"}], 422, "answerrefused"),
        ([{"stop_reason": "malformed_model_output"}], 422, "answerunusable"),
        ([{"stop_reason": "max_tokens", "times": 2}], 422, "answerunusable"),
        ([{"text": BANNED, "times": 2}], 422, "answerrejected"),
        ([{"error": "ThrottlingException", "always": True}], 429, "modelthrottled"),
        ([{"error": "ServiceQuotaExceededException", "always": True}], 429, "modelthrottled"),
        ([{"error": "ServiceUnavailableException", "always": True}], 503, "modelunavailable"),
        ([{"status": 529, "always": True}], 503, "modelunavailable"),
        ([{"drop": True, "always": True}], 503, "modelunavailable"),
        ([{"error": "AccessDeniedException"}], 503, "modelmisconfigured"),
        ([{"error": "ValidationException"}], 503, "modelmisconfigured"),
        ([{"truncate": "short"}], 503, "modelanswerbroken"),
        ([{"hang": True}], 503, "modelanswerlate"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_bedrock_does_is_told_by_status(
    stage: Stage, product_id: str, faults: list[dict[str, Any]], status: int, code: str
) -> None:
    """Content that the model will not write is permanent, the quota is 429, all that may heal is 503."""
    stage.bedrock.push(*faults)
    data = stage.register(product_id, name=f"티셔츠 {json.dumps(faults)[:100]}")
    problem = assert_problem(stage.send_event(UPDATED, data), status, code)
    assert (problem["productId"], problem["task"]) == (product_id, "copy")


@pytest.mark.parametrize(
    ("shop_status", "status", "code"),
    [
        (400, 422, "writebackrejected"),
        (410, 422, "writebackrejected"),
        (301, 422, "writebackrejected"),
        (401, 503, "productserviceunauthorized"),
        (403, 503, "productserviceunauthorized"),
        (408, 503, "productserviceunavailable"),
        (429, 503, "productserviceunavailable"),
        (500, 503, "productserviceunavailable"),
        (504, 503, "productserviceunavailable"),
    ],
)
def test_what_the_shop_answers_is_told_by_status(
    stage: Stage, product_id: str, shop_status: int, status: int, code: str
) -> None:
    """4xx is permanent but for what a new token or a pause may mend."""
    shop_fails(stage, 1, status=shop_status)
    assert_problem(stage.send_event(UPDATED, stage.register(product_id)), status, code)


@pytest.mark.parametrize(("shop_status", "outcome"), [(409, "superseded"), (412, "superseded"), (423, "protected")])
def test_what_the_shop_knows_better_is_a_success(stage: Stage, product_id: str, shop_status: int, outcome: str) -> None:
    """The product service has the last word on versions and on people's own edits."""
    shop_fails(stage, 1, status=shop_status)
    assert outcomes(stage.send_event(UPDATED, stage.register(product_id))) == [outcome]


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("{shop}/images/gone.png", 422, "imagegone"),
        ("{shop}/images/text.png", 422, "imagenotanimage"),
        ("http://169.254.169.254/latest/meta-data", 422, "imagenotallowed"),
        ("http://127.0.0.1:{closed}/shirt.png", 503, "imagehostunavailable"),
    ],
)
def test_what_the_image_host_does_is_told_by_status(
    stage: Stage, product_id: str, url: str, status: int, code: str
) -> None:
    """A photo that will not come is permanent, one that may come later is not."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        photo = url.format(shop=stage.products.url, closed=unheard.getsockname()[1])
        answer = stage.send_event("ProductImagesUpdatedEvent", stage.register(product_id, imageUrls=[photo]))
    problem = assert_problem(answer, status, code)
    assert problem["task"] == "tags"


def test_question_over_the_budget_is_unprocessable(stage: Stage, product_id: str) -> None:
    """A request estimated above 8,000 tokens is not asked."""
    long = {f"특징 {number}": "가나다라마바사아자차" * 90 for number in range(20)}
    assert_problem(stage.send_event(UPDATED, stage.register(product_id, attributes=long)), 422, "inputtoolarge")
    assert stage.bedrock.requests == []


def test_what_heals_speaks_for_the_event_but_undoes_nothing(stage: Stage, product_id: str) -> None:
    """One task waits for its photo's host, the other is written: 503, and the next delivery does only what is left."""
    gone = "http://127.0.0.1:1/shirt.png"
    data = stage.register(product_id, name="반쯤 된 티셔츠", imageUrls=[gone])
    problem = assert_problem(stage.send_event(REGISTERED, data), 503, "imagehostunavailable")
    assert problem["task"] == "tags"
    assert stage.products.product(product_id)["description"]

    data["attributes"] = STATED
    assert outcomes(stage.send_event(REGISTERED, data | {"protected": ["copy"]})) == ["protected", "reused"]


def test_transient_failure_speaks_before_permanent_one(stage: Stage, product_id: str) -> None:
    """Bedrock is down for the text and the photo is gone for good: 503, for the text may still be written."""
    stage.bedrock.push({"error": "AccessDeniedException", "always": True})
    data = stage.register(product_id, name="둘 다 안 된 티셔츠", imageUrls=[f"{stage.products.url}/images/gone.png"])
    problem = assert_problem(stage.send_event(REGISTERED, data), 503, "modelmisconfigured")
    assert problem["task"] == "copy"


def test_failures_are_reported_to_the_shop(stage: Stage, product_id: str) -> None:
    """What a planner can mend stands in the product service's list, with the broken rule."""
    stage.bedrock.push({"text": BANNED, "times": 2})
    stage.products.writes.clear()
    stage.send_event(UPDATED, stage.register(product_id, name="너무 좋은 티셔츠"))
    (report,) = [write for write in stage.products.writes if "enrichment-failures" in write.path]
    assert isinstance(report.body, dict)
    assert report.body["code"] == "answerrejected"
    assert [violation["code"] for violation in report.body["violations"]] == ["superlative"]
    assert Path(report.path).name == "copy"
