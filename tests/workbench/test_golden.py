"""Golden requests: what the task folders of prompts/ ask for one product of each kind, as text to review."""

import shutil
from pathlib import Path

import pytest

from handler.tasks import Prompts, load_prompts
from workbench.golden import FOLDER, golden_prompts, golden_requests, golden_text, stale
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
    assert owed <= shown, f"add an event to tests/golden/events for {sorted(owed - shown)}, then: make golden"


def test_an_edit_makes_the_texts_that_it_changes_stale(prompts_dir: Path, tmp_path: Path) -> None:
    """A rule changes none; a tone changes those of its persona; an event that is gone leaves no text behind."""
    folder = Path(shutil.copytree(prompts_dir, tmp_path / "prompts"))
    events = tmp_path / "events" / "copy"
    events.mkdir(parents=True)
    product = '{"productId": "1", "name": "니트", "category": ["%s"], "attributes": {"핏": "루즈핏", "두께": "보통"}}'
    (events / "fashion.json").write_text(product % "여성의류", encoding="utf-8")
    (events / "general.json").write_text(product % "가구", encoding="utf-8")

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
