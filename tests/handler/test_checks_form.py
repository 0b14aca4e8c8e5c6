"""The form of copy: length, language, markup, contacts, leftovers, emoji."""

import pytest

from handler.checks.form import check_form, check_language, check_length
from handler.checks.rules import Language
from handler.facts import Facts

KOREAN = Language.model_validate({"name": "Korean", "script": "Hangul", "also": ["Latin"], "share": "0.5"})
ENGLISH = Language.model_validate({"name": "English", "script": "Latin", "share": "0.9"})
FACTS = Facts(name="오리지널 SUPERSTAR MORNING 티셔츠", category=(), attributes=())


@pytest.mark.parametrize("text", ["가나다", "a\u0301bc", "👨‍👩‍👧가나", "한\u1112\u1161\u11abc"])
def test_length_counts_what_readers_see(text: str) -> None:
    """A family emoji, an accented letter and a decomposed syllable are one each."""
    assert list(check_length(text, (3, 3))) == []


def test_length_says_by_how_much() -> None:
    """The model is told what to add or to cut."""
    (short,) = check_length("가나다", (5, 8))
    (long,) = check_length("가나다라마바사아자", (5, 8))
    assert "lengthen it by at least 2 to have 5 to 8" in short.en
    assert "shorten it by at least 1 to have 5 to 8" in long.en


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<b>부드러운</b> 티셔츠", "markup"),
        ("부드러운 &nbsp; 티셔츠", "markup"),
        ("**부드러운** 티셔츠", "markup"),
        ("- 부드러운 티셔츠", "markup"),
        ("# 부드러운 티셔츠", "markup"),
        ("```부드러운```", "markup"),
        ("[여기](링크)를 보세요", "markup"),
        ("https://example.com 에서", "url"),
        ("www.example.com 에서", "url"),
        ("example.co.kr에서 만나요", "url"),
        ("me@example.com 으로", "email"),
        ("010-1234-5678 로", "phone"),
        ("+82 10 1234 5678 로", "phone"),
        ("1588-1234 로", "phone"),
        ("오늘의 #데일리룩", "hashtag"),
        ("@morning_wave 를 보세요", "hashtag"),
        ("Here is the description: 부드러운", "leftover"),
        ("Sure! 부드러운 티셔츠", "leftover"),
        ("설명: 부드러운 티셔츠", "leftover"),
        ("다음은 요청하신 상품 설명입니다. 부드러운", "leftover"),
        ('{"description": "부드러운"}', "leftover"),
        ("<product>부드러운", "markup"),
        ("[상품명]의 부드러움", "leftover"),
        ("부드러운 티셔츠 (129자 내외)", "leftover"),
        ("죄송하지만 작성할 수 없습니다", "leftover"),
        ("“부드러운 티셔츠”", "quoted"),
        ("부드러운\n\n티셔츠", "linebreaks"),
        ("부드러운\n티셔츠\n하나", "linebreaks"),
        ("부드러운\u200b티셔츠", "control"),
        ("부드러운\x07티셔츠", "control"),
    ],
)
def test_what_never_belongs_into_copy(text: str, code: str) -> None:
    """Markup, links, contacts, remains of the conversation and broken signs are named."""
    assert code in [violation.code for violation in check_form(text, emoji=True)]


@pytest.mark.parametrize(
    "text",
    [
        "“오늘 뭐 입지?” 고민될 땐 이 티셔츠!",
        "가볍게 & 편안하게, 3.5cm의 여유",
        "설명이 필요 없는 기본템: 그게 바로 너",
        "첫 줄은 이렇게\n둘째 줄은 저렇게",
        "12~15도 날씨엔 1:1로 맞춘 듯한 핏 ~♪",
        "Original® 로고 ©",
    ],
)
def test_ordinary_punctuation_is_form_enough(text: str) -> None:
    """Quotation marks, ampersands, colons, one line break and trade signs are ordinary copy."""
    assert list(check_form(text, emoji=True)) == []


SIGNS = [
    "\u200d",
    "\ufe0f",
    "\u034f",
    "\u3164",
    "\u115f",
    "\u1160",
    "\uffa0",
    "\u2800",
    "\u0301",
    "\u20e3",
    "\U000e0101",
    "\u00ad",
    "\u2060",
]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(("before", "after"), [("최", "고"), ("free", "shipping"), ("70", "cm")])
def test_no_sign_that_nobody_sees_stands_inside_a_word(sign: str, before: str, after: str) -> None:
    """It would hide the word from every rule while readers see the word; its code point is shown."""
    found = list(check_form(f"{before}{sign}{after}", emoji=True))
    keycap = sign == "\u20e3" and before.isdigit()
    assert [(violation.code, violation.excerpt) for violation in found] == (
        [] if keycap else [("control", f"U+{ord(sign):04X}")]
    )


def test_a_space_too_narrow_to_be_seen_parts_no_word() -> None:
    """A hair space hides a word, too; between a number and its unit it is typography."""
    assert [violation.code for violation in check_form("최\u200a고", emoji=True)] == ["control"]
    assert list(check_form("70\u202fcm", emoji=True)) == []


@pytest.mark.parametrize(
    "text",
    ["👨‍👩‍👧 가족", "❤️‍🔥 마음", "1️⃣ 하나, #️⃣ 둘, 3⃣ 셋", "🏳️‍🌈 무지개", "👩🏽‍🚀 별", "☀️ 햇살", "©️ 로고", "ผ้าฝ้าย 이름"],
)
def test_joiners_and_marks_of_emoji_are_form_enough(text: str) -> None:
    """Families, keycaps and hearts are made with them, and so are words of scripts that need marks."""
    assert list(check_form(text, emoji=True)) == []


def test_an_invisible_character_is_shown_by_its_code_point() -> None:
    """An excerpt that nobody can see would help nobody."""
    (found,) = check_form("부드러운\u200b티셔츠", emoji=True)
    assert found.excerpt == "U+200B"


def test_emoji_only_where_the_persona_has_them() -> None:
    """The same copy passes or fails by the persona; ® is no emoji."""
    assert list(check_form("오늘의 룩 💕", emoji=True)) == []
    assert [v.code for v in check_form("오늘의 룩 💕 🇰🇷 ® 1", emoji=False)] == ["emoji", "emoji"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("SUPERSTAR MORNING의 티", KOREAN),
        ("오늘의 OOTD는 너로 정했다", KOREAN),
        ("A soft tee for slow mornings.", ENGLISH),
        ("The 오리지널 tee for slow mornings.", ENGLISH),
    ],
)
def test_names_from_the_facts_may_stay_in_their_script(text: str, language: Language) -> None:
    """A brand in Latin letters does not make Korean copy English, nor the other way round."""
    assert list(check_language(text, facts=FACTS, language=language)) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A soft tee for slow mornings.", KOREAN),
        ("ふわふわのTシャツです", KOREAN),
        ("부드러운 商品이에요", KOREAN),
        ("부드러운 티셔츠예요", ENGLISH),
        ("A soft 부드러운 tee for slow mornings and long walks.", ENGLISH),
        ("1234!", KOREAN),
        ("총장 ٧٢cm 티셔츠예요", KOREAN),
    ],
)
def test_copy_in_another_language_is_named(text: str, language: Language) -> None:
    """Most letters must be of the language's script; a foreign word must be in the facts."""
    assert {violation.code for violation in check_language(text, facts=FACTS, language=language)} == {"language"}
