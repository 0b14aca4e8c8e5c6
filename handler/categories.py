"""Category patterns, as planners write them: `*의류/**`, `**/화장품/**`. Pure."""

import re
import unicodedata
from functools import lru_cache

_BLANKS = re.compile(r"[\s·ㆍ‧・_\u115f\u1160-]+")  # the last two are Hangul letters that nobody sees
_ANY_PATH = ("", "", "")
"""`**`, as its literals."""


@lru_cache(maxsize=8192)  # some fifty patterns are tried with each category, and shops have few at a time
def matches(pattern: str, category: tuple[str, ...]) -> bool:
    """Whether the path of category names fits the pattern; both however they are spaced: 건강 기능식품 is 건강기능식품.

    `**` stands for any number of names, none included; `*` for any run of characters within one name.
    """
    return _path_fits(_parts(pattern), tuple(map(_folded, category)))


def _path_fits(parts: tuple[tuple[str, ...], ...], names: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    first, rest = parts[0], parts[1:]
    if first == _ANY_PATH:
        return not rest or any(_path_fits(rest, names[skipped:]) for skipped in range(len(names) + 1))
    return bool(names) and _name_fits(first, names[0]) and _path_fits(rest, names[1:])


def _name_fits(literals: tuple[str, ...], name: str) -> bool:
    """Whether the name is the literals in their order, with anything between them."""
    if len(literals) == 1:
        return name == literals[0]
    first, *between, last = literals
    start, end = len(first), len(name) - len(last)
    if end < start or not (name.startswith(first) and name.endswith(last)):
        return False
    for literal in between:
        found = name.find(literal, start, end)
        if found < 0:
            return False
        start = found + len(literal)
    return True


# Read by hand: as regular expressions, those of one task take 4 ms to compile, and are slower to match.
@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[tuple[str, ...], ...]:
    """The pattern's parts, each as the literals between its `*`."""
    return tuple(tuple(map(_folded, part.split("*"))) for part in pattern.split("/"))


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return _BLANKS.sub("", unicodedata.normalize("NFKC", name).casefold())
