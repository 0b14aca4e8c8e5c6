"""How sellers type the options of an attribute: `01.차콜 / 블랙(black), 멜란지 그레이 (M)`. Pure; it knows no label."""

import re

_OPTION = re.compile(r"(?:\([^()]*\)|[^/,|·ㆍ;+&\n，／｜、①-⑳])+")
"""Up to a separator; within a remark nothing separates: 블랙(무광, 유광)."""
_REMARK = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_NUMBER = re.compile(r"#?\d{1,3}(?:\s*[.):_-]\s*|\s+)(?!\d)|[A-Za-z][.)]\s*")
"""What numbers an option in a list: `01.차콜`, `2) 블랙`, `A. 블랙`; not a value such as 7.5부."""


def options_of(value: str) -> list[tuple[str, ...]]:
    """The options in one value, in order: each as its name and the remarks in brackets after it."""
    return [_read(option) for option in _OPTION.findall(value) if option.strip()]


def _read(option: str) -> tuple[str, ...]:
    name = _REMARK.sub(" ", option).strip()
    number = _NUMBER.match(name)
    remarks = (round_ or square for round_, square in _REMARK.findall(option))
    return (name[number.end() :] if number else name, *remarks)
