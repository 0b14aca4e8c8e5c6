"""Copy as a whole: what must pass, what must fail, and what no text may do to the checks."""

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

SHARED = Path(__file__).parents[2] / "prompts" / "shared"
FAMILIES = ("numbers", "colours", "materials", "origin", "ingredients", "functions", "latin")
PACKS = ("claims-ko", "promotion-ko", "claims-en", "promotion-en")

TEE = Facts(
    name="국민 1위 화이트 코튼 베이직 티셔츠",
    category=("패션의류", "여성의류", "티셔츠"),
    attributes=(("소재", ("면 100%",)), ("색상", ("화이트",)), ("핏", ("레귤러핏",))),
    brand="모닝웨이브",
)
GEN_Z_COPY = (
    "매일 손이 가는 기본템 찾고 있었다면 주목! 부드러운 코튼 100%라 하루 종일 편안하고, 깔끔한 화이트 컬러라 "
    "어떤 코디에도 찰떡이에요. 청바지에 툭 걸쳐도, 슬랙스에 쏙 넣어 입어도 꾸안꾸 룩 완성! 오늘의 OOTD는 너로 정했다 💕"
)


@cache
def rules() -> Rules:
    return load_rules(SHARED, claims=PACKS, grounding=FAMILIES)


def judged(
    text: str, *, facts: Facts = TEE, language: str = "ko", length: tuple[int, int] = (1, 400), emoji: bool = True
) -> tuple[Violation, ...]:
    return check_text(text, facts=facts, language=language, length=length, emoji=emoji, rules=rules())


def codes(text: str, *, facts: Facts = TEE, language: str = "ko") -> list[str]:
    return [violation.code for violation in judged(text, facts=facts, language=language)]


def product(**attributes: str) -> Facts:
    return Facts(name="상품", category=(), attributes=tuple((key, (value,)) for key, value in attributes.items()))


def test_gen_z_fashion_copy_of_a_white_cotton_tee_passes() -> None:
    """Friendly copy of about 129 graphemes, the main job's own answer, breaks no rule."""
    assert judged(GEN_Z_COPY, length=(110, 190)) == ()


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("구름 같은 촉감에 마음까지 포근해져요.", TEE),
        ("하늘을 담은 듯 맑은 하루를 시작해요.", TEE),
        ("핑크빛 설렘이 시작되는 날의 기본템이에요.", TEE),
        ("완벽한 주말을 위한 한 벌이에요.", TEE),
        ("100% 순면의 부드러움을 느껴보세요.", TEE),
        ("걸음마다 살랑이는 주름 스커트예요.", product(상품명="주름 스커트")),
        ("재생 폴리에스터로 만든 가방이에요.", product(소재="재생 폴리에스터 100%")),
        ("암막 커튼으로 아늑한 밤을 만들어요.", product(상품명="암막 커튼")),
        ("치료견 인형이 아이 곁을 지켜줘요.", product(상품명="치료견 인형")),
        ("입으면 겨울 거울 앞도, 등산길도 색다르고 산뜻해요.", TEE),
        ("사계절 24시간, 한 번 입으면 하루 종일 함께해요.", TEE),
        ("블랙 슬랙스와 매치하면 출근 룩도 완성돼요.", TEE),
        ("브레드 모양 인형을 직접 그린 카드와 함께 담아요.", TEE),
    ],
)
def test_harmless_copy_passes(text: str, facts: Facts) -> None:
    """Metaphors, idioms and words that merely contain a banned or ambiguous word are not violations."""
    assert judged(text, facts=facts) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("부드러운 캐시미어 티셔츠예요.", "materials"),
        ("울 혼방이라 포근해요.", "materials"),
        ("실크 같은 광택이 흘러요.", "materials"),
        ("시크한 블랙 티셔츠예요.", "colours"),
        ("은은한 하늘빛 원단이에요.", "colours"),
        ("총장 70cm로 넉넉해요.", "numbers"),
        ("면 60%로 가벼워요.", "numbers"),
        ("두 겹으로 탄탄해요.", "numbers"),
        ("이탈리아산 원단으로 만들었어요.", "origin"),
        ("히알루론산 성분으로 촉촉해요.", "ingredients"),
        ("방수 기능까지 갖췄어요.", "functions"),
        ("항균 처리로 산뜻해요.", "functions"),
        ("UV 차단으로 여름에도 든든해요.", "functions"),
        ("국민 1위 티셔츠를 만나보세요.", "superlative"),
        ("품절대란 티셔츠예요.", "scarcity"),
        ("무료배송으로 보내드려요.", "shipping"),
        ("Zara 감성을 그대로 담은 티셔츠예요.", "latin"),
        ("최고의 티셔츠를 만나보세요.", "superlative"),
        ("아토피 피부에도 좋은 티셔츠예요.", "druglike"),
        ("주름 개선에 도움을 줘요.", "antiwrinkle"),
        ("피부 재생을 도와줘요.", "skineffect"),
    ],
)
def test_invented_or_banned_copy_fails(text: str, code: str) -> None:
    """A claim that the facts do not bear out, or that nobody may make, is named by its code."""
    assert code in codes(text)


def test_full_width_digits_do_not_hide_a_claim() -> None:
    """Signs of another width read the same: １위 is 1위."""
    assert "superlative" in codes("국민 １위 티셔츠예요.")


def test_english_copy_is_judged_by_english_rules() -> None:
    """The same Korean facts bear out English copy, and the English packs hold it."""
    assert codes("Soft cotton, easy white, ready for every weekend.", language="en") == []
    assert "materials" in codes("A cashmere touch for every morning.", language="en")
    assert "shipping" in codes("Free shipping on this easy tee.", language="en")
    assert "latin" in codes("Wear it like Zara would.", language="en")


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
    korean = load_rules(SHARED, claims=("claims-ko",), grounding=())
    assert set(korean.languages) == {"ko"}
    with pytest.raises(KeyError):
        check_text("Best tee.", facts=TEE, language="en", length=(1, 99), emoji=True, rules=korean)


def test_text_far_too_long_is_judged_for_length_alone() -> None:
    """A runaway answer costs no time in the patterns."""
    assert [v.code for v in judged("블랙 " * 30_000, length=(110, 190))] == ["length"]


@pytest.mark.parametrize(
    "unit",
    ["가", "a", "1", "1,", "1~", "면 ", "블랙 진과 ", "<", "[a", "a@", "a.", "\n", "😀", "{", '"', "\u0301", "-"],
)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_repetitive_text_of_any_kind_is_decided(unit: str, language: str) -> None:
    """No pattern backtracks so far that a text of the greatest judged length stays undecided."""
    found = judged((unit * 4_700)[:4_700], language=language, length=(110, 190))
    assert "length" in [violation.code for violation in found]
    assert "undecided" not in [violation.code for violation in found]


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
