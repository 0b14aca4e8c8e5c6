"""What one task asks about one product, and how the answer is judged, on the small task folders."""

import shutil
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from enricher import MODEL_ID

from handler.converse import Answer, Picture
from handler.events import ProductData
from handler.facts import Facts, facts_of
from handler.models import Usage
from handler.photos import Photo
from handler.question import Judgement, Question, question_of
from handler.task_folders import load_prompts
from handler.tasks import Prompts, Task

PICTURE = Picture(Photo("png", b"\x89PNG", 28, 28), "ab" * 32)
GOOD = "편하게 입기 좋은 베이직 코튼 티셔츠예요. 오늘 코디를 가볍게 마무리해 보세요."


@pytest.fixture
def copy(prompts: Prompts) -> Task:
    return prompts.tasks[0]


@pytest.fixture
def tags(prompts: Prompts) -> Task:
    return prompts.tasks[1]


SHIRT: dict[str, Any] = {
    "productId": "shirt",
    "version": 1,
    "name": "베이직 코튼 티셔츠",
    "category": ["남성의류", "티셔츠"],
    "attributes": {"소재": "면 100%", "핏": "레귤러핏"},
}


def facts(prompts: Prompts, **product: Any) -> Facts:  # noqa: ANN401 - an event's data
    """Of a T-shirt, unless told otherwise."""
    return facts_of(ProductData.model_validate({**SHIRT, **product}), prompts.noise)


def wrote(text: str) -> Answer:
    return Answer("end_turn", text, None, Usage())


def said(labels: object) -> Answer:
    return Answer("tool_use", "", {"toolUseId": "t", "name": "record_attributes", "input": labels}, Usage())


def codes_of(violations: Judgement) -> list[str]:
    return [violation.code for violation in violations.violations]


def fingerprint(question: Question) -> str:
    return question.fingerprint(question.request((PICTURE,)))


# Texts


def test_a_text_is_asked_with_persona_language_and_facts(prompts: Prompts, copy: Task) -> None:
    """The system prompt depends on persona and language alone; what the seller typed stands in the user's turn."""
    question = question_of(copy, facts(prompts), "en")
    assert question.needs_model
    request = question.request(())
    assert request is not None
    assert request.prefix.system == copy.prefix(persona="fashion", language="en").system
    assert "티셔츠" not in request.prefix.system
    assert request.text == f"Write the description of this product.\n\n{facts(prompts).block()}"
    assert (request.prefix.tool_schema, request.max_tokens, request.model_id) == (None, 300, copy.model_id)


@pytest.mark.parametrize(
    "same",
    [
        {"productId": "another"},
        {"version": 9},
        {"imageUrls": []},
        {"name": "[무료배송] 베이직 코튼 티셔츠 ★"},
        {"attributes": {"소재": "면 100%", "핏": "레귤러핏", "배송비": "무료"}},
        {"protected": ["tags"], "rewrite": "put"},
    ],
)
def test_what_the_model_does_not_see_asks_nothing_again(prompts: Prompts, copy: Task, same: dict[str, Any]) -> None:
    """Other ids, versions and noise are the same question, also for another product."""
    assert fingerprint(question_of(copy, facts(prompts, **same), "ko")) == fingerprint(
        question_of(copy, facts(prompts), "ko")
    )


@pytest.mark.parametrize(
    "other",
    [
        {"name": "베이직 코튼 셔츠"},
        {"attributes": {"소재": "면 90%", "핏": "레귤러핏"}},
        {"attributes": {"핏": "레귤러핏", "소재": "면 100%"}},
        {"category": ["가전"]},
        {"brand": "ACME"},
    ],
)
def test_what_the_model_sees_asks_again(prompts: Prompts, copy: Task, other: dict[str, Any]) -> None:
    """Another fact, another order of facts, another persona."""
    before = fingerprint(question_of(copy, facts(prompts), "ko"))
    assert fingerprint(question_of(copy, facts(prompts, **other), "ko")) != before
    assert fingerprint(question_of(copy, facts(prompts), "en")) != before


