"""`workbench render`: what it shows is what the function asks."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from edges import PHOTO
from enricher import Enricher
from planning import event_file, workbench
from product_events import REGISTERED, product_event

from handler.converse import Prefix, Request
from workbench.__main__ import main
from workbench.comparison import asking_cost

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "shirt.png"
    path.write_bytes(PHOTO)
    return str(path)


@pytest.fixture
def folder(prompts_dir: Path, tmp_path: Path) -> Path:
    """The task folders, committed to a repository of their own."""
    folder = Path(shutil.copytree(prompts_dir, tmp_path / "shop" / "prompts"))
    identity = ["-c", "user.name=planner", "-c", "user.email=planner@example.com"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "--message", "as it was"]):
        subprocess.run(["git", *command], cwd=folder.parent, check=True)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("task", ["copy", "tags"])
def test_it_shows_the_very_body_and_fingerprint_of_the_function(
    enricher: Enricher, prompts_dir: Path, tmp_path: Path, capsys: Captured, photo: str, task: str
) -> None:
    """Rendered and asked are one request, byte for byte, picture included."""
    results = {result.task: result for result in enricher.deliver(product_event(name=REGISTERED))}
    bodies = {"tags" if "toolConfig" in body else "copy": body for body in enricher.model.bodies}
    line = ["render", event_file(tmp_path), "--task", task, "--prompts", str(prompts_dir), "--photo", photo]

    assert main([*line, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    for block in shown["messages"][0]["content"]:
        if "image" in block:
            block["image"]["source"]["bytes"] = base64.b64decode(block["image"]["source"]["bytes"])
    assert shown == bodies[task]

    assert main([*line, "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert results[task].fingerprint in text
    assert results[task].edition in text
    assert bodies[task]["system"][0]["text"] in text
    assert bodies[task]["messages"][0]["content"][-1]["text"] in text


def test_it_saves_the_pictures_that_the_model_gets(
    prompts_dir: Path, tmp_path: Path, capsys: Captured, photo: str
) -> None:
    """A product id with a slash names a file, not a folder."""
    line = ["render", event_file(tmp_path), "--task", "tags", "--prompts", str(prompts_dir)]
    assert main([*line, "--photo", photo, "--out", str(tmp_path)]) == 0
    saved = tmp_path / "shirt%2F1-tags-1.png"
    assert saved.read_bytes() == PHOTO
    shown = capsys.readouterr().out
    assert f"picture 1    {saved}" in shown
    assert "png, 64 x 64, 9 tokens" in shown
    assert '"sky-blue"' in shown


def test_pictures_go_to_a_new_folder_unless_one_is_given(prompts_dir: Path, tmp_path: Path, photo: str) -> None:
    """Never into the folder that one works in, which is a repository; a folder that is not there is made."""
    line = ["render", event_file(tmp_path), "--task", "tags", "--prompts", str(prompts_dir), "--photo", photo]
    (system := tmp_path / "system").mkdir()
    shown = workbench(*line, env={"TMPDIR": str(system)}).stdout
    saved = Path(re.findall(r"^picture 1    (.*)$", shown, re.MULTILINE)[0])
    assert saved.parent.parent == system
    assert saved.read_bytes() == PHOTO
    assert main([*line, "--out", str(tmp_path / "seen" / "by-model")]) == 0
    assert (tmp_path / "seen" / "by-model" / "shirt%2F1-tags-1.png").read_bytes() == PHOTO


def test_it_says_who_writes_and_whether_that_is_published(prompts_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    """A category that is off is shown all the same, with a word that the function asks nothing."""
    file = event_file(tmp_path, category=["신고대상", "남성의류"])
    assert main(["render", file, "--task", "copy", "--prompts", str(prompts_dir)]) == 0
    shown = capsys.readouterr().out
    assert "copy, persona general" in shown
    assert "publish      off" in shown
    assert "not asked    task.yaml publishes nothing for this category" in shown
    assert "You are a copywriter of a shop." in shown


@pytest.mark.parametrize(
    ("product", "task", "reason"),
    [
        ({"attributes": {"소재": "면 100%"}}, "copy", "insufficient: the product lacks 2 attributes"),
        ({"protected": ["copy"]}, "copy", "protected: "),
        ({"attributes": {"색상": "블랙", "무늬": "무지"}}, "tags", "the seller states it, or it does not apply"),
        ({"category": ["가전"]}, "tags", "the seller states it, or it does not apply"),
    ],
)
def test_where_nothing_is_asked_it_says_why(
    prompts_dir: Path, tmp_path: Path, capsys: Captured, photo: str, product: dict[str, Any], task: str, reason: str
) -> None:
    """Too few facts, a person's own text, what is stated, what does not apply."""
    line = ["render", event_file(tmp_path, **product), "--task", task, "--prompts", str(prompts_dir)]
    assert main([*line, "--photo", photo]) == 0
    assert reason in capsys.readouterr().out


