"""What the checks are worth as a filter, on sentences whose writers did not know the rules. It is no proof."""

import sys
from collections import Counter

import pytest
from copy_corpus import CLEAN, sentences, shares, table, verdicts

from handler.checks.patterns import compiled
from handler.checks.text import patterns_of
from workbench.golden import golden_prompts


def test_bad_copy_is_caught_and_good_copy_passes_on_the_half_that_was_held_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At least nine of ten bad sentences are stopped, and at most three of a hundred good ones are refused."""
    held_out = [verdict for verdict in verdicts() if verdict.sentence.held_out]
    with capsys.disabled():
        sys.stdout.writelines(f"{line}\n" for line in ("", "Copy that was held out:", *table(held_out)))
    caught, passed = shares(held_out)
    assert caught >= 0.90
    assert passed >= 0.97


def test_every_reason_has_ten_sentences_and_clean_copy_has_150() -> None:
    """The corpus is large enough that its shares mean something."""
    counts = Counter(sentence.reason for sentence in sentences())
    assert counts.pop(CLEAN) >= 150
    assert {reason: count for reason, count in counts.items() if count < 10} == {}


def test_no_sentence_stands_twice() -> None:
    """A sentence in both halves would be no held-out sentence."""
    texts = [sentence.text for sentence in sentences()]
    assert len(texts) == len(set(texts))


def test_no_text_makes_a_pattern_of_its_own() -> None:
    """Whatever texts say, the patterns are those of the rules: they do not grow in number, and an image has them."""
    rules = next(task.rules for task in golden_prompts().tasks if task.rules)
    compiled.cache_clear()
    assert any(verdict.violations for verdict in verdicts())
    assert 0 < compiled.cache_info().currsize <= len(set(patterns_of(rules)))
