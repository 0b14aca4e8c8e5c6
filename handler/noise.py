"""Noise: what says nothing of a product in what sellers type, and the text without it. Pure.

Markup and what is invisible always are noise; planners name the rest in `prompts/shared/noise-*.yaml`.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Annotated

import regex
from pydantic import AfterValidator

from handler.content import Content, Mistake
from handler.derived import STORE

_INVISIBLE = {"Cc": " ", "Cf": "", "Co": ""}
"""By Unicode category: a control character may part words; a format character, like ZERO WIDTH SPACE, has no width."""
_FILLERS = {
    **dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0"), " "),
    **dict.fromkeys([0x34F, *range(0xFE00, 0xFE10)], ""),
}
"""Invisible too, though letters, signs and marks by category: Hangul fillers and the Braille blank are as wide as a
letter, a joiner and variation selectors (as after an emoji) are not (Unicode, Default_Ignorable_Code_Point)."""
_OLD_TAGS = "A|B|BR|CENTER|DIV|EM|FONT|H[1-6]|HR|I|IMG|LI|OL|P|SPAN|STRONG|TABLE|TBODY|TD|TH|TR|U|UL"
_TAG = re.compile(rf"(?s)<!--.*?-->|</[a-zA-Z][^<>]*>|<(?:[a-z][a-zA-Z0-9]*|{_OLD_TAGS})(?:\s[^<>]*)?/?>")
"""What editors write. Another word in capitals is a brand: <NORTHPEAK>."""
_MAX_ROUNDS = 5
_EDGE_SIGNS = " ,/|·_~!*=:-"
"""They say nothing at the ends of a text, except before a digit: -18℃, ~3세."""
_LEADING_SIGNS = re.compile(rf"^[{_EDGE_SIGNS}]*?(?=[-~]\d|[^{_EDGE_SIGNS}]|$)")
_CUT = "\0"
"""Marks where noise was. No text has one of its own: control characters are gone by then."""
_SEPARATORS = ",/|·"
_EMPTY_BRACKETS = re.compile(rf"[\[({{<【〈《［（][ {_CUT}{_SEPARATORS}:&]*+[\])}}>】〉》］）]")
_GAP = re.compile(rf"(?: ?{_CUT})+ ?")
_EMPTY_ITEM = re.compile(
    rf"[{_SEPARATORS}] ?(?=[{_SEPARATORS}])|(?<=[(\[])[ {_SEPARATORS}]++"
    rf"|(?<![ {_SEPARATORS}])[ {_SEPARATORS}]++(?=[)\]])"
)
"""What parts nothing: a separator in front of another, and at the inner side of a bracket."""
_PATTERN = f"pattern, regex {regex.__version__}"
"""How a pattern of noise is compiled, as `derived` names it."""


def _is_regex(pattern: str) -> str:
    try:
        STORE.ensure(_PATTERN, pattern, regex.compile)
    except regex.error as error:
        raise Mistake(
            f"is no regular expression: {error}; correct it", f"정규식이 아닙니다({error}). 고치세요"
        ) from error
    return pattern


Pattern = Annotated[str, AfterValidator(_is_regex)]


class Noise(Content):
    """What planners call noise in catalogue text (`prompts/shared/noise-ko.yaml`)."""

    placeholders: tuple[str, ...] = ()
    """Values that say nothing, compared without spaces and case."""
    remove: tuple[Pattern, ...] = ()
    """Regular expressions, one after another; what they match is cut out of names and values."""
    ignore_attributes: tuple[Pattern, ...] = ()
    """Regular expressions; attributes whose name matches wholly say nothing of the product."""
    ignore_facts: tuple[Pattern, ...] = ()
    """Regular expressions; what matches `attribute: value` wholly says nothing of the product."""

    @classmethod
    def joined(cls, packs: Iterable["Noise"]) -> "Noise":
        """Several files as one."""
        packs = list(packs)
        joined = cls.model_construct(  # of parts that were validated
            placeholders=tuple(word for pack in packs for word in pack.placeholders),
            remove=tuple(pattern for pack in packs for pattern in pack.remove),
            ignore_attributes=tuple(pattern for pack in packs for pattern in pack.ignore_attributes),
            ignore_facts=tuple(pattern for pack in packs for pattern in pack.ignore_facts),
        )
        # Kept models say nothing of patterns: where those are another regex's, each start would compile all of them.
        for pattern in (*joined.remove, *joined.ignore_attributes, *joined.ignore_facts):
            STORE.ensure(_PATTERN, pattern, regex.compile)
        return joined

    @cached_property
    def _removed(self) -> tuple[regex.Pattern[str], ...]:
        return _compiled(self.remove)  # one by one: in one alternation each would be tried at each letter

    @cached_property
    def _ignored_attributes(self) -> tuple[regex.Pattern[str], ...]:
        return _compiled(self.ignore_attributes)

    @cached_property
    def _ignored_facts(self) -> tuple[regex.Pattern[str], ...]:
        return _compiled(self.ignore_facts)

    @cached_property
    def _placeholders(self) -> frozenset[str]:
        return frozenset(map(_squeeze, self.placeholders))

    @cached_property
    def _known(self) -> Callable[[str], str]:
        # Catalogues say 소재 and 블랙 over and over: a hundred times as fast as to clean them again.
        return lru_cache(maxsize=2048)(self._cleaned)

    def clean(self, text: str) -> str:
        """The text without markup, noise and control characters; empty where it is a placeholder.

        What is clean stays as it is. Noise may hide noise; where it goes on and on, there is nothing else.
        """
        return self._known(text)

    def _cleaned(self, text: str) -> str:
        for _ in range(_MAX_ROUNDS):
            before, text = text, self._cleaned_once(text)
            if text == before:
                return text
        return ""

    def _cleaned_once(self, text: str) -> str:
        text = _plain(text)
        if _squeeze(text) in self._placeholders:
            return ""
        for pattern in self._removed:
            text = pattern.sub(_CUT, text)
        text = _GAP.sub(_gap, _EMPTY_BRACKETS.sub(_CUT, text))
        text = " ".join(_EMPTY_ITEM.sub("", text).split()).rstrip(_EDGE_SIGNS)
        text = _LEADING_SIGNS.sub("", text, count=1)
        return "" if _squeeze(text) in self._placeholders else text

    def clean_value(self, attribute: str, text: str) -> str:
        """The text as a value of the attribute; empty also where this attribute's value says nothing."""
        return self._known_values(attribute, text)

    @cached_property
    def _known_values(self) -> Callable[[str, str], str]:
        return lru_cache(maxsize=2048)(self._cleaned_value)

    def _cleaned_value(self, attribute: str, text: str) -> str:
        text = self.clean(text)
        return "" if _fits(self._ignored_facts, f"{attribute}: {text}") else text

    def ignores(self, attribute: str) -> bool:
        """Whether the attribute says nothing of a product, whatever its value."""
        return self._known_names(attribute)

    @cached_property
    def _known_names(self) -> Callable[[str], bool]:
        return lru_cache(maxsize=2048)(lambda attribute: _fits(self._ignored_attributes, _plain(attribute)))


