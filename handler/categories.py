"""Category patterns, as planners write them: `*의류/**`, `**/화장품/**`. Pure."""

import re
from functools import lru_cache

_SEPARATOR = "\x1f"  # category names may contain "/" themselves


def matches(pattern: str, category: tuple[str, ...]) -> bool:
    """Whether the path of category names fits the pattern.

    `**` stands for any number of names, none included; `*` for any run of characters within one name.
    """
    return _compiled(pattern).fullmatch("".join(name + _SEPARATOR for name in category)) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    name = f"[^{_SEPARATOR}]*"
    return re.compile(
        "".join(
            f"(?:{name}{_SEPARATOR})*"
            if part == "**"
            else name.join(re.escape(literal) for literal in part.split("*")) + _SEPARATOR
            for part in pattern.split("/")
        )
    )