def test_a_text_that_breaks_no_rule_is_the_output(prompts: Prompts, copy: Task) -> None:
    """Without the white space around it."""
    question = question_of(copy, facts(prompts), "ko")
    assert question.judge(wrote(f"\n {GOOD}\n")) == Judgement(GOOD)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("짧아요.", "length"),
        (GOOD * 6, "length"),
        (f"{GOOD} 단연 최고예요.", "superlative"),
        (f"{GOOD} 블랙 컬러가 멋져요.", "colours"),
    ],
)
def test_a_text_that_breaks_a_rule_is_not_written(prompts: Prompts, copy: Task, text: str, code: str) -> None:
    """The violation says which."""
    judgement = question_of(copy, facts(prompts), "ko").judge(wrote(text))
    assert judgement.output is None
    assert code in codes_of(judgement)


def test_emoji_are_the_persona_s(prompts: Prompts, copy: Task) -> None:
    """Fashion copy may have them, the rest may not."""
    text = f"{GOOD} 😊"
    assert question_of(copy, facts(prompts), "ko").judge(wrote(text)).output == text
    assert question_of(copy, facts(prompts, category=["가전"]), "ko").judge(wrote(text)).output is None


@pytest.mark.parametrize("answer", [None, wrote(""), wrote(" \n"), said({"Color": ["black"]})])
def test_no_text_is_a_violation_like_any_other(prompts: Prompts, copy: Task, answer: Answer | None) -> None:
    """It can be asked for again."""
    judgement = question_of(copy, facts(prompts), "ko").judge(answer)
    assert judgement.output is None
    assert codes_of(judgement) == ["shape"]


def test_without_a_request_a_text_has_no_fingerprint(prompts: Prompts, copy: Task) -> None:
    """There is nothing that it could rest on."""
    assert question_of(copy, facts(prompts), "ko").fingerprint(None) == ""


# Codes


def test_codes_are_asked_by_a_tool(prompts: Prompts, tags: Task) -> None:
    """What applies and is not stated, with the photo, and only the attributes that speak of it."""
    question = question_of(tags, facts(prompts, attributes={"소재": "면", "색상": "네온", "패턴": "줄무늬"}), "")
    request = question.request((PICTURE,))
    assert request is not None
    assert request.prefix.tool_schema is not None
    assert list(request.prefix.tool_schema["properties"]) == ["Color"]
    assert request.pictures == (PICTURE,)
    assert request.max_tokens == 200
    assert request.prefix.system == tags.prefix(attributes=("Color",)).system
    assert '"색상": "네온"' in request.text
    assert "소재" not in request.text
    assert "줄무늬" not in request.text


def test_an_edit_of_an_unrelated_attribute_asks_nothing_again(prompts: Prompts, tags: Task) -> None:
    """Sellers change sizes and materials all day; the photo shows the same colour."""
    before = fingerprint(question_of(tags, facts(prompts), ""))
    assert fingerprint(question_of(tags, facts(prompts, attributes={"소재": "울", "총장": "70cm"}), "")) == before
    assert fingerprint(question_of(tags, facts(prompts, attributes={"색상": "네온"}), "")) != before


def test_what_is_stated_is_not_asked(prompts: Prompts, tags: Task) -> None:
    """All attributes stated in known words: no request, and the codes are the seller's."""
    question = question_of(tags, facts(prompts, attributes={"색상": "블랙/화이트", "무늬": "무지"}), "")
    assert not question.needs_model
    assert question.request(()) is None
    assert question.judge(None) == Judgement({"Color": ["01", "02"], "Print": ["01"]})


def test_what_is_stated_is_part_of_what_the_output_rests_on(prompts: Prompts, tags: Task) -> None:
    """Another stated option is another output, though the model is asked the same or nothing."""
    prints = {
        fingerprint(question_of(tags, facts(prompts, attributes=attributes), ""))
        for attributes in (
            {"색상": "블랙", "무늬": "무지"},
            {"색상": "화이트", "무늬": "무지"},
            {"무늬": "무지"},
            {"무늬": "줄무늬"},
            {},
        )
    }
    assert len(prints) == 5


def test_without_stated_options_the_request_alone_is_the_fingerprint(prompts: Prompts, tags: Task) -> None:
    """What the ledger keeps answers by."""
    question = question_of(tags, facts(prompts), "")
    request = question.request((PICTURE,))
    assert request is not None
    assert question.fingerprint(request) == request.fingerprint


