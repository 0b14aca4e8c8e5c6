"""What people run beside the function: `python -m workbench COMMAND`."""

import argparse
import os
import sys


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="workbench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="the function with stand-ins for everything around it")
    run.add_argument("--once", action="store_true", help="send the samples and end; exit 0 only if they were written")
    ports = "of the function; the stand-ins take the next two; free ones unless given"
    run.add_argument("--port", type=int, default=0, help=ports)
    prompts = commands.add_parser("prompts", help="check the task folders")
    prompts.add_argument("--dir", default=os.environ.get("PROMPTS_DIR", "prompts"), help="the folder that holds them")
    soak = commands.add_parser("soak", help="edits products while everything fails, and balances the books")
    soak.add_argument("--seconds", type=float, default=90, help="of editing; waiting and balancing take as long again")
    soak.add_argument("--full", action="store_true", help="20,000 events and 50 kills, however long they take")
    soak.add_argument("--seed", type=int, default=1, help="the same seed plans the same edits, faults and kills")
    options = parser.parse_args(arguments)
    # Each command loads only what it needs: a planner's check must not wait for a web server.
    if options.command == "run":
        from workbench.function import FunctionError
        from workbench.sandbox.run import run as run_sandbox

        try:
            return run_sandbox(once=options.once, port=options.port)
        except (FunctionError, OSError) as error:
            print(f"The sandbox did not start: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    if options.command == "soak":
        from workbench.soak.run import soak as run_soak
        from workbench.soak.stage import Plan

        return run_soak(Plan.full(options.seed) if options.full else Plan.short(options.seed, seconds=options.seconds))
    from workbench.prompts import check

    return check(options.dir)


if __name__ == "__main__":
    sys.exit(main())
