"""A planner's new task is a new folder: alt text from a photo and one more code attribute, driven through HTTP."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from images import encode, halves
from server import Stage, running

from workbench.function import ROOT
from workbench.prompts import check

NEW = Path(__file__).parent.parent / "prompts_new"
"""The folders as a planner would write them; `shared` is the project's own."""
IMAGES_UPDATED = "ProductImagesUpdatedEvent"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PROMPTS_DIR with the two new tasks and no other."""
    folder = tmp_path_factory.mktemp("new") / "prompts"
    shutil.copytree(NEW, folder)
    shutil.copytree(ROOT / "prompts" / "shared", folder / "shared")
    return folder


@pytest.fixture(scope="module")
def running_stage(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The function with these tasks, and an image host with one photo."""
    images = tmp_path_factory.mktemp("images")
    (images / "shirt.png").write_bytes(encode(halves(64, 64), "PNG"))
    with running(images=images, PROMPTS_DIR=str(folder)) as stage:
        yield stage


@pytest.fixture
def stage(running_stage: Stage) -> Iterator[Stage]:
    """The same one with a model that has heard nothing yet."""
    yield running_stage
    running_stage.bedrock.reset()


def shirt(stage: Stage, product_id: str, name: str, **attributes: str) -> dict[str, Any]:
    """A product with a photo, as the data of its event."""
    photo = f"{stage.products.url}/images/shirt.png"
    return stage.register(product_id, name=name, attributes={"소재": "면 100%", **attributes}, imageUrls=[photo])


def written(stage: Stage, product_id: str) -> dict[str, Any]:
    """What the product service was sent for this product, by the last part of the path."""
    paths = {write.path: write.body for write in stage.products.writes if f"/products/{product_id}/" in write.path}
    return {path.rpartition("/")[2]: body for path, body in paths.items()}


def test_the_new_folders_pass_make_prompts(folder: Path) -> None:
    """Their examples and the shared rules prove themselves as those that ship do."""
    assert check(str(folder)) == 0


def test_both_tasks_ask_with_the_photo_and_write_to_their_own_paths(stage: Stage) -> None:
    """The text comes from photo and facts, the code from the table; the product service receives each in its field."""
    data = shirt(stage, "both", "[무료배송] 루즈핏 코튼 티셔츠", 색상="네이비")

    answer = stage.send_event(IMAGES_UPDATED, data)

    results = [(result["task"], result["outcome"]) for result in answer.json()["results"]]
    assert (answer.status, results) == (200, [("alt-text", "written"), ("fit", "written")])
    for request in stage.bedrock.requests:
        blocks = request.body["messages"][0]["content"]
        assert [*map(list, blocks)] == [["image"], ["text"]]
        assert "루즈핏 코튼 티셔츠" in blocks[1]["text"]
        assert "무료배송" not in blocks[1]["text"]  # by noise-ko.yaml, which they share
    received = written(stage, "both")
    assert received.keys() == {"alt-text", "fit"}
    assert (received["alt-text"]["language"], received["fit"]["fit"]) == ("ko", {"Fit": ["L"]})
    assert "네이비" in received["alt-text"]["altText"]
    assert [received[task]["generator"]["task"] for task in ("alt-text", "fit")] == ["alt-text", "fit"]


def test_a_stated_fit_is_taken_without_a_call(stage: Stage) -> None:
    """The table's words are read from the seller; only the text is asked."""
    stage.send_event(IMAGES_UPDATED, shirt(stage, "stated", "줄무늬 티셔츠", 핏="슬림핏"))
    assert written(stage, "stated")["fit"]["fit"] == {"Fit": ["S"]}
    assert ["toolConfig" in request.body for request in stage.bedrock.requests] == [False]


@pytest.mark.parametrize(
    ("alt", "violation"),
    [
        ("최고의 품질을 자랑하는 네이비 티셔츠를 바닥에 펼쳐 놓은 사진.", "superlative"),
        ("옷걸이에 걸린 빨간색 티셔츠. 목둘레가 둥글고 소매가 짧습니다.", "colours"),
        ("옷걸이에 걸린 티셔츠.", "length"),
    ],
)
def test_the_shared_rules_hold_for_the_new_text(stage: Stage, alt: str, violation: str) -> None:
    """A banned claim, or a colour that only the photo has, is reported and not written; the other task stands."""
    product_id = f"broken-{violation}"
    stage.bedrock.push({"text": alt, "match": "alternative text", "always": True})

    answer = stage.send_event(IMAGES_UPDATED, shirt(stage, product_id, f"레귤러핏 티셔츠 {violation}", 색상="네이비"))

    assert (answer.status, answer.json()["code"]) == (422, "answerrejected")
    received = written(stage, product_id)
    report = received.pop("alt-text")  # enrichment-failures/alt-text
    assert [broken["code"] for broken in report["violations"]] == [violation]
    assert received["fit"]["fit"] == {"Fit": ["R"]}


def test_a_fit_outside_the_new_table_is_not_written(stage: Stage) -> None:
    """It is a violation like any other, named once to the model and then rejected."""
    stage.bedrock.push({"tool_input": {"Fit": ["baggy"]}, "match": "You tag clothes", "always": True})

    answer = stage.send_event(IMAGES_UPDATED, shirt(stage, "baggy", "넉넉한 티셔츠"))

    assert (answer.status, answer.json()["task"]) == (422, "fit")
    received = written(stage, "baggy")
    assert "altText" in received["alt-text"]
    assert [broken["code"] for broken in received["fit"]["violations"]] == ["offtable"]
