"""YAML as text, lists and mappings alone. Apart from `content`, so that PyYAML is imported only where it is needed.

Plain YAML turns `on` into true, `01` into 1 and `12:06` into 726, and codes are exactly such words. `CBaseLoader` is
libyaml's parser, several times faster than the one in Python.
"""

from typing import Any

import yaml


class NotYamlError(ValueError):
    """The text is no YAML, or more than this module reads."""

    def __init__(self, line: int, problem: str) -> None:
        """`line` counts from 1."""
        super().__init__(problem)
        self.line = line
        self.problem = problem


def parse(text: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    """The text's tree. Raises `NotYamlError`."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a base loader builds only str, list and dict
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise NotYamlError(mark.line + 1 if mark else 1, problem) from error


class _Loader(yaml.CBaseLoader):
    """Builds text, lists and mappings alone, in half the time of PyYAML's general way."""

    def resolve(self, *_: object) -> str:
        """No tag: nothing here asks for one, and finding it costs every word of a file."""
        return ""

    def construct_document(self, node: yaml.Node) -> Any:  # noqa: ANN401 - whatever YAML holds
        try:
            return _value(node)
        except RecursionError as error:
            problem = "an alias holds itself; write out what it stands for"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error


def _value(node: yaml.Node) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Refuses a key that stands twice (YAML 1.2, 3.2.1.1): PyYAML would keep the last and drop the other."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    mapping: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be one word or text", problem_mark=key.start_mark)
        if key.value in mapping:
            problem = f"'{key.value}' stands twice; keep one"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        mapping[key.value] = _value(value)
    return mapping


def trace(text: str, location: tuple[int | str, ...]) -> tuple[int, list[int | str]]:
    """Follows a location: its line, and its steps without those of unions and aliases, which no file has."""
    node: Any = yaml.compose(text, Loader=yaml.CBaseLoader)
    line = node.start_mark.line + 1 if node else 1
    steps: list[int | str] = []
    for step in location:
        shown = step
        if isinstance(node, yaml.MappingNode) and step in (
            keys := {key.value: (key, value) for key, value in node.value}
        ):
            key, node = keys[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
            shown = _named(step, node)
        elif step != location[-1] or "[" in str(step):  # the last may be the key that is missing
            continue
        steps.append(shown)
    return line, steps


def _named(step: int, node: yaml.Node) -> int | str:
    """A position in a list, with the `code` of what stands there, by which a planner knows it: `9 (luck)`."""
    entries = node.value if isinstance(node, yaml.MappingNode) else []
    return next((f"{step} ({value.value})" for key, value in entries if key.value == "code"), step)
