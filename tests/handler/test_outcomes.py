"""The names of the outcomes: users and dashboards rely on them. How failures become outcomes is in test_errors."""

from handler.outcomes import Outcome


def test_the_outcomes_that_answer_200_have_their_documented_names() -> None:
    """They stand in replies, log lines and metrics: a renamed one breaks them all."""
    assert {str(outcome) for outcome in Outcome} == {
        *("written", "reused", "unchanged", "superseded", "protected", "shadow", "held", "insufficient"),
        *("rejected", "unusable", "throttled", "unavailable", "defect"),
    }