@pytest.mark.parametrize(
    ("labels", "output", "outcomes"),
    [
        ({"Color": ["black"], "Print": ["stripe"]}, {"Color": ["01"], "Print": ["02"]}, {}),
        ({"Color": ["파랑", "black"], "Print": ["solid"]}, {"Color": ["06", "01"], "Print": ["01"]}, {}),
        ({"Color": ["unknown"], "Print": ["solid"]}, {"Color": [], "Print": ["01"]}, {"Color": "unknown"}),
        (
            {"Color": ["unknown"], "Print": ["unknown"]},
            {"Color": [], "Print": []},
            {"Color": "unknown", "Print": "unknown"},
        ),
        ({"Color": ["black"], "Print": ["solid"], "Neck": ["v"]}, {"Color": ["01"], "Print": ["01"]}, {}),
    ],
)
def test_labels_become_codes(
    prompts: Prompts, tags: Task, labels: object, output: object, outcomes: Mapping[str, str]
) -> None:
    """Unknown is an empty list with its reason; what nobody asked for is passed over."""
    assert question_of(tags, facts(prompts), "").judge(said(labels)) == Judgement(output, outcomes)


@pytest.mark.parametrize(
    ("labels", "output", "outcomes", "codes"),
    [
        ({"Color": ["navy"], "Print": ["solid"]}, {"Print": ["01"]}, {"Color": "rejected"}, ["offtable"]),
        ({"Print": ["solid"]}, {"Print": ["01"]}, {"Color": "rejected"}, ["shape"]),
        ({"Color": ["navy"]}, None, {"Color": "rejected", "Print": "rejected"}, ["offtable", "shape"]),
        ({"Color": "black", "Print": []}, None, {"Color": "rejected", "Print": "rejected"}, ["shape", "shape"]),
        ([], None, {"Color": "rejected", "Print": "rejected"}, ["shape", "shape"]),
        ("black", None, {"Color": "rejected", "Print": "rejected"}, ["shape", "shape"]),
        (None, None, {"Color": "rejected", "Print": "rejected"}, ["shape", "shape"]),
    ],
)
def test_an_attribute_in_violation_is_left_out(
    prompts: Prompts, tags: Task, labels: object, output: object, outcomes: Mapping[str, str], codes: list[str]
) -> None:
    """The others are written; only where none is left, nothing is."""
    judgement = question_of(tags, facts(prompts), "").judge(said(labels))
    assert (judgement.output, judgement.outcomes, codes_of(judgement)) == (output, outcomes, codes)


@pytest.mark.parametrize("answer", [None, wrote("The shirt is black.")])
def test_an_answer_in_words_has_the_wrong_shape(prompts: Prompts, tags: Task, answer: Answer | None) -> None:
    """Models to which the tool is only offered may do that; it can be asked again."""
    judgement = question_of(tags, facts(prompts), "").judge(answer)
    assert judgement.output is None
    assert codes_of(judgement) == ["shape", "shape"]


def test_stated_and_asked_come_together(prompts: Prompts, tags: Task) -> None:
    """A stated attribute is written even where the model fails on the asked one."""
    question = question_of(tags, facts(prompts, attributes={"무늬": "무지"}), "")
    assert question.judge(said({"Color": ["black"]})) == Judgement({"Color": ["01"], "Print": ["01"]})
    failed = question.judge(said({"Color": ["navy"]}))
    assert (failed.output, failed.outcomes) == ({"Print": ["01"]}, {"Color": "rejected"})


@pytest.mark.parametrize(
    ("labels", "output", "outcomes", "codes"),
    [
        (["red"], ["01", "03"], {}, []),
        (["black"], ["01"], {}, []),
        (["unknown"], ["01"], {}, []),
        (["red", "white"], ["99"], {}, []),
        (["navy"], None, {"Color": "rejected"}, ["offtable"]),
    ],
)
def test_a_known_option_beside_an_unknown_one_is_kept(
    prompts: Prompts, tags: Task, labels: list[str], output: object, outcomes: Mapping[str, str], codes: list[str]
) -> None:
    """The model is asked and sees both; what the seller states is not lost. A violation is not patched up."""
    question = question_of(tags, facts(prompts, attributes={"색상": "블랙, 오트밀멜", "무늬": "무지"}), "")
    request = question.request((PICTURE,))
    assert request is not None
    assert '"색상": "블랙, 오트밀멜"' in request.text
    judgement = question.judge(said({"Color": labels}))
    expected = {"Print": ["01"]} if output is None else {"Color": output, "Print": ["01"]}
    assert (judgement.output, judgement.outcomes, codes_of(judgement)) == (expected, outcomes, codes)


