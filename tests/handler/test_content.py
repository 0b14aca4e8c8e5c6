"""Planner files: read as text, and refused with file, line and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import AfterValidator, Field

from handler.content import Content, ContentError, error_at, line_of, read


def _is_even(number: int) -> int:
    if number % 2:
        raise ValueError("give an even number")
    return number


class Entry(Content):
    code: str
    even: Annotated[int, AfterValidator(_is_even)] = 0
    band: tuple[int, int] | None = None
    tags: tuple[Annotated[str, Field(min_length=2)], ...] = ()


File = Callable[[str | bytes], Path]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(text: str | bytes) -> Path:
        path = tmp_path / "codes.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("code", ["01", "on", "12:06", "1e3", "null", "0x1F", "2026-11-22", "no", "~", "1_000"])
def test_codes_stay_the_text_that_they_are(file: File, code: str) -> None:
    """YAML has readings of its own for such words; here a code is what stands in the file."""
    assert read(file(f"{code}: {{code: {code}}}"), dict[str, Entry]) == {code: Entry(code=code)}


def test_numbers_are_numbers_where_the_model_says_so(file: File) -> None:
    """Text is typed by the model, not by its look."""
    assert read(file("{code: '1', even: 4, band: [1, 2]}"), Entry) == Entry(code="1", even=4, band=(1, 2))


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ("a:\n  code: x\n  cod: y\n", 3, "a.cod: is no key here; remove it or correct the word"),
        ("a:\n  even: 2\n", 1, "a.code: is missing; add it"),
        ("a: {code: x}\nb:\n  code: y\n  even: 3\n", 4, "b.even: give an even number"),
        ("a:\n  code: x\n  tags:\n  - long\n  - s\n", 5, "a.tags.1: is too short; write 2 or more characters"),
        ("a:\n  code: x\n  band: [1, b]\n", 3, "a.band.1: must be a whole number; correct it"),
        ("a: {code: x}\nb: {code: y}\na: {code: z}\n", 3, "is not YAML: 'a' stands twice; keep one"),
        ("a:\n  code: x\n  code: x\n", 3, "is not YAML: 'code' stands twice; keep one"),
        ("a: x\nb: &b [*b]\n", 1, "is not YAML: an alias holds itself; write out what it stands for"),
        ("a: x\n? [b]\n: y\n", 2, "is not YAML: a key must be one word or text"),
        ("a: {code: x\n", 2, "is not YAML: "),
        ("a: x\n  b: y\n", 2, "is not YAML: "),
        ("- a\n- b\n", 1, "the file: must be keys with values; write key: value"),
        ("", 1, "the file: must be keys with values; write key: value"),
        ("just words", 1, "the file: must be keys with values; write key: value"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what_to_do(file: File, text: str, line: int, advice: str) -> None:
    """The message reads `file:line: what to do`, so that an editor jumps there."""
    path = file(text)
    with pytest.raises(ContentError) as caught:
        read(path, dict[str, Entry])
    assert str(caught.value).startswith(f"{path}:{line}: {advice}")
    assert (caught.value.path, caught.value.line) == (path, line)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """A file that is not there is named like any other mistake."""
    with pytest.raises(ContentError, match=r"codes\.yaml:1: does not exist; write it"):
        read(tmp_path / "codes.yaml", Entry)


def test_a_file_in_another_encoding_is_said(file: File) -> None:
    """What a Korean spreadsheet saves as CP949 must become UTF-8."""
    with pytest.raises(ContentError, match=r":1: cannot be read .*; write the file in UTF-8"):
        read(file("code: 검정".encode("cp949")), Entry)


def test_what_was_read_does_not_change(file: File) -> None:
    """Threads share it."""
    entry = read(file("code: x"), Entry)
    with pytest.raises(ValueError, match="frozen"):
        entry.code = "y"  # type: ignore[misc]


def test_an_error_can_be_placed_after_reading(file: File) -> None:
    """Rules that span files name the line as the reader does."""
    path = file("a:\n  code: x\n  tags:\n  - one\n")
    error = error_at(path, ("a", "tags", 0), "give two", "둘을 쓰세요")
    assert str(error) == f"{path}:4: a.tags.0: give two"
    assert error.ko == "a.tags.0: 둘을 쓰세요"


@pytest.mark.parametrize(
    ("location", "line"),
    [(("b", "tags", 1), 5), (("b", "tags", 9), 3), (("b", "union", "tags"), 3), (("zz",), 1), ((), 1)],
)
def test_a_line_is_that_of_the_deepest_part_that_there_is(location: tuple[int | str, ...], line: int) -> None:
    """pydantic's locations have steps, of unions and beyond the end, that the text has not."""
    assert line_of("a: 1\nb:\n  tags:\n  - x\n  - y\n", location) == line


def test_an_empty_text_has_one_line() -> None:
    """Nothing to point at: the top."""
    assert line_of("", ("a",)) == 1
