"""Reads the YAML that planners own: as text, into typed models, with errors that name file, line and what to do.

YAML is read as text only: plain YAML turns `on` into true, `01` into 1 and `12:06` into 726, and codes are exactly such
words. The models say what is a number. `CBaseLoader` is libyaml's parser, several times faster than the one in Python.
"""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

T = TypeVar("T")

_ADVICE = {
    "extra_forbidden": "is no key here; remove it or correct the word",
    "missing": "is missing; add it",
}
"""What a planner reads for pydantic's own words, by its error type."""


class Content(BaseModel):
    """Base of all models of planner files: nothing changes after loading, and a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ContentError(Exception):
    """A planner file cannot be used. The message reads `file:line: what to do`."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line


class _Loader(yaml.CBaseLoader):
    """Refuses a key that stands twice (YAML 1.2, 3.2.1.1): the base loader keeps the last and drops the other."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: set[str] = set()
        for key, _ in node.value:
            if key.value in keys:
                problem = f"'{key.value}' stands twice; keep one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def read(path: Path, model: type[T]) -> T:
    """The file as `model`, which may be any type that pydantic validates; raises `ContentError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ContentError(path, 1, "does not exist; write it, or correct its name where it is used") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(path, 1, f"cannot be read ({error}); write the file in UTF-8") from error
    try:
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506 - a base loader builds only str, list and dict
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise ContentError(path, mark.line + 1 if mark else 1, f"is not YAML: {problem}") from error
    try:
        return TypeAdapter(model).validate_python(tree)
    except ValidationError as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: ValidationError) -> ContentError:
    """What pydantic found wrong first in a file that is YAML; a misspelt key before the key that it was meant to be."""
    first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    message = _ADVICE.get(first["type"], first["msg"].removeprefix("Value error, "))
    return error_at(path, first["loc"], message)


def error_at(path: Path, location: tuple[int | str, ...], message: str) -> ContentError:
    """The error at one place of a file which is YAML; `location` is pydantic's."""
    where = ".".join(str(step) for step in location) or "the file"
    return ContentError(path, line_of(path.read_text(encoding="utf-8"), location), f"{where}: {message}")


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """The 1-based line of a pydantic error location in YAML text: of its deepest part that the text has."""
    node: Any = yaml.compose(text, Loader=yaml.CBaseLoader)
    line = node.start_mark.line + 1 if node else 1
    for step in location:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if step not in pairs:
                continue  # a union or alias step that the text does not have
            key, node = pairs[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
