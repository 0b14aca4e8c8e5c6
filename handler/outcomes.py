"""How a task can end. Failures carry their status and code themselves (`handler.errors`); all else is 200. Pure."""

from enum import StrEnum

from handler.errors import AnswerRejected, Defect, EnrichmentError, Throttled, Unavailable


class Outcome(StrEnum):
    """The end of one task of one event."""

    WRITTEN = "written"
    """Asked, checked, written back."""
    REUSED = "reused"
    """Written back from an answer that was paid for before, or from what the seller states."""
    UNCHANGED = "unchanged"
    """What would be written is what was written last."""
    SUPERSEDED = "superseded"
    """A newer event of this product is known."""
    PROTECTED = "protected"
    """A person owns the field."""
    SHADOW = "shadow"
    """Asked, checked, shown in the reply, not written."""
    HELD = "held"
    """Publishing is off for this category: not asked."""
    INSUFFICIENT = "insufficient"
    """Too few facts: not asked."""
    REJECTED = "rejected"
    """The answer broke a rule again after it was named."""
    UNUSABLE = "unusable"
    """The event, its photo or its answer cannot be used."""
    THROTTLED = "throttled"
    """Bedrock's quota."""
    UNAVAILABLE = "unavailable"
    """It may heal: deliver again."""
    DEFECT = "defect"
    """A bug."""


def outcome_of(error: EnrichmentError) -> Outcome:
    """The outcome of a task that ended with `error`."""
    match error:
        case AnswerRejected():
            return Outcome.REJECTED
        case Throttled():
            return Outcome.THROTTLED
        case Unavailable():
            return Outcome.UNAVAILABLE
        case Defect():
            return Outcome.DEFECT
        case _:
            return Outcome.UNUSABLE


REPORTED = frozenset({Outcome.INSUFFICIENT, Outcome.REJECTED, Outcome.UNUSABLE})
"""What a planner or seller can mend, and so is reported to the product service."""
