"""How a violation is worded: the excerpt first, then what to do. Pure."""

import regex

from handler.checks import Violation
from handler.checks.patterns import Span

_LONGEST_EXCERPT = 40
"""In graphemes: enough to find the place again, without quoting a seller's text into logs of others."""

_GRAPHEME = regex.compile(r"\X")

_JOINER = r"(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D|\u200D(?!\p{Extended_Pictographic})"
# Letters that have a composed form have it (NFC); scripts that need marks, such as Thai, stand in names of the facts.
_MARK = (
    r"(?<![^\p{Hangul}\p{Latin}\p{Common}\p{Inherited}]|\p{Extended_Pictographic})"
    r"(?<![#*0-9](?=\uFE0F?\u20E3)|[#*0-9]\uFE0F(?=\u20E3))\p{M}"
)
_BLANK = r"[\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0]|\p{L}[\u2000-\u200A\u202F\u205F]\p{L}"
UNSEEN = rf"(?V1)(?:[\p{{Cc}}\p{{Cf}}\p{{Co}}\p{{Cn}}\p{{Zl}}\p{{Zp}}\uFFFD--[\n\u200D]]|{_JOINER}|{_MARK}|{_BLANK})+"
"""What no reader sees and what hides a word from the rules: control signs, blanks that pass for letters, and emoji's
joiners and stray marks beside letters (최 + U+200D + 고). Emoji families and keycaps are none."""

_unseen = regex.compile(UNSEEN)


def violation(code: str, text: str, span: Span, *, en: str, ko: str) -> Violation:
    """The violation at a place of the text."""
    excerpt = excerpt_of(text[span[0] : span[1]])
    return Violation(code=code, excerpt=excerpt, en=f"“{excerpt}”: {en}", ko=f"“{excerpt}”: {ko}")


def excerpt_of(text: str) -> str:
    """The text on one line, cut to a readable length, without quotation marks that would end the excerpt.

    Invisible characters are shown by their code point.
    """
    line = " ".join(text[: 50 * _LONGEST_EXCERPT].replace("“", " ").replace("”", " ").split())
    line = _unseen.sub(lambda match: " ".join(f"U+{ord(sign):04X}" for sign in match[0]), line)
    graphemes = _GRAPHEME.findall(line)
    return line if len(graphemes) <= _LONGEST_EXCERPT else "".join(graphemes[:_LONGEST_EXCERPT]) + "…"
