"""Patterns around a word: which alternatives they have, and where they fit."""

import pytest
import regex

from handler.checks.frames import Around, framed, halves, seen, split

TEXT = "면 소재와 울 100% 혼방"
WOOL = (6, 7)


@pytest.mark.parametrize(
    ("pattern", "alternatives"),
    [
        (r"{term}\s?소재", [("", r"\s?소재")]),
        (r"\d%\s{term}", [(r"(?<=(\d%\s))", "")]),
        (r"{term} 100%|100% {term}", [("", " 100%"), ("(?<=(100% ))", "")]),
        (r"밀랍처럼|{term}\s?차", [(None, "밀랍처럼"), ("", r"\s?차")]),
        (r"[|(]{term}(?:a|b)", [("(?<=([|(]))", "(?:a|b)")]),
        (r"\({term}\|", [(r"(?<=(\())", r"\|")]),
    ],
)
def test_a_pattern_is_cut_at_its_term_in_each_alternative(
    pattern: str, alternatives: list[tuple[str | None, str]]
) -> None:
    """Bars and brackets count only where they are neither escaped nor in a class."""
    assert list(split(pattern)) == alternatives


@pytest.mark.parametrize("pattern", [r"(?:{term}\s)?소재", r"{term}\s{term}"])
def test_a_term_in_brackets_or_twice_is_refused(pattern: str) -> None:
    """It could not be tried at one word."""
    with pytest.raises(regex.error, match="stands in brackets or twice"):
        list(halves(pattern))


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        (r"{term}\s?\d+%", (6, 12)),
        (r"와\s{term}", (4, 7)),
        (r"소재와\s{term}\s100%", (2, 12)),
        (r"(?=울|은){term}", (6, 7)),
        (r"{term}\s?소재", None),
        (r"면\s{term}", None),
    ],
)
def test_a_frame_fits_by_what_is_around_the_word(pattern: str, span: tuple[int, int] | None) -> None:
    """In front of it, behind it, and in the word itself."""
    found = [around for _, around in framed(pattern, [(WOOL, "wool")], TEXT)]
    assert found == ([span] if span else [])


def test_of_words_that_start_together_the_longest_is_framed() -> None:
    """와인레드 컬러 is no wine."""
    words = [((0, 4), "wine red"), ((0, 2), "wine")]
    assert [word for word, _ in framed(r"{term}[^.]{0,9}컬러", words, "와인레드 컬러")] == [words[0]]


def test_what_an_exception_is_about_is_told() -> None:
    """By its group `item`, whichever side of the word that stands on."""
    assert list(seen(r"{term}\s(?P<item>바지)", [(0, 2)], "블랙 바지")) == [Around((0, 5), "바지")]
    assert list(seen(r"(?P<item>바지)는\s{term}", [(4, 6)], "바지는 블랙")) == [Around((0, 6), "바지")]
    assert list(seen(r"실크\s?로드", [], "실크로드")) == [Around((0, 4))]
