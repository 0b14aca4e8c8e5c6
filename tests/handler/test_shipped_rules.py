"""The rules and labels as they ship: what must pass, what must fail, and what the catalogue is asked.

These tests are about prompts/ itself, not about the code; an edit that changes what the lists below mean shows here.
"""

import json
from functools import cache
from pathlib import Path

import pytest
from enricher import MODEL_ID

from handler.checks import Violation
from handler.checks.rules import Rules, load_rules
from handler.checks.text import check_text
from handler.converse import estimate_tokens
from handler.facts import Facts
from handler.question import question_of
from handler.task_folders import load_prompts
from handler.tasks import Task
from workbench.trials import rule_problems

PROMPTS = Path(__file__).parents[2] / "prompts"
SHARED = PROMPTS / "shared"
FAMILIES = ("numbers", "colours", "materials", "origin", "ingredients", "functions", "latin")
PACKS = ("claims-ko", "promotion-ko", "claims-en", "promotion-en")

TEE = Facts(
    name="국민 1위 화이트 코튼 베이직 티셔츠",
    category=("패션의류", "여성의류", "티셔츠"),
    attributes=(("소재", ("면 100%",)), ("색상", ("화이트",)), ("핏", ("레귤러핏",))),
    brand="모닝웨이브",
)
TOP = Facts("소프트 라운드 니트", ("여성의류", "니트"), (("색상", ("차콜/오트밀멜/먹색",)), ("소매", ("7.5부",))))
GEN_Z_COPY = (
    "매일 손이 가는 기본템 찾고 있었다면 주목! 부드러운 코튼 100%라 하루 종일 편안하고, 깔끔한 화이트 컬러라 "
    "어떤 코디에도 찰떡이에요. 청바지에 툭 걸쳐도, 슬랙스에 쏙 넣어 입어도 꾸안꾸 룩 완성! 오늘의 OOTD는 너로 정했다 💕"
)


@cache
def rules() -> Rules:
    return load_rules(SHARED, claims=PACKS, grounding=FAMILIES)


def judged(
    text: str, *, facts: Facts = TEE, language: str = "ko", length: tuple[int, int] = (1, 400)
) -> tuple[Violation, ...]:
    return check_text(text, facts=facts, language=language, length=length, emoji=True, rules=rules())


def codes(text: str, *, facts: Facts = TEE, language: str = "ko") -> list[str]:
    return [violation.code for violation in judged(text, facts=facts, language=language)]


def product(name: str = "상품", **attributes: str) -> Facts:
    return Facts(name=name, category=(), attributes=tuple((key, (value,)) for key, value in attributes.items()))


def found(text: str, attributes: dict[str, str], *, name: str = "셔츠") -> list[tuple[str, str]]:
    return [(violation.code, violation.excerpt) for violation in judged(text, facts=product(name, **attributes))]


@pytest.fixture(scope="module")
def attributes_task() -> Task:
    """The attributes task of the project itself."""
    (task,) = (task for task in load_prompts(PROMPTS, MODEL_ID).tasks if task.name == "attributes")
    return task


def test_the_shipped_files_prove_themselves() -> None:
    """Every rule's own pass sentences pass and its fail sentences fail, in all languages."""
    assert rule_problems(SHARED, claims=PACKS, grounding=FAMILIES) == ()


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


def test_english_copy_is_judged_by_english_rules() -> None:
    """The same Korean facts bear out English copy, and the English packs hold it."""
    assert codes("Soft cotton, easy white, ready for every weekend.", language="en") == []
    assert "materials" in codes("A cashmere touch for every morning.", language="en")
    assert "shipping" in codes("Free shipping on this easy tee.", language="en")
    assert "latin" in codes("Wear it like Zara would.", language="en")


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("청량한 블루가 돋보여요", {"색상": "스카이 블루"}),
        ("맑은 하늘색 셔츠예요", {"컬러": "스카이블루"}),
        ("버건디 니트예요", {"색상": "와인"}),
        ("회색 니트예요", {"색상": "차콜"}),
        ("순면의 촉감이에요", {"material": "Cotton 100%"}),
        ("코튼의 촉감이에요", {"소재": "면혼방"}),
        ("리넨 100%예요", {"소재": "린넨 100%"}),
        ("울의 포근함이에요", {"소재": "메리노울 100%"}),
        ("비건 레더 가방이에요", {"소재": "합성피혁"}),
        ("18K 골드 반지예요", {"소재": "18K 골드"}),
        ("이탈리아산 가죽이에요", {"소재": "소가죽", "원산지": "이탈리아"}),
        ("국내에서 만든 국산 가방이에요", {"제조국": "대한민국"}),
        ("비타민C를 담았어요", {"성분": "비타민 C"}),
        ("자외선 차단 크림이에요", {"기능": "SPF50+"}),
        ("생활방수 가방이에요", {"기능": "방수"}),
        ("방수 가방이에요", {"방수": "가능"}),
        ("통기성이 좋아요", {"소재": "면 100%"}),
        ("500ml를 담아요", {"용량": "0.5L"}),
        ("500ml를 담아요", {"용량(ml)": "500"}),
        ("가로 30cm, 세로 40cm예요", {"크기": "30 x 40 x 10 cm"}),
        ("10~15도를 지켜요", {"온도": "10~15도"}),
        ("69cm 화면이에요", {"화면": "27인치"}),
        ("세 가지 컬러예요", {"구성": "3종"}),
        ("3종 세트예요", {"구성": "3"}),
        ("1,000ml를 담아요", {"용량": "1L"}),
        ("Nike의 에어예요", {"브랜드": "NIKEAIR"}),
        ("NEW BALANCE의 운동화예요", {"브랜드": "뉴발란스(NewBalance)"}),
        ("S부터 XL까지 골라요", {"사이즈": "S, M, L, XL"}),
    ],
)
def test_facts_bear_out_the_same_in_other_words(text: str, attributes: dict[str, str]) -> None:
    """Synonyms, broader words, other units, other spacing and the other language are the same fact."""
    assert found(text, attributes) == []


