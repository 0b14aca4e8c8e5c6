"""The error tree as a whole: what every leaf owes to KafkaSource, to operators and to dashboards."""

import re
from collections.abc import Iterator

import pytest

from handler.errors import Defect, EnrichmentError, Malformed, Throttled, TooLarge, Unavailable, Unusable
from handler.outcomes import REPORTED, Outcome, outcome_of


def leaves(error: type[EnrichmentError] = EnrichmentError) -> Iterator[type[EnrichmentError]]:
    """The classes that are raised: those nobody inherits from."""
    if not error.__subclasses__():
        yield error
    for child in error.__subclasses__():
        yield from leaves(child)


LEAVES = list(leaves())
STATUS: dict[type[EnrichmentError], int] = {
    Malformed: 400,
    TooLarge: 413,
    Unusable: 422,
    Throttled: 429,
    Defect: 500,
    Unavailable: 503,
}
"""What a kind of failure answers. 404 and 409 are not here: KafkaSource delivers again on them."""


def test_codes_are_unique() -> None:
    """A code names one failure: dead letters hold nothing else."""
    codes = [leaf.code for leaf in LEAVES]
    assert len(set(codes)) == len(codes) > 30


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_leaf_can_be_answered(leaf: type[EnrichmentError]) -> None:
    """A code that the dispatcher accepts as a header, a title that is a sentence, and the status of its kind."""
    assert re.fullmatch(r"[a-z0-9]+", leaf.code)
    assert re.fullmatch(r"[A-Z].*[^.]\.", leaf.title)
    assert [status for kind, status in STATUS.items() if issubclass(leaf, kind)] == [leaf.status]


def test_an_error_says_what_was_wrong() -> None:
    """The detail is the message, too, so that a traceback shows it."""
    error = Throttled("Bedrock answers 429")
    assert error.detail == str(error) == "Bedrock answers 429"
    assert Throttled().detail == ""


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_failure_is_an_outcome(leaf: type[EnrichmentError]) -> None:
    """No failure ends as one of the good outcomes; what may heal is told apart from what never will."""
    expected = {503: Outcome.UNAVAILABLE, 429: Outcome.THROTTLED, 500: Outcome.DEFECT}.get(leaf.status)
    if leaf.code == "answerrejected":
        expected = Outcome.REJECTED
    assert outcome_of(leaf()) is (expected or Outcome.UNUSABLE)


def test_what_is_reported_is_what_a_person_can_mend() -> None:
    """A planner's list holds no outages, throttling or bugs."""
    assert frozenset({Outcome.INSUFFICIENT, Outcome.REJECTED, Outcome.UNUSABLE}) == REPORTED
