"""What the checks are worth as a filter, on sentences whose writers did not know the rules. It is no proof."""

import sys
from collections import Counter

import pytest
from copy_corpus import CLEAN, sentences, shares, table, verdicts


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
