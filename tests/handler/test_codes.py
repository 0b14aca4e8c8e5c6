"""Closed code tables: what sellers state, what the model may say, and the mistakes that planners make in them."""

from pathlib import Path
from typing import Any

import pytest
from enricher import MODEL_ID
from hypothesis import given
from hypothesis import strategies as st

from handler.checks.rules import Colour
from handler.codes import Attribute, CodeTable, tool_schema
from handler.content import ContentError, read
from handler.facts import Facts
from handler.task_folders import load_prompts

ROOT = Path(__file__).parents[2]

COLOR: dict[str, Any] = {
    "ko": "색상",
    "applies_to": ["*의류/**", "패션잡화/**"],
    "stated_in": ["색상", "Color"],
    "max": 2,
    "more": "multi",
    "labels": {
        "black": {"code": "01", "ko": "블랙", "also": ["검정", "Off Black"]},
        "white": {"code": "02", "ko": "화이트"},
        "blue": {"code": "06", "ko": "블루", "also": ["인디고", "진청"]},
        "sky-blue": {"code": "09", "ko": "스카이블루", "also": ["하늘색"], "within": "blue"},
        "multi": {"code": "99", "ko": "멀티"},
    },
}
PRINT: dict[str, Any] = {
    "ko": "무늬",
    "stated_in": ["무늬"],
    "max": 2,
    "labels": {
        "solid": {"code": "01", "ko": "무지", "alone": "yes"},
        "stripe": {"code": "02", "ko": "줄무늬"},
        "check": {"code": "03", "ko": "체크"},
        "dot": {"code": "04", "ko": "도트"},
    },
}
color = Attribute.model_validate(COLOR)
prints = Attribute.model_validate(PRINT)
table = CodeTable.model_validate({"Color": COLOR, "Print": PRINT})


def shirt(**attributes: str | tuple[str, ...]) -> Facts:
    values = ((key, (value,) if isinstance(value, str) else value) for key, value in attributes.items())
    return Facts(name="셔츠", category=("남성의류",), attributes=tuple(values))


# What sellers state


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["블랙"], ("black",)),
        (["BLACK"], ("black",)),
        (["off-black"], None),
        (["Off Black"], ("black",)),
        (["offblack"], ("black",)),
        (["스카이 블루"], ("sky-blue",)),
        (["sky_blue"], ("sky-blue",)),
        (["블랙/하늘색"], ("black", "sky-blue")),
        (["화이트, 블랙"], ("white", "black")),
        (["화이트 | 블랙"], ("white", "black")),
        (["화이트·블랙;검정"], ("white", "black")),
        (["화이트", "블랙"], ("white", "black")),
        (["검정", "블랙", "black"], ("black",)),
        (["블랙", "화이트", "하늘색"], ("multi",)),
        (["멀티"], ("multi",)),
        (["멀티/블랙"], None),
        (["블랙", "네온"], None),
        (["블랙 계열"], None),
        (["unknown"], None),
        (["/"], None),
        ([], None),
        (["\u1107\u1173\u11af\u1105\u1162\u11a8"], ("black",)),
        (["01.블랙"], ("black",)),
        (["1) 블랙 / 2) 화이트"], ("black", "white")),
        (["[01] 블랙, #02 화이트"], ("black", "white")),
        (["A. 블랙|B. 화이트"], ("black", "white")),
        (["01_블랙ㆍ02-화이트"], ("black", "white")),
        (["2XL"], None),
        (["블랙(black)"], ("black",)),
        (["black (블랙) 화이트"], None),
        (["블랙 (M)", "블랙 [L]"], ("black",)),
        (["블랙(무광, 유광/M)"], ("black",)),
        (["진청(인디고)"], ("blue",)),
        (["블루(하늘색)"], ("sky-blue",)),
        (["하늘색(블루)"], ("sky-blue",)),
        (["블랙(화이트)"], None),
        (["블루(하늘색)(블랙)"], None),
        (["(블랙)"], None),
        (["블랙 색상"], ("black",)),
        (["블랙색상/white color"], ("black", "white")),
        (["색상"], None),
    ],
)
def test_stated_options_are_labels_or_the_model_is_asked(values: list[str], labels: tuple[str, ...] | None) -> None:
    """Every option must be a known word, in any case, spacing or Unicode form; one that is not makes all a question."""
    assert color.labels_of(values) == labels


def test_without_a_label_for_more_too_many_options_are_a_question() -> None:
    """Which of them leads, only the photo can say."""
    assert prints.labels_of(["줄무늬", "체크"]) == ("stripe", "check")
    assert prints.labels_of(["줄무늬", "체크", "도트"]) is None


