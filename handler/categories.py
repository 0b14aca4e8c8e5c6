"""Category patterns, as planners write them: `*의류/**`, `**/화장품/**`. Pure."""

import re
import unicodedata
from functools import lru_cache

_SEPARATOR = "\x1f"  # category names may contain "/" themselves
_BLANKS = re.compile(r"[\s·ㆍ‧・_\u115f\u1160-]+")  # the last two are Hangul letters that nobody sees


def matches(pattern: str, category: tuple[str, ...]) -> bool:
    """Whether the path of category names fits the pattern; both however they are spaced: 건강 기능식품 is 건강기능식품.

    `**` stands for any number of names, none included; `*` for any run of characters within one name.
    """
    return _compiled(pattern).fullmatch("".join(_folded(name) + _SEPARATOR for name in category)) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    name = f"[^{_SEPARATOR}]*"
    return re.compile(
        "".join(
            f"(?:{name}{_SEPARATOR})*"
            if part == "**"
            else name.join(re.escape(_folded(literal)) for literal in part.split("*")) + _SEPARATOR
            for part in pattern.split("/")
        )
    )


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    return _BLANKS.sub("", unicodedata.normalize("NFKC", name).casefold())
