"""Chooses Korean particles by how a word ends when it is read aloud."""

import re

_FIRST, _LAST, _FINALS = ord("가"), ord("힣"), 28
# Digits, units and letters by their Korean reading: 십, 일, 삼, 육, 칠, 팔; 그램, 킬로그램; 엘, 엠, 엔, 알.
_CLOSED_DIGITS = "013678"
_CLOSED_UNITS = {"g", "kg", "mg", "cal"}
_OPEN_UNITS = {"m", "mm", "cm", "km", "ml", "l", "in", "inch", "kcal", "w", "v"}
_CLOSED_LETTERS = "LMNR"
_TAIL = re.compile(r"(\d?)\s*([A-Za-z]+)$")


def topic(word: str) -> str:
    """The word with 은 or 는."""
    return word + ("은" if ends_closed(word) else "는")


def as_object(word: str) -> str:
    """The word with 을 or 를."""
    return word + ("을" if ends_closed(word) else "를")


def is_(word: str) -> str:
    """The word with 이에요 or 예요."""
    return word + ("이에요" if ends_closed(word) else "예요")


def ends_closed(word: str) -> bool:
    """Whether the last sound is a consonant; what follows the last letter or digit is not read."""
    spoken = re.sub(r"[^\w%]+$", "", word)
    if not spoken:
        return False
    last = spoken[-1]
    if _FIRST <= ord(last) <= _LAST:
        return (ord(last) - _FIRST) % _FINALS > 0
    if last.isdigit():
        return last in _CLOSED_DIGITS
    latin = _TAIL.search(spoken)
    return latin is not None and _latin_closed(latin[2], after_digit=bool(latin[1]))


def _latin_closed(letters: str, *, after_digit: bool) -> bool:
    if after_digit and letters.lower() in _CLOSED_UNITS | _OPEN_UNITS:
        return letters.lower() in _CLOSED_UNITS
    if letters.isupper():
        return letters[-1] in _CLOSED_LETTERS
    # Loan words keep l, m, n, ng and a single k or p after a vowel as a final: 코튼, 핏 is written in Hangul anyway.
    return bool(re.search(r"(?:[lmn]|ng|[aeiou][kp]|ck)$", letters.lower()))
