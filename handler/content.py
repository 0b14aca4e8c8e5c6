"""Reads the YAML that planners own: as text, into typed models, with errors that name file, line and what to do.

YAML is read as text only (`yaml_text`): the models say what is a number. A file is read once: its model is kept.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import VERSION, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_json

from handler.derived import STORE, code_version

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


_YAML_ADVICE = {
    "mapping values are not allowed": (
        "two colons in one line, or a line that stands too far to the right; put a text with ': ' in quotes, "
        "or indent the line as its neighbours",
        "한 줄에 콜론이 두 번 있거나 줄이 너무 안쪽에서 시작합니다. ': '이 든 글은 따옴표로 묶고, "
        "들여쓰기는 옆줄과 맞추세요",
    ),
    "did not find expected key": (
        "indent this line as its neighbours, and close what is open above",
        "들여쓰기가 옆줄과 다르거나 위에서 연 따옴표·괄호가 닫히지 않았습니다. 옆줄과 똑같이 맞추세요",
    ),
    "did not find expected '-' indicator": (
        "indent this line as its list",
        "목록 안에서 들여쓰기가 어긋났습니다. 위의 '-' 줄과 맞추세요",
    ),
    "could not find expected ':'": (
        "write `key: value`, with a space after the colon",
        "'키: 값' 모양이 아닙니다. 콜론 뒤를 한 칸 띄우고, 여러 줄 글은 더 안쪽으로 들여 쓰세요",
    ),
    "unknown escape character": (
        "put a pattern in single quotes, where a backslash is itself: '\\d'",
        "큰따옴표 안에서는 역슬래시를 쓸 수 없습니다. 작은따옴표로 묶으세요: '\\d'",
    ),
    "cannot start any token": (
        "indent with spaces, never with a tab; put a text that starts with @, ` or % in quotes",
        "들여쓰기는 탭이 아니라 빈칸으로 하세요. @, `, %로 시작하는 글은 따옴표로 묶으세요",
    ),
    "',' or": (
        "close the bracket, and part the entries by commas",
        "괄호를 닫고, 항목 사이에 쉼표를 넣으세요",
    ),
    "unexpected end of stream": ("close the quotes", "따옴표가 닫히지 않았습니다. 닫으세요"),
    "alphabetic or numeric": ("put a text that starts with * in quotes", "*로 시작하는 글은 따옴표로 묶으세요"),
    "undefined alias": ("put a text that starts with * in quotes", "*로 시작하는 글은 따옴표로 묶으세요"),
    "stands twice": ("", "같은 키가 두 번 나옵니다. 하나만 두세요"),
}
"""What to do for libyaml's own words, in English and Korean, by a part of them."""


class Content(BaseModel):
    """Base of all models of planner files: nothing changes after loading, and a misspelt key is an error."""

    # Deferred: where a file's model is kept, as in the image, nothing is ever validated.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    silent: ClassVar[frozenset[str]] = frozenset()
    """Fields, wherever they stand in it, that no output depends on."""

    @cached_property
    def shape(self) -> str:
        """The digest of all in it but what is silent. Kept with the model: to compute it takes longer than to read."""
        return shape_of(self, without=self.silent)


class Mistake(ValueError):
    """What a validator of planner files finds wrong, said in English and Korean: what it is and what to do.

    `at` leads from what is validated to the place of the mistake within it.
    """

    def __init__(self, en: str, ko: str, *, at: tuple[int | str, ...] = ()) -> None:
        super().__init__(en)
        self.ko = ko
        self.at = at


class ContentError(Exception):
    """A planner file cannot be used. The message reads `file:line: what to do`, in English; `ko` says it in Korean."""

    def __init__(self, path: Path, line: int, en: str, ko: str) -> None:
        super().__init__(f"{path}:{line}: {en}")
        self.path = path
        self.line = line
        self.en = en
        self.ko = ko


def read(path: Path, model: type[T]) -> T:
    """The file as `model`, which may be any type that pydantic validates; raises `ContentError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        en = "does not exist; write it, or correct its name where it is used"
        raise ContentError(path, 1, en, "파일이 없습니다. 만들거나, 이 파일을 가리키는 이름을 고치세요") from error
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    return STORE.derive(recipe(repr(model)), text, partial(_validated, path, model))


def recipe(name: str) -> str:
    """What `derived` calls a way to make models: it may change with this package, and with pydantic."""
    return f"{name}, pydantic {VERSION}, {code_version()}"


def shape_of(value: object, *, without: frozenset[str] = frozenset()) -> str:
    """The digest of a value that may hold models, but for their fields `without`; in the order of the file."""
    return hashlib.sha256(to_json(_plain(value, without))).hexdigest()


def _plain(value: Any, without: frozenset[str]) -> Any:  # noqa: ANN401 - whatever models hold
    """Models as mappings, without their serializers, which nobody built: that would take 10 ms."""
    match value:
        case BaseModel():
            fields = type(value).model_fields
            return {name: _plain(getattr(value, name), without) for name in fields if name not in without}
        case Mapping():
            return {key: _plain(entry, without) for key, entry in value.items()}
        case tuple() | list():
            return [_plain(entry, without) for entry in value]
        case _:
            return value


def _validated(path: Path, model: type[T], text: str) -> T:
    try:
        made = TypeAdapter(model).validate_python(_parsed(path, text))
    except ValidationError as error:
        raise refusal(path, error) from error
    if isinstance(made, Content):
        _ = made.shape
    return made


def _parsed(path: Path, text: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    from handler.yaml_text import NotYamlError, parse  # PyYAML takes 10 ms to import; of most texts the model is kept

    try:
        return parse(text)
    except NotYamlError as error:
        problem = error.problem
        advice = (each for part, each in _YAML_ADVICE.items() if part in problem)
        en, ko = next(advice, ("", "들여쓰기, 따옴표, 콜론, 같은 키가 두 번 나오는지 살펴보세요"))
        text = f"is not YAML: {problem}" + (f"; {en}" if en else "")
        raise ContentError(path, error.line, text, f"YAML로 읽을 수 없습니다({problem}). {ko}") from error


def unreadable(path: Path, error: OSError | UnicodeDecodeError) -> ContentError:
    """The error of a file that is there and holds no text."""
    ko = f"파일을 읽을 수 없습니다({error}). UTF-8로 저장하세요. 메모장: 다른 이름으로 저장 > 인코딩 UTF-8"
    en = f"cannot be read ({error}); write the file in UTF-8: in Notepad, Save as > Encoding UTF-8"
    return ContentError(path, 1, en, ko)


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
        return error_at(path, (*first["loc"], *mistake.at), str(mistake), mistake.ko)
    message = first["msg"].removeprefix("Value error, ")
    kind = "word_or_mapping" if is_word and first["type"] == "literal_error" else first["type"]
    en, ko = _ADVICE.get(kind, (f"{message}; correct it", f"값을 고치세요({message})"))
    return error_at(path, first["loc"], en.format(**context), ko.format(**context).replace("' or '", "', '"))


def error_at(path: Path, location: tuple[int | str, ...], en: str, ko: str) -> ContentError:
    """The error at one place of a file which is YAML; `location` is pydantic's."""
    from handler.yaml_text import trace

    line, steps = trace(path.read_text(encoding="utf-8"), location)
    where = ".".join(str(step) for step in steps)
    return ContentError(path, line, f"{where or 'the file'}: {en}", f"{where or '파일'}: {ko}")


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """The 1-based line of a pydantic error location in YAML text: of its deepest part that the text has."""
    from handler.yaml_text import trace

    return trace(text, location)[0]
