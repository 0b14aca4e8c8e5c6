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
    "extra_forbidden": (
        "is no key here; remove it or correct the word",
        "여기에 쓸 수 없는 키입니다. 지우거나 철자를 고치세요",
    ),
    "missing": ("is missing; add it", "빠져 있습니다. 넣으세요"),
    "literal_error": ("must be {expected}; correct the word", "{expected} 가운데 하나로 고치세요"),
    "word_or_mapping": (
        "must be {expected} or keys with values; correct it",
        "{expected} 또는 '키: 값' 모양으로 고치세요",
    ),
    "dict_type": ("must be keys with values; write key: value", "'키: 값' 모양으로 쓰세요"),
    "mapping_type": ("must be keys with values; write key: value", "'키: 값' 모양으로 쓰세요"),
    "model_type": ("must be keys with values; write key: value", "'키: 값' 모양으로 쓰세요"),
    "tuple_type": ("must be a list; write [one, two]", "목록으로 쓰세요: [하나, 둘]"),
    "string_type": ("must be one text; put it in quotes", "글 하나로 쓰고 따옴표로 묶으세요"),
    "string_too_short": ("is too short; write {min_length} or more characters", "{min_length}자 이상 쓰세요"),
    "string_pattern_mismatch": ("must fit {pattern}; correct it", "{pattern} 모양이어야 합니다. 고치세요"),
    "int_parsing": ("must be a whole number; correct it", "정수로 고치세요"),
    "decimal_parsing": ("must be a number; correct it", "숫자로 고치세요"),
    "greater_than": ("must be more than {gt}; correct it", "{gt}보다 커야 합니다. 고치세요"),
    "greater_than_equal": ("must be at least {ge}; correct it", "{ge} 이상이어야 합니다. 고치세요"),
    "less_than_equal": ("must be at most {le}; correct it", "{le} 이하여야 합니다. 고치세요"),
    "too_short": ("needs at least {min_length} entries; add them", "{min_length}개 이상 필요합니다. 더하세요"),
    "too_long": (
        "takes at most {max_length} entries; remove the others",
        "{max_length}개까지 됩니다. 나머지는 지우세요",
    ),
}
"""What a planner reads for pydantic's own words, in English and Korean, by its error type."""


class Content(BaseModel):
    """Base of all models of planner files: nothing changes after loading, and a misspelt key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mistake(ValueError):
    """What a validator of planner files finds wrong, said in English and Korean: what it is and what to do."""

    def __init__(self, en: str, ko: str) -> None:
        super().__init__(en)
        self.ko = ko


class ContentError(Exception):
    """A planner file cannot be used. The message reads `file:line: what to do`, in English; `ko` says it in Korean."""

    def __init__(self, path: Path, line: int, en: str, ko: str) -> None:
        super().__init__(f"{path}:{line}: {en}")
        self.path = path
        self.line = line
        self.en = en
        self.ko = ko


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


def read(path: Path, model: type[T]) -> T:
    """The file as `model`, which may be any type that pydantic validates; raises `ContentError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        en = "does not exist; write it, or correct its name where it is used"
        raise ContentError(path, 1, en, "파일이 없습니다. 만들거나, 이 파일을 가리키는 이름을 고치세요") from error
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    try:
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506 - a base loader builds only str, list and dict
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        ko = f"YAML로 읽을 수 없습니다({problem}). 들여쓰기, 따옴표, 콜론, 같은 키가 두 번 나오는지 살펴보세요"
        raise ContentError(path, mark.line + 1 if mark else 1, f"is not YAML: {problem}", ko) from error
    try:
        return TypeAdapter(model).validate_python(tree)
    except ValidationError as error:
        raise refusal(path, error) from error


def unreadable(path: Path, error: OSError | UnicodeDecodeError) -> ContentError:
    """The error of a file that is there and holds no text."""
    ko = f"파일을 읽을 수 없습니다({error}). UTF-8로 저장하세요"
    return ContentError(path, 1, f"cannot be read ({error}); write the file in UTF-8", ko)


def refusal(path: Path, error: ValidationError) -> ContentError:
    """What pydantic found wrong first in a file that is YAML; a misspelt key before the key that it was meant to be."""
    found = error.errors(include_url=False)
    first = min(found, key=lambda each: each["type"] != "extra_forbidden")
    *place, last = first["loc"] or ("",)
    is_word = str(last).startswith("literal[")  # a word, or else what pydantic looked for at the same place next
    if is_word:
        first = max(
            (each for each in found if [*each["loc"][: len(place)]] == place), key=lambda each: len(each["loc"])
        )
    context = first.get("ctx", {})
    if isinstance(mistake := context.get("error"), Mistake):
        return error_at(path, first["loc"], str(mistake), mistake.ko)
    message = first["msg"].removeprefix("Value error, ")
    kind = "word_or_mapping" if is_word and first["type"] == "literal_error" else first["type"]
    en, ko = _ADVICE.get(kind, (f"{message}; correct it", f"값을 고치세요({message})"))
    return error_at(path, first["loc"], en.format(**context), ko.format(**context))


def error_at(path: Path, location: tuple[int | str, ...], en: str, ko: str) -> ContentError:
    """The error at one place of a file which is YAML; `location` is pydantic's."""
    line, steps = _trace(path.read_text(encoding="utf-8"), location)
    where = ".".join(str(step) for step in steps)
    return ContentError(path, line, f"{where or 'the file'}: {en}", f"{where or '파일'}: {ko}")


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """The 1-based line of a pydantic error location in YAML text: of its deepest part that the text has."""
    return _trace(text, location)[0]


def _trace(text: str, location: tuple[int | str, ...]) -> tuple[int, list[int | str]]:
    """Follows a location: its line, and its steps without those of unions and aliases, which no file has."""
    node: Any = yaml.compose(text, Loader=yaml.CBaseLoader)
    line = node.start_mark.line + 1 if node else 1
    steps: list[int | str] = []
    for step in location:
        if isinstance(node, yaml.MappingNode) and step in (
            keys := {key.value: (key, value) for key, value in node.value}
        ):
            key, node = keys[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif step != location[-1] or "[" in str(step):  # the last may be the key that is missing
            continue
        steps.append(step)
    return line, steps
