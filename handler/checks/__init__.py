"""What the model said, judged by rules that planners own. Pure: no IO, no clock, no settings."""

from typing import NamedTuple


class Violation(NamedTuple):
    """One rule that an answer broke."""

    code: str
    """Stable, `[a-z0-9]+`."""
    excerpt: str
    """What in the answer broke it."""
    en: str
    """One sentence for the model, in a re-ask: what to change."""
    ko: str
    """One sentence for the planner."""
    attribute: str = ""
    """The catalogue attribute it concerns; empty for text."""
