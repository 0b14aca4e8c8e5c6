"""Grounding: which facts bear out which claims."""

from functools import cache
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from handler.checks.evidence import folded
from handler.checks.grounding import check_grounding
from handler.checks.lexicon import Lexicon, Term
from handler.checks.rules import Rules, load_rules
from handler.facts import Facts

RULES = Path(__file__).parents[1] / "rules"

DIGITS = regex.findall(r"\p{Nd}", "".join(map(chr, range(0x110000))))


@cache
def rules() -> Rules:
    families = ("numbers", "colours", "materials", "functions", "latin")
    return load_rules(RULES, claims=(), grounding=families)


def found(text: str, attributes: dict[str, str], *, name: str = "상품", language: str = "ko") -> list[tuple[str, str]]:
    facts = Facts(name=name, category=(), attributes=tuple((key, (value,)) for key, value in attributes.items()))
    claims = check_grounding(text, facts=facts, language=language, rules=rules())
    return [(violation.code, violation.excerpt) for violation in claims]


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("청량한 블루가 돋보여요", {"색상": "스카이 블루"}),
        ("순면의 촉감이에요", {"material": "Cotton 100%"}),
        ("울 소재예요", {"소재": "메리노울 100%"}),
        ("생활방수 가방이에요", {"기능": "방수"}),
        ("방수 가방이에요", {"방수": "가능"}),
        ("자외선 차단 크림이에요", {"기능": "SPF50+"}),
        ("500ml를 담아요", {"용량": "0.5L"}),
        ("500ml를 담아요", {"용량(ml)": "500"}),
        ("500ml를 담아요", {"용량ml": "500"}),
        ("가로 30cm, 세로 40cm예요", {"크기": "30 x 40 x 10 cm"}),
        ("가로 150cm, 세로 230cm예요", {"크기(cm)": "150x230"}),
        ("가로 150cm, 세로 230cm예요", {"크기": "150 X 230 (cm)"}),
        ("가로 150cm, 세로 230cm, 높이 2cm예요", {"크기": "W150xD230xH2cm"}),
        ("가로 30cm, 세로 20cm예요", {"크기(cm)": "가로30*세로20*높이10"}),
        ("가로 30cm, 세로 20cm예요", {"크기": "가로30*세로20*높이10cm"}),
        ("500ml 병 20개예요", {"용량": "500mlx20"}),
        ("150x230cm예요", {"크기": "150×230cm"}),
        ("150 x 230cm예요", {"크기": "150*230cm"}),
        ("10~15도를 지켜요", {"온도": "10~15도"}),
        ("12도를 지켜요", {"온도": "10~15도"}),
        ("69cm 화면이에요", {"화면": "27인치"}),
        ("세 가지 컬러예요", {"구성": "3종"}),
        ("1,000ml를 담아요", {"용량": "1L"}),
        ("Nike의 에어예요", {"브랜드": "NIKEAIR"}),
        ("S부터 XL까지 골라요", {"사이즈": "S, M, L, XL"}),
        ("V7과 K2예요", {"모델": "V7", "브랜드": "K2"}),
        ("M2예요", {"모델": "M-2"}),
    ],
)
def test_facts_bear_out_the_same_in_other_words(text: str, attributes: dict[str, str]) -> None:
    """Synonyms, broader words, other units, other spacing, sizes and the other language are the same fact."""
    assert found(text, attributes) == []


