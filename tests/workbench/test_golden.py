"""Golden requests: what the task folders of prompts/ ask for one product of each kind, as text to review."""

import shutil
from pathlib import Path

import pytest

from handler.task_folders import load_prompts
from handler.tasks import Prompts
from workbench.golden import FOLDER, golden_prompts, golden_requests, golden_text, misplaced, stale, update
from workbench.rehearsal import Rehearsal

UPDATE = "the request changed; look at the difference, then: make golden"


@pytest.fixture(scope="module")
def requests() -> dict[str, Rehearsal]:
    return golden_requests(golden_prompts())


def test_the_requests_are_those_that_were_reviewed(requests: dict[str, Rehearsal]) -> None:
    """An edit of prompts/ shows its effect in git; one command takes it over."""
    assert stale({name: golden_text(shown) for name, shown in requests.items()}, FOLDER) == [], UPDATE


def test_every_persona_of_every_task_has_its_event(requests: dict[str, Rehearsal]) -> None:
    """Whoever adds a persona or a task sees what it asks."""
    shown = {(each.task.name, each.persona) for each in requests.values()}
    owed = {(task.name, persona) for task in golden_prompts().tasks for persona in task.personas or [""]}
    advice = [f"add an event to tests/golden/events for {sorted(owed - shown)}, then: make golden"]
    assert owed <= shown, misplaced(requests) or advice
    assert misplaced(requests) == []


PRODUCT = '{"productId": "1", "name": "니트", "category": ["%s"], "attributes": {"핏": "루즈핏", "두께": "보통"}}'


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A product of each persona of the task `copy`."""
    events = tmp_path / "golden" / "events" / "copy"
    events.mkdir(parents=True)
    (events / "fashion.json").write_text(PRODUCT % "여성의류", encoding="utf-8")
    (events / "general.json").write_text(PRODUCT % "가구", encoding="utf-8")
    return events


@pytest.mark.parametrize(
    ("pets", "advice"),
    [
        ("pets:\n  when: {category: [여성의류]}", "move pets above fashion"),
        ("pets:\n  when: {category: [애완]}", "the `when` of pets does not fit it"),
    ],
)
def test_an_event_that_another_persona_writes_is_named_with_the_remedy(
    prompts_dir: Path, tmp_path: Path, events: Path, capsys: pytest.CaptureFixture[str], pets: str, advice: str
) -> None:
    """A new persona stands below one that fits its product, or its pattern fits nothing."""
    folder = Path(shutil.copytree(prompts_dir, tmp_path / "prompts"))
    path = folder / "copy" / "personas.yaml"
    text = path.read_text(encoding="utf-8")
    who = "\n  role: r\n  reader: r\n  tone: t\n  length: {ko: [20, 60], en: [20, 60]}\ngeneral:"
    path.write_text(text.replace("general:", pets + who), encoding="utf-8")
    category = "여성의류" if "여성의류" in pets else "강아지"
    (events / "pets.json").write_text(PRODUCT % category, encoding="utf-8")
    assert update(folder, events.parent.parent) == 1
    assert not list(events.parent.parent.glob("*.txt"))  # a text of the wrong persona would be taken over by a commit
    writer = "fashion" if "여성의류" in pets else "general"
    said = capsys.readouterr().err
    assert said == f"pets.json is written by {writer}; {advice} in copy/personas.yaml\n"


def test_make_golden_says_what_it_wrote_and_that_nothing_changed(
    prompts_dir: Path, events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Silence would look like a command that did not run."""
    assert update(prompts_dir, events.parent.parent) == 0
    assert "copy-fashion.txt: written; git diff shows what changed\n" in capsys.readouterr().out
    assert update(prompts_dir, events.parent.parent) == 0
    assert capsys.readouterr().out == "nothing changed\n"


def test_make_golden_reports_a_broken_file_as_make_prompts_does(
    prompts_dir: Path, tmp_path: Path, events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, line and both languages, no traceback; likewise for an event that is no JSON."""
    folder = Path(shutil.copytree(prompts_dir, tmp_path / "prompts"))
    path = folder / "copy" / "task.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("max_tokens", "max_token"), encoding="utf-8")
    assert update(folder, events.parent.parent) == 1
    said = capsys.readouterr().err
    assert f"{path}:15: max_token: is no key here" in said
    assert "쓸 수 없는 키입니다" in said
    (events / "general.json").write_text("{", encoding="utf-8")
    assert update(prompts_dir, events.parent.parent) == 1
    assert "general.json: is no JSON" in capsys.readouterr().err


def test_an_edit_makes_the_texts_that_it_changes_stale(prompts_dir: Path, tmp_path: Path, events: Path) -> None:
    """A rule changes none; a tone changes those of its persona; an event that is gone leaves no text behind."""
    folder = Path(shutil.copytree(prompts_dir, tmp_path / "prompts"))

    def texts(prompts: Prompts) -> dict[str, str]:
        return {name: golden_text(shown) for name, shown in golden_requests(prompts, events.parent).items()}

    before = texts(load_prompts(folder, "anthropic.claude-haiku-5-5"))
    for name, text in before.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert list(before) == ["copy-fashion.txt", "copy-general.txt"]

    for file, old, new, expected in [
        ("shared/claims-ko.yaml", "마감", "매진|마감", []),
        ("copy/personas.yaml", "tone: lively", "tone: calm", ["copy-fashion.txt"]),
    ]:
        path = folder / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        assert stale(texts(load_prompts(folder, "anthropic.claude-haiku-5-5")), tmp_path) == expected
    (events / "general.json").unlink()
    assert stale(texts(load_prompts(prompts_dir, "anthropic.claude-haiku-5-5")), tmp_path) == ["copy-general.txt"]