@pytest.mark.parametrize(
    ("text", "attributes", "expected"),
    [
        ("스카이블루 셔츠예요", {"색상": "블루"}, ("colours", "스카이블루")),
        ("골드 버튼이 포인트예요", {"색상": "화이트"}, ("colours", "골드 버튼")),
        ("순면의 촉감이에요", {"소재": "면 60%, 폴리 40%"}, ("materials", "순면")),
        ("가죽 가방이에요", {"소재": "인조가죽"}, ("materials", "가죽")),
        ("메리노 울이에요", {"소재": "울 100%"}, ("materials", "메리노 울")),
        ("100% 울로 만들었어요", {"지역": "서울"}, ("materials", "100% 울")),
        ("금 같은 광택이에요", {"색상": "골드톤"}, ("materials", "금 같은")),
        ("이탈리아산 가죽이에요", {"소재": "소가죽", "분위기": "이탈리아 감성"}, ("origin", "이탈리아산")),
        ("국산 가방이에요", {"원산지": "중국산"}, ("origin", "국산")),
        ("방수 가방이에요", {"방수": "불가"}, ("functions", "방수")),
        ("방수 가방이에요", {"기능": "생활방수"}, ("functions", "방수")),
        ("500g이에요", {"중량": "500"}, ("numbers", "500g")),
        ("200g이에요", {"중량": "199.6g"}, ("numbers", "200g")),
        ("1m예요", {"길이": "70cm"}, ("numbers", "1m")),
        ("3만 번의 손길이에요", {"구성": "3"}, ("numbers", "3만 번")),
        ("2024 신상이에요", {"색상": "화이트"}, ("numbers", "2024")),
        ("XL까지 있어요", {"사이즈": "XXL"}, ("latin", "XL")),
        ("14K 반지예요", {"소재": "18K"}, ("latin", "14K")),
    ],
)
def test_what_facts_do_not_say_is_named(text: str, attributes: dict[str, str], expected: tuple[str, str]) -> None:
    """A narrower, stronger, denied or different thing is not in the facts."""
    assert expected in found(text, attributes)


def test_a_matching_piece_may_have_its_own_colour_but_the_product_may_not() -> None:
    """Black slacks beside a white tee are styling; a black tee is an invented colour."""
    assert found("블랙 슬랙스와 함께 입어요", {}, name="화이트 티셔츠") == []
    assert found("블랙 티셔츠와 함께 입어요", {}, name="화이트 티셔츠") == [("colours", "블랙")]


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


def test_sleeves_and_necks_are_asked_of_tops_alone(attributes_task: Task) -> None:
    """By the category, whatever a shop calls its levels; the rest is not_applicable and costs nothing."""
    tops = ["티셔츠", "셔츠/남방", "블라우스", "니트/가디건", "원피스", "재킷", "트렌치코트", "패딩/다운", "조끼"]
    others = ["팬츠", "스커트", "니트 스커트", "패딩바지", "청바지", "속옷"]
    color_and_print = ["Color", "Print"]
    asked = {leaf: [*attributes_task.codes.applicable(("패션의류", "여성의류", leaf))] for leaf in (*tops, *others)}
    assert asked == {leaf: [*color_and_print, "SleeveLength", "Neckline"] for leaf in tops} | dict.fromkeys(
        others, color_and_print
    )
    assert [*attributes_task.codes.applicable(("패션잡화", "가방"))] == color_and_print
    assert [*attributes_task.codes.applicable(("신발", "운동화"))] == color_and_print
    for elsewhere in [("스포츠", "테니스", "코트용품"), ("가전", "의류관리기"), ("도서", "베스트")]:
        assert [*attributes_task.codes.applicable(elsewhere)] == []


def test_the_question_of_a_top_keeps_to_its_budget(attributes_task: Task) -> None:
    """All four attributes at once; what stands after the cached prefix is a photo and a few words."""
    request = question_of(attributes_task, TOP, "").request(())
    assert request is not None
    assert request.prefix.tool_schema is not None
    assert list(request.prefix.tool_schema["properties"]) == ["Color", "Print", "SleeveLength", "Neckline"]
    assert request.prefix.tokens <= 1_800
    assert estimate_tokens(request.text) <= 250


def test_the_prompt_tells_how_labels_stand_to_each_other(attributes_task: Task) -> None:
    """What a label is a kind of and what stands alone; never a code."""
    system = attributes_task.prefix(attributes=tuple(attributes_task.codes.root)).system
    lines = system.splitlines()
    for attribute in attributes_task.codes.root.values():
        for label, entry in attribute.labels.items():
            alone = " (alone)" if entry.alone == "yes" else ""
            kind = f", a kind of {entry.within}" if entry.within else ""
            head = f"- {label}{alone}{kind}"
            assert any(line == head or line.startswith(f"{head}: ") for line in lines)
    assert '"01"' not in system


@pytest.mark.parametrize("names", [["Color", "Print", "SleeveLength", "Neckline"], ["Color", "Print"], ["Neckline"]])
def test_examples_answer_what_is_asked_and_nothing_else(attributes_task: Task, names: list[str]) -> None:
    """One that leaves out an attribute, or names another, would mislead: only whole answers are shown."""
    system = attributes_task.prefix(attributes=tuple(names)).system
    shown = [json.loads(line.removeprefix("Record: ")) for line in system.splitlines() if line.startswith("Record: ")]
    assert all(list(answer) == names for answer in shown)
