"""`make golden`: the request for each golden event, as text under version control: an edit shows what it changes.

The events and their texts stand in tests/golden; the picture is one of samples/images. Asks nothing.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from handler.content import ContentError
from handler.settings import Settings
from handler.task_folders import load_prompts
from handler.tasks import Prompts
from workbench.event_file import WorkbenchError, photo_source, read_subject
from workbench.function import ROOT
from workbench.problems import Problem
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


def misplaced(requests: Mapping[str, Rehearsal]) -> list[str]:
    """The events that are named after one persona and written by another, with what to do."""
    found = []
    for name, shown in requests.items():
        meant, writer = name.removeprefix(f"{shown.task.name}-").removesuffix(".txt"), shown.persona
        personas = list(shown.task.personas)
        if meant in personas and meant != writer:
            is_late = personas.index(writer) < personas.index(meant)
            advice = f"move {meant} above {writer}" if is_late else f"the `when` of {meant} does not fit it"
            found.append(f"{meant}.json is written by {writer}; {advice} in {shown.task.name}/personas.yaml")
    return found


def update(folder: Path = ROOT / "prompts", into: Path = FOLDER) -> int:
    """Writes every golden text anew and says which changed. The exit code is 1 where a file cannot be used, or an event
    is not written by the persona that it is named after."""
    try:
        requests = golden_requests(golden_prompts(folder), into / "events")
    except ContentError as error:
        print(Problem.of(error), file=sys.stderr)
        return 1
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 1
    if advices := misplaced(requests):
        print("\n".join(advices), file=sys.stderr)
        return 1
    texts = {name: golden_text(shown) for name, shown in requests.items()}
    changed = stale(texts, into)
    for name in changed:
        if name in texts:
            (into / name).write_text(texts[name], encoding="utf-8")
            print(f"{name}: written; git diff shows what changed")
        else:
            (into / name).unlink()
            print(f"{name}: removed, its event is gone")
    if not changed:
        print("nothing changed")
    return 0