def test_a_label_that_stands_alone_is_not_taken_beside_others() -> None:
    """A seller who lists plain and striped has both: which one is shown, the photo must say."""
    assert prints.labels_of(["무지", "무지 무늬"]) == ("solid",)
    assert prints.labels_of(["무지/줄무늬"]) is None


@pytest.mark.parametrize("key", ["색상", "color", "COLOR", "co lor"])
def test_an_attribute_is_stated_under_any_of_its_names(key: str) -> None:
    """Sellers write attribute names as loosely as values."""
    assert color.is_stated_in(key)
    assert color.stated(shirt(**{key: "블랙"})) == ("black",)


def test_options_under_several_names_count_together() -> None:
    """All that the seller says of the colour must be known words; other attributes do not matter."""
    assert color.stated(shirt(색상="블랙", Color="화이트", 무늬="네온")) == ("black", "white")
    assert color.stated(shirt(색상="블랙", Color="네온")) is None
    assert color.stated(shirt(무늬="무지")) is None


def test_values_of_the_project_s_own_table_are_read_as_sellers_type_them() -> None:
    """The table that ships knows the words and forms of real catalogues."""
    attributes = load_prompts(ROOT / "prompts", MODEL_ID).tasks[0].codes.root
    typed = {
        "차콜/오트밀/먹색": ("charcoal", "beige", "black"),
        "블랙, 화이트": ("black", "white"),
        "01.차콜": ("charcoal",),
        "블랙(black)": ("black",),
        "멜란지 그레이 (M)": ("grey",),
        "블랙 색상": ("black",),
        "검정색": ("black",),
        "진청(인디고)": ("blue",),
        "곤색 컬러": ("navy",),
        "블랙/화이트/레드/네이비/베이지": ("multi",),
        "①블랙 ②화이트": ("black", "white"),
        "블랙／화이트": ("black", "white"),
        "투톤": None,
        "오트밀멜": None,
    }
    assert {text: attributes["Color"].labels_of([text]) for text in typed} == typed
    assert attributes["Print"].labels_of(["호피무늬/체크 패턴"]) == ("animal", "check")
    assert attributes["SleeveLength"].labels_of(["7부 소매"]) == ("three-quarter",)
    assert attributes["SleeveLength"].labels_of(["1. 7부"]) == ("three-quarter",)
    assert attributes["SleeveLength"].labels_of(["7.5부"]) is None
    assert attributes["SleeveLength"].labels_of(["Long sleeve"]) == ("long",)
    assert attributes["Neckline"].labels_of(["V넥"]) == attributes["Neckline"].labels_of(["브이 넥라인"]) == ("v-neck",)


# What the seller states beside the model's answer


@pytest.mark.parametrize(
    ("typed", "said", "together"),
    [
        ("블랙, 오트밀멜", ("black",), ("black",)),
        ("블랙, 오트밀멜", ("white",), ("black", "white")),
        ("블랙, 오트밀멜", (), ("black",)),
        ("블랙, 오트밀멜", ("white", "blue"), ("multi",)),
        ("블랙, 오트밀멜", ("multi",), ("multi",)),
        ("멀티, 블랙", ("black",), ("black",)),
        ("멀티, 블랙, 오트밀멜", (), ()),
        ("블랙(화이트)", ("white",), ("white",)),
        ("오트밀멜", ("white",), ("white",)),
        ("오트밀멜", (), ()),
    ],
)
def test_the_photo_of_one_option_does_not_hide_the_others(
    typed: str, said: tuple[str, ...], together: tuple[str, ...]
) -> None:
    """What the seller states in known words stays, as far as the table holds it together with what the photo shows."""
    assert color.with_stated(said, shirt(색상=typed)) == together


def test_where_the_table_cannot_hold_both_the_photo_decides() -> None:
    """A label that stands alone, or one too many without a label for more: the model's answer is written as it is."""
    assert prints.with_stated(("solid",), shirt(무늬="줄무늬, 배색")) == ("solid",)
    assert prints.with_stated(("check", "dot"), shirt(무늬="줄무늬, 배색")) == ("check", "dot")
    assert prints.with_stated(("check",), shirt(무늬="줄무늬, 배색")) == ("stripe", "check")


# What the model says


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        (["black"], ("black",)),
        (["Black", " black "], ("black",)),
        (["하늘색", "white"], ("sky-blue", "white")),
        (["블랙 색상"], ("black",)),
        (["blue", "sky-blue"], ("blue", "sky-blue")),
        (["multi"], ("multi",)),
        (["unknown"], ()),
        (["Unknown"], ()),
    ],
)
def test_labels_of_the_table_are_read(said: list[str], labels: tuple[str, ...]) -> None:
    """Labels and synonyms become labels, once each, in the order said; unknown alone is none."""
    assert color.read("Color", said) == (labels, ())