@pytest.mark.parametrize(
    ("text", "attributes", "expected"),
    [
        ("스카이블루 셔츠예요", {"색상": "블루"}, ("colours", "스카이블루")),
        ("순면의 촉감이에요", {"소재": "면 60%, 폴리 40%"}, ("materials", "순면")),
        ("가죽 가방이에요", {"소재": "인조가죽"}, ("materials", "가죽")),
        ("메리노 울이에요", {"소재": "울 100%"}, ("materials", "메리노 울")),
        ("100% 울이에요", {"지역": "서울"}, ("materials", "100% 울")),
        ("방수 가방이에요", {"방수": "불가"}, ("functions", "방수")),
        ("방수 가방이에요", {"기능": "생활방수"}, ("functions", "방수")),
        ("500g이에요", {"중량": "500"}, ("numbers", "500g")),
        ("200g이에요", {"중량": "199.6g"}, ("numbers", "200g")),
        ("1m예요", {"길이": "70cm"}, ("numbers", "1m")),
        ("가로 160cm예요", {"크기(cm)": "150x230"}, ("numbers", "160cm")),
        ("25개예요", {"용량": "500mlx20"}, ("numbers", "25개")),
        ("3만 번의 손길이에요", {"구성": "3"}, ("numbers", "3만 번")),
        ("2024 신상이에요", {"색상": "화이트"}, ("numbers", "2024")),
        ("XL까지 있어요", {"사이즈": "XXL"}, ("latin", "XL")),
        ("14K 반지예요", {"소재": "18K"}, ("latin", "14K")),
        ("V7이에요", {"모델": "V70"}, ("latin", "V7")),
    ],
)
def test_what_facts_do_not_say_is_named(text: str, attributes: dict[str, str], expected: tuple[str, str]) -> None:
    """A narrower, stronger, denied or different thing is not in the facts."""
    assert expected in found(text, attributes)


def test_a_matching_piece_may_have_its_own_colour_but_the_product_may_not() -> None:
    """Black slacks beside a white tee are styling; a black tee is an invented colour."""
    assert found("블랙 슬랙스와 함께 입어요", {}, name="화이트 티셔츠") == []
    assert found("블랙 티셔츠와 함께 입어요", {}, name="화이트 티셔츠") == [("colours", "블랙")]


@given(digit=st.sampled_from(DIGITS))
def test_a_digit_of_any_script_is_read_or_passed_over(digit: str) -> None:
    """Unicode grows: a digit that Decimal does not know yet must not stop a judgement."""
    attributes = {f"총장{digit}": f"{digit}cm", "중량(g)": digit}
    assert ("numbers", "7cm") in found(f"7cm, {digit}cm, {digit}.{digit}예요", attributes) or "7" in folded(digit)


def test_only_listed_families_are_checked() -> None:
    """A task that lists colours alone leaves materials to others."""
    colours = load_rules(RULES, claims=(), grounding=("colours",))
    facts = Facts(name="상품", category=(), attributes=())
    found = check_grounding("블랙 캐시미어", facts=facts, language="ko", rules=colours)
    assert [violation.code for violation in found] == ["colours"]


def test_english_names_are_words_with_a_capital_inside_a_sentence() -> None:
    """English copy is all Latin, so only names need a fact there."""
    assert found("Soft and easy. Made for Sunday walks.", {}, language="en") == []
    assert found("Soft like Zara basics.", {}, language="en") == [("latin", "Zara")]
    assert found("The Gen Z Zara look.", {}, language="en") == [("latin", "Zara")]


def test_an_exception_may_be_about_any_word_of_the_family() -> None:
    """`{term}` of an exception stands for the words that need a frame, too."""
    terms = {"wool": Term(framed=("울",)), "linen": Term(words=("린넨",))}
    lexicon = Lexicon(terms, frames=(r"{term}\s?소재",), excepted=(r"{term}(?:\s?소재)?\s?같은",))
    assert [hit.label for hit in lexicon.claims("울 소재와 린넨")] == ["wool", "linen"]
    assert lexicon.claims("울 소재 같은 촉감, 린넨 같은 결") == []


def test_claims_on_one_word_have_one_order() -> None:
    """By their places, in every process: the model is asked the same again, and the same question is paid once."""
    endings = ["혼방", "소재", "원단", "섬유", "재질", "안감", "겉감", "함유"]
    frames = tuple(rf"{{term}}(?=.*{ending}).{{{number}}}" for number, ending in enumerate(endings))
    lexicon = Lexicon({"linen": Term(framed=("린넨",))}, frames=frames)
    ends = [hit.seen[1] for hit in lexicon.claims(f"린넨 {' '.join(endings)}")]
    assert ends == list(range(2, 2 + len(endings)))
