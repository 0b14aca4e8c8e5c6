"""The commands that take a planner's event: render, try, check. Ties the parts together and prints; decides nothing."""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from handler.content import ContentError
from handler.settings import Settings
from handler.task_folders import load_prompts
from handler.tasks import Prompts
from workbench.event_file import Subject, WorkbenchError, photo_source, read_subject
from workbench.problems import Problem


def run(options: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    """The exit code: 0, or 1 where something is wrong, which is said in English and Korean."""
    commands = {"render": _render, "try": _try, "check": _check}
    try:
        return commands[options.command](options, environ)
    except ContentError as error:
        print(Problem.of(error), file=sys.stderr)
    except WorkbenchError as error:
        print(error, file=sys.stderr)
    return 1


def _render(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from workbench.rehearsal import Silence, rehearse
    from workbench.render import page, picture_folder, save_pictures, wire_json

    prompts, subject = _loaded(options, environ, photos=len(options.photo) or None)
    if options.against:
        return _compare(options, environ, prompts, subject)
    is_shown = True
    with photo_source(options.photo, environ) as photos:
        for task in subject.tasks:
            shown = rehearse(prompts, subject.event, task, model=Silence(), photos=photos)
            is_shown = is_shown and (bool(shown.requests) or shown.result.error is None)
            if options.json and shown.requests:
                print(wire_json(shown.requests[0]))
            else:
                folder = picture_folder(shown, options.out)
                print(page(shown, folder=folder), file=sys.stderr if options.json else sys.stdout)
                save_pictures(shown, folder)
    return 0 if is_shown else 1


def _compare(options: argparse.Namespace, environ: Mapping[str, str], prompts: Prompts, subject: Subject) -> int:
    from workbench.comparison import comparison, extract, novelty
    from workbench.rehearsal import Silence, rehearse

    with tempfile.TemporaryDirectory() as folder, photo_source(options.photo, environ) as photos:
        extract(Path(options.prompts), options.against, Path(folder))
        before = load_prompts(Path(folder), _model(environ))
        known = {task.name: task for task in before.tasks}
        for task in subject.tasks:
            new = rehearse(prompts, subject.event, task, model=Silence(), photos=photos)
            if task.name in known:
                old = rehearse(before, subject.event, known[task.name], model=Silence(), photos=photos)
                print(comparison(old, new, revision=options.against, catalogue=options.catalogue))
            else:
                print(novelty(new, revision=options.against, catalogue=options.catalogue))
    return 0


def _try(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from workbench.attempt import account, bedrock, place
    from workbench.rehearsal import rehearse

    prompts, subject = _loaded(options, environ, photos=len(options.photo) or None)
    model = bedrock(environ)
    print(f"Asked: {place(environ)}.")
    is_good = True
    with photo_source(options.photo, environ) as photos:
        for task in subject.tasks:
            tried = rehearse(prompts, subject.event, task, model=model, photos=photos)
            print("\n" + "\n".join(account(tried)))
            is_good = is_good and tried.result.error is None
    return 0 if is_good else 1


def _check(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from workbench.judging import judged, output_lines, read_said, verdict

    prompts, subject = _loaded(options, environ, photos=0)
    judgement = judged(prompts, subject, read_said(options.answer))  # what a photo shows, no rule knows
    print("\n".join([*verdict(judgement), *output_lines(judgement)]))
    return 1 if judgement.violations else 0


def _loaded(options: argparse.Namespace, environ: Mapping[str, str], *, photos: int | None) -> tuple[Prompts, Subject]:
    prompts = load_prompts(Path(options.prompts), _model(environ))
    return prompts, read_subject(prompts, options.event, task=options.task, photos=photos)


def _model(environ: Mapping[str, str]) -> str:
    return environ.get("MODEL_ID") or Settings.model_fields["model_id"].default