@pytest.mark.parametrize(
    ("said", "codes", "excerpts"),
    [
        (["navy"], ["offtable"], ["navy"]),
        (["navy", "black", "teal"], ["offtable", "offtable"], ["navy", "teal"]),
        (["unknown", "black"], ["offtable"], ["unknown"]),
        (["not_applicable"], ["offtable"], ["not-applicable"]),
        (["01"], ["offtable"], ["01"]),
        (["multi", "black"], ["notalone"], ["multi, black"]),
        (["black", "white", "sky-blue"], ["toomany"], ["black, white, sky-blue"]),
        ([], ["shape"], ["[]"]),
        (["black", 1], ["shape"], ["['black', 1]"]),
        ("black", ["shape"], ["black"]),
        (None, ["shape"], [""]),
        ({"black": True}, ["shape"], ["{'black': True}"]),
    ],
)
def test_what_is_not_in_the_table_is_a_violation(said: object, codes: list[str], excerpts: list[str]) -> None:
    """Nothing is rounded to the nearest label: each mistake is named, with its attribute, for model and planner."""
    labels, violations = color.read("Color", said)
    assert labels is None
    assert [violation.code for violation in violations] == codes
    assert [violation.excerpt for violation in violations] == excerpts
    for violation in violations:
        assert violation.attribute == "Color"
        assert violation.excerpt in violation.en
        assert violation.excerpt in violation.ko


def test_a_long_excerpt_is_cut() -> None:
    """A violation is shown to people and sent to the model: a model that rambles does not fill it."""
    _, (violation,) = color.read("Color", ["x" * 5000])
    assert len(violation.excerpt) == len("x" * 40 + "…")
    assert len(violation.en) < 250


def test_advice_on_too_many_depends_on_the_table() -> None:
    """With a label for more, the model is told to use it; without one, to pick what shows most."""
    _, (with_more,) = color.read("Color", ["black", "white", "sky-blue"])
    _, (without,) = prints.read("Print", ["stripe", "check", "dot"])
    assert "answer multi alone" in with_more.en
    assert "answer the most visible" in without.en


def test_a_label_that_stands_alone_may_not_be_said_beside_others() -> None:
    """Plain and striped contradict each other: neither is written, and the model learns which label is the cause."""
    assert prints.read("Print", ["solid"]) == (("solid",), ())
    labels, (violation,) = prints.read("Print", ["stripe", "solid"])
    assert (labels, violation.code, violation.excerpt) == (None, "notalone", "stripe, solid")
    assert "must be solid alone" in violation.en