def test_what_is_stated_and_what_does_not_apply_is_named(
    prompts_dir: Path, tmp_path: Path, capsys: Captured, photo: str
) -> None:
    """The rest is asked."""
    file = event_file(tmp_path, attributes={"무늬": "솔리드"})
    out = ["--prompts", str(prompts_dir), "--photo", photo, "--out", str(tmp_path)]
    assert main(["render", file, "--task", "tags", *out]) == 0
    assert "settled      Print: stated, ['01']" in capsys.readouterr().out


def test_a_question_that_is_too_long_says_so(prompts_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    """It is shown, so that one sees what is long."""
    file = event_file(tmp_path, attributes={f"특징{number}": "아주 긴 설명 " * 120 for number in range(20)})
    assert main(["render", file, "--task", "copy", "--prompts", str(prompts_dir)]) == 0
    shown = capsys.readouterr().out
    assert "not asked    inputtoolarge" in shown
    assert "아주 긴 설명" in shown


def test_an_event_owes_what_its_type_says_and_bare_data_every_task(
    prompts_dir: Path, tmp_path: Path, capsys: Captured, photo: str
) -> None:
    """As the function decides it."""
    out = ["--prompts", str(prompts_dir), "--photo", photo, "--out", str(tmp_path)]
    assert main(["render", event_file(tmp_path, event_type="ProductAttributesUpdatedEvent"), *out]) == 0
    assert "task         tags" not in capsys.readouterr().out
    assert main(["render", event_file(tmp_path), *out]) == 0
    shown = capsys.readouterr().out
    assert "task         copy" in shown
    assert "task         tags" in shown


@pytest.mark.parametrize(
    ("product", "said"),
    [
        ({"imageUrls": ["https://elsewhere.example.com/1.jpg"]}, "imagenotallowed: elsewhere.example.com"),
        ({"imageUrls": ["IMAGES_URL/1.jpg"]}, "give an http or https URL"),
        ({"event_type": "OrderPlacedEvent"}, "no task listens to this event; they listen to Product"),
        ({"language": "fr"}, "supported are en, ko"),
        ({"name": 5}, "name: "),
    ],
)
def test_an_event_that_cannot_be_shown_ends_with_1(
    prompts_dir: Path, tmp_path: Path, capsys: Captured, product: dict[str, str], said: str
) -> None:
    """The photo, the event's name or its data: the function's own words say what is wrong."""
    assert main(["render", event_file(tmp_path, **product), "--prompts", str(prompts_dir)]) == 1
    captured = capsys.readouterr()
    assert said in captured.out + captured.err


def test_a_wrong_command_line_is_said_in_both_languages(prompts_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    """No traceback for a planner."""
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    for said, line in {
        "no task is called 'alt'": [event_file(tmp_path), "--task", "alt"],
        "nowhere.json: cannot be read": ["nowhere.json"],
        "is no JSON: ": [str(tmp_path / "broken.json")],
        "is no JSON object": [str(tmp_path / "list.json")],
        "nowhere.png: cannot be read": [event_file(tmp_path), "--photo", "nowhere.png"],
        "not a valid object name": [event_file(tmp_path), "--task", "copy", "--against", "no-such-revision"],
    }.items():
        assert main(["render", *line, "--prompts", str(prompts_dir)]) == 1
        captured = capsys.readouterr()
        english, korean = captured.err.splitlines()
        assert said in english
        assert re.search("^    .*[가-힣]{2}", korean)


def test_a_broken_folder_is_said_in_both_languages(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    """As `make prompts` says it."""
    edit(folder / "copy/task.yaml", "max_tokens", "max_token")
    assert main(["render", event_file(tmp_path), "--prompts", str(folder)]) == 1
    assert "task.yaml:15: max_token: is no key here" in (said := capsys.readouterr().err)
    assert "쓸 수 없는 키입니다" in said


def test_it_reads_the_event_from_standard_input(prompts_dir: Path, tmp_path: Path) -> None:
    """So that sed, curl and jq may stand before it."""
    event = Path(event_file(tmp_path)).read_text(encoding="utf-8")
    done = workbench("render", "-", "--task", "copy", "--prompts", str(prompts_dir), given=event)
    assert done.returncode == 0, done.stderr
    assert "베이직 코튼 티셔츠" in done.stdout


def compared(folder: Path, tmp_path: Path, capsys: Captured, *line: str) -> str:
    file = event_file(tmp_path)
    assert main(["render", file, "--task", "copy", "--prompts", str(folder), "--against", "HEAD", *line]) == 0
    return capsys.readouterr().out


def test_an_edit_of_the_question_is_shown_with_what_asking_again_costs(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    """The difference, and the price of a catalogue by the estimate."""
    edit(folder / "copy/personas.yaml", "tone: lively", "tone: calm")
    shown = compared(folder, tmp_path, capsys, "--catalogue", "10000000")
    assert "-You are a copywriter of a fashion mall. Reader: shoppers on a phone. Tone: lively." in shown
    assert "+You are a copywriter of a fashion mall. Reader: shoppers on a phone. Tone: calm." in shown
    assert "The fingerprint changed" in shown
    assert main(["render", event_file(tmp_path), "--task", "copy", "--prompts", str(folder)]) == 0
    before, after = re.findall(r"(\d+) (?:before|after)", capsys.readouterr().out)
    # Too short to be cached: USD 0.10 a million tokens in, 0.50 a million out, and half of 300 out.
    each = (int(before) + int(after)) * 0.10e-6 + 150 * 0.50e-6
    assert f"Asking for 10,000,000 products like this one costs about USD {each * 10_000_000:,.0f}." in shown
    assert "prices of 2026-11-22" in shown


def test_what_all_products_share_is_read_from_the_cache() -> None:
    """Where it is long enough for one: a tenth of the price."""
    request = Request("global.anthropic.claude-haiku-5-5", Prefix("가" * 1000), "나" * 100, max_tokens=200)
    # 1.3 tokens a syllable: 1,300 from the cache, 130 in, 100 out.
    assert asking_cost(request) == pytest.approx((1300 * 0.01 + 130 * 0.10 + 100 * 0.50) * 1e-6)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("shared/claims-ko.yaml", "match: '품절", "match: '완판|품절"),
        ("copy/task.yaml", '"**": live', '"**": shadow'),
        ("copy/task.yaml", "field: description", "field: text"),
    ],
)
def test_an_edit_of_rules_asks_nothing_again(
    folder: Path, tmp_path: Path, capsys: Captured, file: str, old: str, new: str
) -> None:
    """The known answer is judged again: that is what the edition says."""
    edit(folder / file, old, new)
    shown = compared(folder, tmp_path, capsys)
    assert "Only the edition changed" in shown
    assert "USD" not in shown


def test_what_the_seller_states_is_read_anew_without_asking(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    """A new attribute that the product states changes its output, and not the question: no cost is named."""
    file = event_file(tmp_path, attributes={"색상": "블랙", "무늬": "무지", "핏": "레귤러핏"})
    fit = 'Fit:\n  ko: 핏\n  stated_in: [핏]\n  labels:\n    regular: {code: "1", ko: 레귤러핏}\n'
    with (folder / "tags/codes.yaml").open("a", encoding="utf-8") as codes:
        codes.write(fit)
    assert main(["render", file, "--task", "tags", "--prompts", str(folder), "--against", "HEAD"]) == 0
    shown = capsys.readouterr().out
    assert "the model is not asked: at the next event the output is\nmade again and written." in shown
    assert "USD" not in shown


def test_a_comment_changes_nothing(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    """Nor does an edit for other products."""
    edit(folder / "copy/task.yaml", "# A text task", "# This text task")
    edit(folder / "tags/task.yaml", "max_tokens: 200", "max_tokens: 300")
    assert compared(folder, tmp_path, capsys).splitlines() == [
        "task copy",
        "Nothing changed for this product: it is neither asked nor written again.",
    ]


def test_a_new_task_shows_what_asking_it_for_the_catalogue_costs(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    """There is nothing to be compared with: every product is asked, unless its category is off."""
    (folder / "copy").rename(folder / "headline")
    line = ["--task", "headline", "--prompts", str(folder), "--against", "HEAD", "--catalogue", "1000000"]
    assert main(["render", event_file(tmp_path), *line]) == 0
    said, asked, cost = capsys.readouterr().out.splitlines()[:3]
    assert said == "task headline: HEAD has none of this name"
    assert asked == "Each product is asked at its next event."
    assert re.match(r"Asking for 1,000,000 products like this one costs about USD [1-9]\d+\. ", cost)
    assert main(["render", event_file(tmp_path, category=["신고대상"]), *line]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["The model is not asked about this product (publish: off)."]


def test_a_language_that_one_task_lacks_is_named_with_the_task(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    """The function refuses such an event for every task; the planner learns which file to mend."""
    shutil.copytree(folder / "copy", folder / "headline")
    edit(folder / "headline/task.yaml", "[claims-ko, claims-en]", "[claims-ko]")
    english = event_file(tmp_path, language="en")
    assert main(["render", english, "--task", "copy", "--prompts", str(folder)]) == 1
    said = capsys.readouterr().err
    assert "language 'en' is refused for every task: supported are ko; to allow it" in said
    assert "in headline/task.yaml" in said
    assert "copy/task.yaml" not in said
    assert main(["render", event_file(tmp_path), "--task", "headline", "--prompts", str(folder)]) == 0


def test_what_is_no_longer_asked_is_part_of_the_difference(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    """An edit of `needs` may end the asking."""
    edit(folder / "copy/task.yaml", "facts: 2", "facts: 3")
    shown = compared(folder, tmp_path, capsys)
    assert "+not asked: insufficient the product lacks 3 attributes" in shown
    assert "The fingerprint changed, and the model is not asked." in shown
