"""The frozen sentences of `corpora/copy/`, judged by the rules of `prompts/`: how many are caught, and let through.

    make corpus

Their writers saw the products and the list of reasons, and neither the lexicons nor the rules. Half of the sentences is
held out, by hash: of that half only counts are shown, so that nobody tunes the rules to it.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from handler.checks import Violation
from handler.checks.text import check_text
from handler.content import Content, read
from handler.events import ProductData
from handler.facts import Facts, facts_of
from handler.task_folders import load_prompts
from handler.tasks import Prompts

FOLDER = Path(__file__).parent / "corpora" / "copy"
PROMPTS = Path(__file__).parent.parent / "prompts"
CLEAN = "clean"
_ANY_LENGTH = (1, 1000)
"""Sentences are judged here, not whole texts."""


class Sentence(Content):
    """One sentence of a description, and the reason not to publish it."""

    product: str
    language: str
    reason: str
    """A violation code, or `clean`."""
    text: str

    @property
    def held_out(self) -> bool:
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks say of a sentence."""

    sentence: Sentence
    violations: tuple[Violation, ...]

    @property
    def is_right(self) -> bool:
        """A clean sentence passes, any other is stopped, by whatever rule."""
        return bool(self.violations) == (self.sentence.reason != CLEAN)

    @property
    def names_the_reason(self) -> bool:
        return any(violation.code == self.sentence.reason for violation in self.violations)


def sentences() -> tuple[Sentence, ...]:
    files = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "products.yaml")
    return tuple(sentence for path in files for sentence in read(path, tuple[Sentence, ...]))


def verdicts() -> tuple[Verdict, ...]:
    """Every sentence with what the description's checks say of it."""
    rules = next(task.rules for task in _prompts().tasks if task.name == "description")
    assert rules is not None
    facts = _facts()
    return tuple(
        Verdict(
            sentence,
            check_text(
                sentence.text,
                facts=facts[sentence.product],
                language=sentence.language,
                length=_ANY_LENGTH,
                emoji=False,
                rules=rules,
            ),
        )
        for sentence in sentences()
    )


@cache
def _prompts() -> Prompts:
    return load_prompts(PROMPTS, "global.anthropic.claude-haiku-5-5")


def _facts() -> dict[str, Facts]:
    products = read(FOLDER / "products.yaml", dict[str, dict[str, Any]])
    return {
        name: facts_of(ProductData.model_validate({"productId": name, **product}), _prompts().noise)
        for name, product in products.items()
    }


def table(judged: Sequence[Verdict]) -> Iterator[str]:
    """Counts by reason: sentences, rightly judged, and stopped by the very rule that they were written for."""
    yield f"{'reason':<14}{'sentences':>10}{'right':>7}{'named':>7}"
    by_reason = sorted(judged, key=lambda verdict: (verdict.sentence.reason == CLEAN, verdict.sentence.reason))
    for reason, group in groupby(by_reason, key=lambda verdict: verdict.sentence.reason):
        each = list(group)
        right = sum(verdict.is_right for verdict in each)
        named = "" if reason == CLEAN else sum(verdict.names_the_reason for verdict in each)
        yield f"{reason:<14}{len(each):>10}{right:>7}{named:>7}"
    bad, clean = shares(judged)
    yield f"bad sentences caught: {bad:.1%}; clean sentences refused: {1 - clean:.1%}"


def shares(judged: Sequence[Verdict]) -> tuple[float, float]:
    """Which part of the bad sentences is stopped, and which part of the clean ones passes."""

    def right(of: list[Verdict]) -> float:
        return sum(verdict.is_right for verdict in of) / len(of)

    return (
        right([verdict for verdict in judged if verdict.sentence.reason != CLEAN]),
        right([verdict for verdict in judged if verdict.sentence.reason == CLEAN]),
    )


def report() -> Iterator[str]:
    """What goes wrong in the open half, and the counts of both."""
    judged = verdicts()
    open_half = [verdict for verdict in judged if not verdict.sentence.held_out]
    for verdict in open_half:
        if not verdict.is_right:
            sentence, said = verdict.sentence, " ".join(f"{v.code}“{v.excerpt}”" for v in verdict.violations)
            yield f"{sentence.reason:<14}{sentence.product:<10}{sentence.text}  {said}"
    yield from ("", "The open half:", *table(open_half))
    yield from ("", "The half that is held out:", *table([v for v in judged if v.sentence.held_out]))


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in report())
