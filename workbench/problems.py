"""What is wrong in a planner's file, as it is printed: the place, and what to do in English and Korean."""

from pathlib import Path
from typing import NamedTuple, Self

from handler.content import ContentError, line_of

Location = tuple[int | str, ...]
"""Keys and positions that lead to a place in a YAML file."""


class Finding(NamedTuple):
    """A problem whose file is known to whoever looked for it."""

    location: Location
    en: str
    ko: str


class Problem(NamedTuple):
    """One problem. Problems sort by file and line."""

    path: Path
    line: int
    en: str
    ko: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.en}\n    {self.ko}"

    @classmethod
    def of(cls, error: ContentError) -> Self:
        return cls(error.path, error.line, error.en, error.ko)

    @classmethod
    def found(cls, path: Path, finding: Finding) -> Self:
        return cls(path, line_of(path.read_text(encoding="utf-8"), finding.location), finding.en, finding.ko)
