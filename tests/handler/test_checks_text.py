"""Copy as a whole: what a judgement says, and what no text may do to the checks."""

import unicodedata
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.checks import Violation
from handler.checks.rules import Rules, load_rules
from handler.checks.text import MOST_VIOLATIONS, check_text
from handler.facts import Facts

RULES = Path(__file__).parents[1] / "rules"
FAMILIES = ("numbers", "colours", "materials", "functions", "latin")
PACKS = ("claims-ko", "claims-en")

TEE = Facts(
    name="국민 1위 화이트 코튼 베이직 티셔츠",
    category=("패션의류", "여성의류", "티셔츠"),
    attributes=(("소재", ("면 100%",)), ("색상", ("화이트",)), ("핏", ("레귤러핏",))),
    brand="모닝웨이브",
)


@cache
def rules() -> Rules:
    return load_rules(RULES, claims=PACKS, grounding=FAMILIES)


def judged(
    text: str, *, facts: Facts = TEE, language: str = "ko", length: tuple[int, int] = (1, 400), emoji: bool = True
) -> tuple[Violation, ...]:
    return check_text(text, facts=facts, language=language, length=length, emoji=emoji, rules=rules())


def codes(text: str, *, facts: Facts = TEE, language: str = "ko") -> list[str]:
    return [violation.code for violation in judged(text, facts=facts, language=language)]


def test_full_width_digits_do_not_hide_a_claim() -> None:
    """Signs of another width read the same: １위 is 1위."""
    assert "superlative" in codes("국민 １위 티셔츠예요.")


@pytest.mark.parametrize("text", ["단 연 최 고 의 티셔츠예요.", "품.절.대.란 티셔츠예요.", "블 랙 컬 러 티셔츠예요."])
def test_a_word_spelled_out_syllable_by_syllable_is_judged_as_that_word(text: str) -> None:
    """Readers join the syllables, and so do the checks."""
    assert codes(text) != []


def test_short_words_in_a_row_are_no_hidden_word() -> None:
    """Korean has many words of one syllable."""
    assert codes("이 옷 한 번 더 입고 내 방 안 볕 드는 곳에 앉아요.") == []


def test_violations_tell_the_model_and_the_planner() -> None:
    """The model reads the excerpt between “ and ” with what to change; the planner reads Korean."""
    (found,) = judged("시크한 블랙 티셔츠예요.")
    assert found.excerpt == "블랙"
    assert found.en.startswith("“블랙”: ")
    assert found.ko.startswith("“블랙”: 상품 정보에 없는 색")


def test_one_place_is_named_once() -> None:
    """A repeated breach is one violation, and their number stays readable."""
    assert codes("블랙, 블랙, 블랙 티셔츠예요.") == ["colours"]
    brands = " ".join(f"Brand{chr(97 + i)}{chr(97 + j)} 감성을 담고" for i in range(10) for j in range(5))
    assert len(judged(brands, length=(1, 2000))) == MOST_VIOLATIONS


def test_a_language_without_rules_cannot_be_judged() -> None:
    """Packs of one language alone do not let copy of another through unchecked."""
    korean = load_rules(RULES, claims=("claims-ko",), grounding=())
    assert set(korean.languages) == {"ko"}
    with pytest.raises(KeyError):
        check_text("Best tee.", facts=TEE, language="en", length=(1, 99), emoji=True, rules=korean)


def test_text_far_too_long_is_judged_for_length_alone() -> None:
    """A runaway answer costs no time in the patterns."""
    assert [v.code for v in judged("블랙 " * 30_000, length=(110, 190))] == ["length"]


PIECES = st.sampled_from(
    [
        "면",
        " 100%",
        "블랙",
        "빛 ",
        "이탈리아",
        "산",
        "12",
        ".5",
        "cm",
        " Nike",
        "최고",
        "방수",
        "😀",
        "<b>",
        "\n",
        "“",
        "#",
        "{",
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join))
ANY_FACTS = st.builds(
    Facts,
    name=TEXTS,
    category=st.lists(TEXTS, max_size=2).map(tuple),
    attributes=st.lists(st.tuples(TEXTS, st.lists(TEXTS, max_size=2).map(tuple)), max_size=3).map(tuple),
)


@settings(deadline=None, max_examples=150)
@given(text=TEXTS, facts=ANY_FACTS, language=st.sampled_from(["ko", "en"]), emoji=st.booleans())
def test_any_text_gets_well_formed_violations(text: str, facts: Facts, language: str, emoji: bool) -> None:
    """Whatever the model says, the checks answer: codes of one form, and sentences for both readers."""
    for found in judged(text, facts=facts, language=language, length=(10, 100), emoji=emoji):
        assert found.code.isalnum()
        assert found.code == found.code.lower()
        assert found.en.startswith(f"“{found.excerpt}”: ")
        assert found.ko
        assert "\n" not in found.en


@settings(deadline=None, max_examples=100)
@given(text=TEXTS)
def test_decomposed_text_is_judged_like_composed_text(text: str) -> None:
    """macOS writes Hangul decomposed; it is the same text."""
    decomposed, composed = unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text)
    assert judged(decomposed) == judged(composed)