def _plain(text: str) -> str:
    """One line of NFC without HTML and what is invisible. Entities may be escaped twice in catalogues."""
    text = html.unescape(html.unescape(text))
    if "<" in text:
        # What scripts and styles hold is no text.
        text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text)
        text = _TAG.sub(" ", text)
    if not text.isprintable():  # where all is printable, no character is of the categories below
        text = "".join(_INVISIBLE.get(unicodedata.category(character), character) for character in text)
    return " ".join(unicodedata.normalize("NFC", text.translate(_FILLERS)).split())


def _gap(cut: re.Match[str]) -> str:
    """What takes the place of noise: a space between words; beside a separator, the space that the separator has."""
    text, start, end = cut.string, cut.start(), cut.end()
    if text[end : end + 1] in _SEPARATORS:
        return " " if text[end - 1] == " " else ""
    if text[start - 1 : start] in _SEPARATORS:
        return " " if text[start] == " " else ""
    return " "


def _compiled(patterns: Iterable[str]) -> tuple[regex.Pattern[str], ...]:
    return tuple(STORE.derive(_PATTERN, pattern, regex.compile) for pattern in patterns)


def _fits(patterns: Iterable[regex.Pattern[str]], text: str) -> bool:
    """Whether one of the patterns matches the whole text."""
    return any(pattern.fullmatch(text) for pattern in patterns)


def _squeeze(text: str) -> str:
    return "".join(text.casefold().split())