@pytest.mark.parametrize(
    ("answer", "stated"),
    [
        ({"Color": ["black"], "Print": ["stripe", "solid"]}, {}),
        ({"Color": ["multi", "black"], "Print": ["solid"]}, {}),
        ({"Print": ["solid", "stripe"]}, {"색상": "블랙"}),
    ],
)
def test_a_label_that_stands_alone_beside_others_is_a_violation(
    prompts: Prompts, tags: Task, answer: object, stated: Mapping[str, str]
) -> None:
    """A label for more is one kind of them; the other attributes are written."""
    judgement = question_of(tags, facts(prompts, attributes=stated), "").judge(said(answer))
    (violation,) = judgement.violations
    assert violation.code == "notalone"
    assert judgement.outcomes == {violation.attribute: "rejected"}
    assert violation.attribute not in judgement.output


def test_what_does_not_apply_is_decided_by_the_category(prompts: Prompts, tags: Task) -> None:
    """It is written as such, and never asked; where nothing applies, no model is needed."""
    shoes = question_of(tags, facts(prompts, category=["패션잡화"]), "")
    request = shoes.request((PICTURE,))
    assert request is not None
    assert request.prefix.tool_schema is not None
    assert list(request.prefix.tool_schema["properties"]) == ["Color"]
    assert shoes.judge(said({"Color": ["black"]})) == Judgement(
        {"Color": ["01"], "Print": []}, {"Print": "not_applicable"}
    )
    kettle = question_of(tags, facts(prompts, category=["가전"]), "")
    assert not kettle.needs_model
    assert kettle.judge(None) == Judgement(
        {"Color": [], "Print": []}, {"Color": "not_applicable", "Print": "not_applicable"}
    )


def test_nothing_is_written_where_only_what_does_not_apply_is_left(prompts: Prompts, tags: Task) -> None:
    """An empty list that the category explains is no success of a failed answer."""
    judgement = question_of(tags, facts(prompts, category=["패션잡화"]), "").judge(said({"Color": ["navy"]}))
    assert judgement.output is None
    assert judgement.outcomes == {"Color": "rejected", "Print": "not_applicable"}


def test_codes_may_be_joined(prompts_dir: Path, tmp_path: Path) -> None:
    """For platforms that keep `02:06` in one field."""
    folder = tmp_path / "prompts"
    shutil.copytree(prompts_dir, folder)
    task_file = folder / "tags" / "task.yaml"
    text = task_file.read_text(encoding="utf-8").replace("field: attributes", 'field: attributes, join: ":"')
    task_file.write_text(text, encoding="utf-8")
    prompts = load_prompts(folder, MODEL_ID)
    question = question_of(prompts.tasks[1], facts(prompts), "")
    assert question.judge(said({"Color": ["white", "blue"], "Print": ["unknown"]})) == Judgement(
        {"Color": "02:06", "Print": ""}, {"Print": "unknown"}
    )


def test_a_photo_s_bytes_are_part_of_the_question(prompts: Prompts, tags: Task) -> None:
    """The same URL with a new picture asks again."""
    question = question_of(tags, facts(prompts), "")
    other = PICTURE._replace(source_sha256="cd" * 32)
    assert question.fingerprint(question.request((PICTURE,))) != question.fingerprint(question.request((other,)))


def test_a_decomposed_answer_is_published_composed(copy: Task) -> None:
    """The model's Hangul reaches the product service in NFC, as it was judged."""
    facts = Facts("베이직 코튼 티셔츠", ("여성의류", "티셔츠"), (("소재", ("면 100%",)), ("핏", ("레귤러핏",))))
    said = Answer("end_turn", unicodedata.normalize("NFD", GOOD), None, Usage())
    assert question_of(copy, facts, "ko").judge(said) == Judgement(GOOD)


def test_the_question_names_what_is_asked_with_its_labels_and_no_code(tags: Task) -> None:
    """A code in the prompt would be answered in place of a label."""
    system = tags.prefix(attributes=tuple(tags.codes.root)).system
    assert "sky-blue" in system
    assert "light beside blue" in system
    assert '"09"' not in system
