"""What people run beside the function: `python -m workbench COMMAND`."""

import argparse
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """The exit code; 2 is argparse's own for a command line that it cannot read."""
    options = _parser().parse_args(arguments)
    # Each command loads only what it needs: a planner's check must not wait for a web server.
    match options.command:
        case "run":
            return _run(options)
        case "soak":
            from workbench.soak.run import soak as run_soak
            from workbench.soak.stage import Plan

            plan = Plan.full(options.seed) if options.full else Plan.short(options.seed, seconds=options.seconds)
            return run_soak(plan)
        case "prompts":
            from workbench.prompts import check

            return check(options.prompts)
        case "golden":
            from workbench.golden import update

            return update()
        case "sizing":
            return _size(options)
        case "bench":
            from workbench.bench.run import bench as run_bench

            return run_bench(options.rows)
    from workbench.planner import run as run_for_planner

    return run_for_planner(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workbench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="the function with stand-ins for everything around it")
    run.add_argument("--once", action="store_true", help="send the samples and end; exit 0 only if they were written")
    ports = "of the function; the stand-ins take the next two; free ones unless given"
    run.add_argument("--port", type=int, default=0, help=ports)
    soak = commands.add_parser("soak", help="edits products while everything fails, and balances the books")
    soak.add_argument("--seconds", type=float, default=90, help="of editing; waiting and balancing take as long again")
    soak.add_argument("--full", action="store_true", help="20,000 events and 50 kills, however long they take")
    soak.add_argument("--seed", type=int, default=1, help="the same seed plans the same edits, faults and kills")
    bench = commands.add_parser("bench", help="speed, memory, calls and tokens beside what they rest on")
    bench.add_argument("rows", nargs="*", help="only these: start cpu throughput quota calls tokens prompts")
    commands.add_parser("golden", help="write the golden requests of tests/golden anew")
    prompts = commands.add_parser("prompts", help="check the task folders")
    _add_folder(prompts, "--dir")
    _add_planner_commands(commands)
    _add_sizing(commands)
    return parser


def _add_planner_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    render = commands.add_parser("render", help="what the model would see of one event; asks nothing")
    attempt = commands.add_parser("try", help="ask the model about one event; writes nothing")
    check = commands.add_parser("check", help="judge an answer for one event; exit 1 if it breaks a rule")
    for command in (render, attempt, check):
        command.add_argument("event", metavar="EVENT", help="a structured CloudEvent, or only its data; - reads stdin")
        command.add_argument("--task", default="", help="one task only, whatever the event owes")
        _add_folder(command, "--prompts")
    check.add_argument("answer", metavar="ANSWER", help="the text, or JSON of labels; or a file; - reads stdin")
    for command in (render, attempt):
        photo = "instead of the event's own; give it again for more"
        command.add_argument("--photo", type=Path, action="append", default=[], metavar="FILE", help=photo)
    out = "where pictures are saved; default: a new temporary folder, whose path is printed"
    render.add_argument("--out", type=Path, default=None, metavar="DIR", help=out)
    form = render.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the Converse body as it is sent, bytes in base64")
    form.add_argument("--against", metavar="REF", help="compare with the task folders of a git revision")
    catalogue = "products like this one, of its persona, for what asking again costs; default: 7,000,000"
    render.add_argument("--catalogue", type=int, default=7_000_000, metavar="N", help=catalogue)


def _add_sizing(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    size = commands.add_parser("sizing", help="what a Bedrock quota carries, and what service.yaml needs for it")
    size.add_argument("--rpm", type=int, required=True, help="the account's requests a minute")
    size.add_argument("--tpm", type=int, required=True, help="the account's tokens a minute")
    size.add_argument("--latency", type=float, default=2.5, help="seconds of a model call; default: 2.5")
    overhead = "seconds of an event beside its calls: photo, ledger, PUT; default: 0.3"
    size.add_argument("--overhead", type=float, default=0.3, help=overhead)
    size.add_argument("--catalogue", type=int, default=7_000_000, metavar="N", help="products; default: 7,000,000")
    size.add_argument("--outage", type=float, default=240, help="seconds of throttling to survive; default: 240")
    size.add_argument("--task", action="append", default=[], help="only this one; give it again for more")


def _add_folder(command: argparse.ArgumentParser, option: str) -> None:
    default = os.environ.get("PROMPTS_DIR", "prompts")
    command.add_argument(option, dest="prompts", default=default, help="the folder that holds the task folders")


def _size(options: argparse.Namespace) -> int:
    from workbench.sizing.run import sizing

    return sizing(
        rpm=options.rpm,
        tpm=options.tpm,
        latency=options.latency,
        overhead=options.overhead,
        catalogue=options.catalogue,
        outage=options.outage,
        tasks=options.task,
    )


def _run(options: argparse.Namespace) -> int:
    from workbench.function import FunctionError
    from workbench.sandbox.run import run as run_sandbox

    try:
        return run_sandbox(once=options.once, port=options.port)
    except (FunctionError, OSError) as error:
        print(f"The sandbox did not start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # `| head` has read enough; Python would complain once more when it flushes (docs, SIGPIPE)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
