"""`make golden`: the request for each golden event, as text under version control: an edit shows what it changes.

The events and their texts stand in tests/golden; the picture is one of samples/images. Asks nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from handler.settings import Settings
from handler.tasks import Prompts, load_prompts
from workbench.event_file import photo_source, read_subject
from workbench.function import ROOT
from workbench.rehearsal import Rehearsal, Silence, rehearse
from workbench.render import request_text

FOLDER = ROOT / "tests" / "golden"
PICTURE = ROOT / "samples" / "images" / "knit.jpg"


def golden_prompts(folder: Path = ROOT / "prompts") -> Prompts:
    """The task folders with the default model, whatever the environment says."""
    return load_prompts(folder, Settings.model_fields["model_id"].default)


def golden_requests(prompts: Prompts, events: Path = FOLDER / "events") -> dict[str, Rehearsal]:
    """What is asked for each event, by the name of its text: `description-food.txt`."""
    requests = {}
    for file in sorted(events.glob("*/*.json")):
        subject = read_subject(prompts, str(file), task=file.parent.name, photos=1)
        with photo_source((PICTURE,)) as photos:
            (task,) = subject.tasks
            shown = rehearse(prompts, subject.event, task, model=Silence(), photos=photos)
        requests[f"{task.name}-{file.stem}.txt"] = shown
    return requests


def golden_text(shown: Rehearsal) -> str:
    """One golden file. The edition is left out: a rule changes no request."""
    head = f"persona {shown.persona}\n" if shown.persona else ""
    return f"{head}fingerprint {shown.result.fingerprint}\n{request_text(shown.requests[0])}"


def stale(texts: Mapping[str, str], folder: Path) -> list[str]:
    """The golden files that are not, or no longer, what `texts` says."""
    held = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.txt")}
    return sorted(name for name in {*held, *texts} if held.get(name) != texts.get(name))


def update() -> int:
    """Writes every golden text anew and says which changed."""
    texts = {name: golden_text(shown) for name, shown in golden_requests(golden_prompts()).items()}
    for name in stale(texts, FOLDER):
        if name in texts:
            (FOLDER / name).write_text(texts[name], encoding="utf-8")
            print(f"{name}: written; git diff shows what changed")
        else:
            (FOLDER / name).unlink()
            print(f"{name}: removed, its event is gone")
    return 0
