"""Runs a soak and prints its balance sheet."""

import time
from itertools import islice

from workbench.soak.balance import Account, sheet
from workbench.soak.stage import Plan, Soak


def soak(plan: Plan) -> int:
    """The exit code: 0 only if every account is balanced."""
    print(f"soak: seed {plan.seed}, {plan.edits:,} edits, {plan.kills} kills. The model is a stand-in.", flush=True)
    started = time.monotonic()
    with Soak(plan) as running:
        print(f"started in {time.monotonic() - started:.1f} s", flush=True)
        began = time.monotonic()
        number = running.edit()
        print(f"{number:,} edits in {time.monotonic() - began:.1f} s", flush=True)
        settled = running.settle()
        moved = time.monotonic() - began
        print(f"quiet {'' if settled else 'NOT '}after {moved:.1f} s; {running.facts()}", flush=True)
        books = running.books()
        print(f"{len(books.published):,} events, {len(books.published) / moved:.1f} a second", flush=True)
        accounts = sheet(books)
    wrong = sum(len(account.wrong) for account in accounts) + (not settled)
    for account in accounts:
        _print(account)
    print(
        f"\n{'BALANCED' if not wrong else f'NOT BALANCED: {wrong} differences'} in {time.monotonic() - started:.0f} s"
    )
    return 1 if wrong else 0


def _print(account: Account) -> None:
    print(f"\n{account.title}")
    for label, count in sorted(account.counts.items()):
        print(f"  {count:>8,}  {label}")
    for each in islice(account.wrong, 20):
        print(f"  WRONG     {each}")
    print(f"  {len(account.wrong):>8,}  differences")
