"""How a violation is worded: the excerpt first, then what to do. Pure."""

import regex

from handler.checks import Violation
from handler.checks.patterns import Span

_LONGEST_EXCERPT = 40
"""In graphemes: enough to find the place again, without quoting a seller's text into logs of others."""

_GRAPHEME = regex.compile(r"\X")
_INVISIBLE = regex.compile(r"(?V1)[\p{C}--\u200d]")  # the joiner holds emoji together


def violation(code: str, text: str, span: Span, *, en: str, ko: str) -> Violation:
    """The violation at a place of the text."""
    excerpt = excerpt_of(text[span[0] : span[1]])
    return Violation(code=code, excerpt=excerpt, en=f"“{excerpt}”: {en}", ko=f"“{excerpt}”: {ko}")


def excerpt_of(text: str) -> str:
    """The text on one line, cut to a readable length, without quotation marks that would end the excerpt.

    Invisible characters are shown by their code point.
    """
    line = " ".join(text[: 50 * _LONGEST_EXCERPT].replace("“", " ").replace("”", " ").split())
    line = _INVISIBLE.sub(lambda match: f"U+{ord(match[0]):04X}", line)
    graphemes = _GRAPHEME.findall(line)
    return line if len(graphemes) <= _LONGEST_EXCERPT else "".join(graphemes[:_LONGEST_EXCERPT]) + "…"