@given(said=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_whatever_the_model_says_is_labels_of_the_table_or_violations(said: object) -> None:
    """The answer is untrusted JSON: no value of it raises, and none slips through."""
    labels, violations = color.read("Color", said)
    assert (labels is None) is bool(violations)
    assert set(labels or ()) <= set(color.labels)


def test_codes_stand_behind_labels() -> None:
    """Codes are text, in the labels' order."""
    assert color.codes(["sky-blue", "black"]) == ["09", "01"]


# The table


@pytest.mark.parametrize(
    ("category", "names"),
    [(("남성의류", "셔츠"), ["Color", "Print"]), (("패션잡화",), ["Color", "Print"]), (("가전", "TV"), ["Print"])],
)
def test_categories_decide_what_applies(category: tuple[str, ...], names: list[str]) -> None:
    """An attribute is asked only where its patterns fit; without patterns, everywhere."""
    assert list(table.applicable(category)) == names


def test_the_tool_takes_labels_of_what_is_asked_and_nothing_else() -> None:
    """A closed schema: one required list an attribute, its labels and unknown as the only words, and no codes."""
    schema = tool_schema({"Color": color})
    assert schema == {
        "type": "object",
        "properties": {
            "Color": {
                "type": "array",
                "items": {"type": "string", "enum": ["black", "white", "blue", "sky-blue", "multi", "unknown"]},
                "description": "색상: at most 2, or unknown alone",
            }
        },
        "required": ["Color"],
        "additionalProperties": False,
    }
    assert list(tool_schema(table.root)["properties"]) == ["Color", "Print"]


COLOURS = {
    "black": Colour(ko="블랙", also=("검은색",), framed=("먹",)),
    "sky": Colour(ko="하늘", also=("소라색",)),
}


def test_shared_colours_lend_their_words() -> None:
    """A label that names rows of the shared table accepts all their words, the framed ones included."""
    plain = CodeTable.model_validate(
        {"Color": {"ko": "색상", "labels": {"black": {"code": "1", "ko": "블랙", "colours": ["black"]}}}}
    )
    lent = plain.with_colours(COLOURS).root["Color"]
    assert lent.labels_of(["검은색/먹"]) == ("black",)
    assert lent.labels_of(["먹빛", "먹 톤"]) == ("black",)  # as copy may say it, too
    assert plain.root["Color"].labels_of(["검은색"]) is None
    fabric = Attribute.model_validate({"ko": "소재", "labels": {"silk": {"code": "1", "ko": "실크"}}})
    assert fabric.labels_of(["실크톤"]) is None
    assert plain.unknown_colour(COLOURS) is None


def test_a_colour_that_the_shared_table_lacks_is_found() -> None:
    """With its place, so that the message can name the line."""
    labels = {"black": {"code": "1", "ko": "블랙", "colours": ["black", "blakc"]}}
    wrong = CodeTable.model_validate({"Color": {"ko": "색상", "labels": labels}})
    assert wrong.unknown_colour(COLOURS) == (("Color", "labels", "black", "colours"), "blakc")


# Mistakes of planners

LABELS = """Size:
  ko: 크기
Color:
  ko: 색상
  {more}
  labels:
    black: {{code: "01", ko: 블랙{black}}}
    white: {{code: "{code}", ko: {ko}, also: [{also}]{white}}}
"""


@pytest.mark.parametrize(
    ("change", "line", "advice"),
    [
        ({"code": "01"}, 6, "Color.labels.white: code 01 stands twice, under 'black' and 'white'; give each label"),
        ({"also": "Black"}, 6, "Color.labels.white: 'black' stands under 'black' and 'white'; keep it under one"),
        ({"also": "블 랙"}, 6, "Color.labels.white: '블랙' stands under 'black' and 'white'; keep it under one"),
        ({"also": "블랙"}, 6, "Color.labels.white: '블랙' stands under 'black' and 'white'; keep it under one"),
        ({"ko": "블랙"}, 6, "Color.labels.white: '블랙' stands under 'black' and 'white'; keep it under one"),
        (
            {"black": ", within: black"},
            5,
            "Color.labels.black.within: label 'black' is within 'black', which is within",
        ),
        (
            {"black": ", within: white", "white": ", within: black"},
            5,
            "Color.labels.black.within: label 'black' is within 'white', which is within 'black'; name the widest",
        ),
        ({"black": ", alone: true"}, 5, "Color.labels.black.alone: must be 'no' or 'yes'"),
        (
            {"black": ", within: dark"},
            5,
            "Color.labels.black.within: label 'black' is within 'dark', which is no label",
        ),
        ({"more": "more: multi"}, 3, "Color.more: 'multi' is no label; add it or correct the word"),
        ({"more": "mox: multi"}, 3, "Color.mox: is no key here; remove it or correct the word"),
        ({"black": ", cod: x"}, 5, "Color.labels.black.cod: is no key here; remove it or correct the word"),
        ({"more": "max: 0"}, 3, "Color.max: must be at least 1; correct it"),
        ({"code": ""}, 6, "Color.labels.white.code: is too short; write 1 or more characters"),
    ],
)
def test_a_mistake_in_the_table_names_line_and_remedy(
    tmp_path: Path, change: dict[str, str], line: int, advice: str
) -> None:
    """Each is found when the file is read, before any product is tagged wrongly by it."""
    values = {"more": "max: 1", "black": "", "white": "", "code": "02", "ko": "화이트", "also": "하양", **change}
    path = tmp_path / "codes.yaml"
    path.write_text(LABELS.format(**values).partition("크기\n")[2], encoding="utf-8")
    with pytest.raises(ContentError) as caught:
        read(path, CodeTable)
    assert str(caught.value).startswith(f"{path}:{line}: {advice}")


@pytest.mark.parametrize("reserved", ["unknown", "not_applicable"])
def test_outcomes_are_no_labels(reserved: str) -> None:
    """A label of such a name could not be told from the outcome."""
    with pytest.raises(ValueError, match=r"are outcomes; remove the label"):
        Attribute.model_validate({"ko": "색상", "labels": {reserved: {"code": "1", "ko": "모름"}}})


@pytest.mark.parametrize("name", ["색상", "Main Color", "", "x" * 65])
def test_an_attribute_s_name_must_be_one_that_claude_accepts(tmp_path: Path, name: str) -> None:
    """Claude refuses other property names in a tool, which would fail every event of the task."""
    path = tmp_path / "codes.yaml"
    path.write_text(f'"{name}": {{ko: 색상, labels: {{black: {{code: "1", ko: 블랙}}}}}}', encoding="utf-8")
    with pytest.raises(ContentError, match=r":1: .*must fit"):
        read(path, CodeTable)


def test_a_table_without_labels_is_refused() -> None:
    """There would be nothing to answer."""
    with pytest.raises(ValueError, match="at least 1 item"):
        Attribute.model_validate({"ko": "색상", "labels": {}})
