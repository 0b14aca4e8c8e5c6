"""`make prompts`, as a planner uses it. The folders are those of tests/prompts: an edit of prompts/ breaks nothing."""

import re
import shutil
from pathlib import Path

import pytest

from handler.converse import Answer
from handler.facts import Facts
from handler.models import Usage
from handler.question import question_of
from handler.task_folders import load_prompts
from workbench.function import ROOT
from workbench.prompts import check

CLAIM_SENTENCE = "pass: [완벽한 주말을 위한 선택이에요.]"
TRIAL = "fail: [블랙 컬러 셔츠예요., 총장 80cm 셔츠예요., Acme 셔츠예요.]"


@pytest.fixture
def folder(prompts_dir: Path, tmp_path: Path) -> Path:
    """A copy of the task folders to edit."""
    return Path(shutil.copytree(prompts_dir, tmp_path / "prompts"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_projects_own_folders_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """What ships proves itself."""
    assert check(str(ROOT / "prompts")) == 0, capsys.readouterr().err
    assert "all is well" in capsys.readouterr().out


MISTAKES = {
    "a misspelt key": ("copy/task.yaml", "max_tokens: 300", "max_token: 300", 15, "is no key here"),
    "a key that is gone": ("copy/task.yaml", "max_tokens: 300\n", "", 2, "max_tokens: is missing"),
    "an unknown output": ("copy/task.yaml", "output: text", "output: poem", 2, "output: must be 'text' or 'codes'"),
    "an unknown publication": ("copy/task.yaml", '"**": live', '"**": on', 9, "publish.**: must be 'live'"),
    "no publication": (
        "tags/task.yaml",
        'publish:\n  "**": live',
        "publish: {}",
        6,
        "publish: needs at least 1 entries",
    ),
    "a list that is a word": (
        "tags/task.yaml",
        "events: [ProductImagesUpdatedEvent, ProductRegisteredEvent]",
        "events: ProductImagesUpdatedEvent",
        3,
        "events: must be a list",
    ),
    "a number that is a word": ("tags/task.yaml", "max_tokens: 200", "max_tokens: many", 8, "must be a whole number"),
    "a number that is too large": ("tags/task.yaml", "max_tokens: 200", "max_tokens: 9000", 8, "must be at most 4096"),
    "a form of images that is not there": (
        "tags/task.yaml",
        "{max: 1, strips: skip}",
        "all",
        5,
        "must be 'none' or keys",
    ),
    "no photo at most": ("tags/task.yaml", "{max: 1, strips: skip}", "{max: 0}", 5, "images.max: must be at least 1"),
    "a path without the product": (
        "tags/task.yaml",
        "{productId}/attributes",
        "attributes",
        9,
        "write_back.path: must fit",
    ),
    "no field to write": ("tags/task.yaml", "field: attributes", "field: ''", 9, "write_back.field: is too short"),
    "checks for codes": (
        "tags/task.yaml",
        "images:",
        "checks: {length: persona}\nimages:",
        2,
        "give checks for output: text",
    ),
    "a model without a price": (
        "tags/task.yaml",
        "max_tokens",
        "model: anthropic.claude-9\nmax_tokens",
        8,
        "has no row in handler/models.yaml",
    ),
    "a band upside down": ("copy/personas.yaml", "ko: [20, 190]", "ko: [190, 20]", 6, "has no length in it"),
    "a band of one number": ("copy/personas.yaml", "ko: [20, 190]", "ko: [20]", 6, "fashion.length.ko.1: is missing"),
    "a band of three": ("copy/personas.yaml", "ko: [20, 190]", "ko: [20, 60, 190]", 6, "takes at most 2 entries"),
    "a persona without a language": (
        "copy/personas.yaml",
        ", en: [20, 400]",
        "",
        6,
        "fashion.length: give a length for en, too",
    ),
    "nobody for the rest": (
        "copy/personas.yaml",
        "general:",
        "general:\n  when: {brand: [x]}",
        9,
        "must have no `when`",
    ),
    "an indented key": ("copy/personas.yaml", "  reader", "    reader", 4, "is not YAML"),
    "a key that stands twice": ("copy/personas.yaml", "general:", "fashion:", 8, "'fashion' stands twice"),
    "a tab": ("copy/personas.yaml", "  role", "\trole", 3, "is not YAML"),
    "a misspelt variable": ("copy/system.md.j2", "persona.role", "persona.rol", 1, "correct the template"),
    "a broken template": ("copy/system.md.j2", "{% endfor %}", "{% endfur %}", 13, "correct the template"),
    "a question without the product": ("copy/user.md.j2", "{{ product }}", "it", 1, "does not show the product"),
    "a code that stands twice": (
        "tags/codes.yaml",
        'code: "02", ko: 화이트',
        'code: "01", ko: 화이트',
        9,
        "code 01 stands twice, under 'black' and 'white'",
    ),
    "a code that lost its zero": ("tags/codes.yaml", 'code: "02", ko: 화이트', "code: 2, ko: 화이트", 9, "is it 02?"),
    "a word under two labels": ("tags/codes.yaml", "also: [솔리드]", "also: [솔리드, 줄무늬]", 21, "keep it under one"),
    "an unknown colour": ("tags/codes.yaml", "colours: [black]", "colours: [blak]", 8, "blak is no row"),
    "a label within none": ("tags/codes.yaml", "within: blue", "within: azure", 12, "which is no label"),
    "a label for more that is none": ("tags/codes.yaml", "more: multi", "more: many", 6, "'many' is no label"),
    "an outcome as a label": ("tags/codes.yaml", "multi: {", "unknown: {", 13, "are outcomes; remove the label"),
    "a category with arrows": (
        "tags/codes.yaml",
        '"*의류/**", "*잡화/**"',
        '"여성의류 > 티셔츠"',
        3,
        "'여성의류 > 티셔츠' fits no category; part the levels by /",
    ),
    "a code that is a list": ("tags/codes.yaml", 'code: "99"', "code: [99]", 13, "must be one text"),
    "a label that is a list": (
        "tags/codes.yaml",
        '{code: "02", ko: 스트라이프, also: [줄무늬]}',
        "[02]",
        21,
        "Print.labels.stripe: must be keys with values",
    ),
    "an answer outside the table": (
        "tags/examples.yaml",
        "Print: [stripe]",
        "Print: [stripes]",
        3,
        "the answer breaks offtable",
    ),
    "an answer that claims too much": (
        "copy/examples.yaml",
        "니트 베스트예요",
        "최고의 베스트예요",
        4,
        "the answer breaks superlative",
    ),
    "an example for nobody": (
        "copy/examples.yaml",
        "persona: fashion",
        "persona: genz",
        1,
        "no persona is called 'genz'",
    ),
    "an example for somebody else": (
        "copy/examples.yaml",
        "persona: fashion",
        "persona: general",
        1,
        "this product's persona is 'fashion'",
    ),
    "an example in no language": ("copy/examples.yaml", "language: ko", "language: jp", 2, "must be one of ko, en"),
    "a product that no event has": ("copy/examples.yaml", "{핏: 루즈핏, 두께: 보통}", "none", 3, "attributes: "),
    "a pack that is not there": ("copy/task.yaml", "[claims-ko,", "[claims-kr,", 1, "does not exist"),
    "a family that is not there": ("copy/task.yaml", "colours, latin", "colors, latin", 1, "families: add colors"),
    "a code in Korean": (
        "shared/claims-ko.yaml",
        "code: superlative",
        "code: 최상급",
        3,
        "rules.0 (최상급).code: must fit",
    ),
    "a rule without a sentence": (
        "shared/claims-ko.yaml",
        "  " + CLAIM_SENTENCE + "\n",
        "",
        3,
        "rules.0 (superlative).pass: is missing",
    ),
    "a rule that fires where it must not": (
        "shared/claims-ko.yaml",
        CLAIM_SENTENCE,
        "pass: [판매 1위예요.]",
        9,
        "“판매 1위예요.” must pass",
    ),
    "a rule that fires nowhere": (
        "shared/claims-ko.yaml",
        "단연 최고의 티셔츠예요.",
        "좋은 티셔츠예요.",
        10,
        "“좋은 티셔츠예요.” must fail",
    ),
    "a broken rule": (
        "shared/claims-ko.yaml",
        "match: '최고(?:의|예)",
        "match: '최고(?:의|예",
        4,
        "is not a regular expression",
    ),
    "a trial that must pass": (
        "shared/grounding-ko.yaml",
        "화이트 컬러가",
        "블랙 컬러가",
        26,
        "must pass, but colours fires",
    ),
    "a trial that must fail": (
        "shared/grounding-ko.yaml",
        TRIAL,
        "fail: [화이트 컬러 셔츠예요.]",
        27,
        "must fail, but nothing",
    ),
    "a pack of no language": (
        "shared/claims-en.yaml",
        "language: en",
        "language: eng",
        1,
        "language: eng is no language of languages.yaml (ko, en)",
    ),
    "a broken frame": ("shared/grounding-ko.yaml", "\\s?(?:색|빛", "\\s?((?:색|빛", 7, "is not a regular expression"),
    "a term in brackets": (
        "shared/grounding-ko.yaml",
        "{term}\\s?(?:색|빛",
        "(?:{term}\\s)?(?:색|빛",
        7,
        "{term} stands in brackets or twice; write an entry for each",
    ),
    "a frame of nothing": (
        "shared/grounding-ko.yaml",
        "{term}\\s?(?:색|빛",
        "블랙\\s?(?:색|빛",
        7,
        "has no {term}, so it frames nothing; put it where the word stands",
    ),
    "a unit of no size": ("shared/grounding-ko.yaml", "{g: 1000", "{g: 0", 13, "must be more than 0"),
    "a unit without a number": ("shared/grounding-ko.yaml", "{g: 1000", "{g: heavy", 13, "must be a number"),
    "a colour's word under two colours": (
        "shared/colours.yaml",
        "파랑, 파란색",
        "파랑, 빨강",
        4,
        "is also a word of red",
    ),
    "a colour within none": ("shared/colours.yaml", "within: blue", "within: azure", 5, "which no language has"),
    "broken noise": ("shared/noise-ko.yaml", "'[★☆]+'", "'[★☆+'", 4, "is no regular expression"),
    "noise that is everywhere": ("shared/noise-ko.yaml", "'[★☆]+'", "'[★☆]*'", 4, "remove: matches the empty text"),
    "a line below all others": (
        "copy/task.yaml",
        '  "**": live\n',
        '  "**": live\n  "**/담배/**": off\n',
        10,
        "publish: '**/담배/**' never acts below '**'",
    ),
    "a persona below the one for all": (
        "copy/personas.yaml",
        "general:",
        "all:\n  role: r\n  reader: r\n  tone: t\n  length: {ko: [1, 9], en: [1, 9]}\ngeneral:",
        13,
        "general never writes below all",
    ),
    "a persona's category with arrows": ("copy/personas.yaml", '"*의류/**"', '"의류>상의"', 2, "fits no category"),
    "a rule's category with arrows": (
        "shared/claims-ko.yaml",
        "  unless: [수상]",
        "  unless: [수상]\n  where: ['의류>상의']",
        7,
        "fits no category",
    ),
    "a length in no language": (
        "copy/personas.yaml",
        ", en: [20, 400]}",
        ", en: [20, 400], kr: [20, 40]}",
        6,
        "fashion.length: kr is no language of languages.yaml",
    ),
    "a length in a misspelt language": (
        "copy/personas.yaml",
        "{ko: [20, 190], en",
        "{kr: [20, 190], en",
        6,
        "give a length for ko, too; kr is no language",
    ),
    "an example without an attribute": (
        "tags/examples.yaml",
        ", Print: [stripe]",
        "",
        3,
        "the answer breaks shape: Print: the answer lacks it; add it",
    ),
    "a backslash in double quotes": (
        "shared/claims-ko.yaml",
        "match: '품절\\s?(?:대란|임박)|마감\\s?임박'",
        'match: "품절\\s?대란"',
        12,
        "put a pattern in single quotes",
    ),
    "two colons in a line": ("copy/personas.yaml", "tone: lively", "tone: lively: very", 5, "put a text with ': ' in"),
    "a quote that stays open": ("copy/personas.yaml", "tone: lively", "tone: 'lively", 13, "close the quotes"),
    "a bracket that stays open": ("tags/task.yaml", "ProductRegisteredEvent]", "X", 4, "close the bracket"),
    "a star without quotes": ("copy/personas.yaml", '["*의류/**"]', "[*의류/**]", 2, "in quotes"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_line_and_what_to_do_in_both_languages(
    folder: Path, capsys: pytest.CaptureFixture[str], mistake: str
) -> None:
    """Each slip of a planner ends with exit code 1, a line in English that names the place, and one in Korean."""
    file, old, new, line, expected = MISTAKES[mistake]
    edit(folder / file, old, new)
    assert check(str(folder)) == 1
    problems = capsys.readouterr().err.splitlines()
    named = [index for index, text in enumerate(problems) if expected in text]
    assert named, problems
    assert re.match(rf"{folder}/\S+:{line}: ", problems[named[0]]), problems
    assert Path(problems[named[0]].split(":")[0]).name in {Path(file).name, "claims-kr.yaml", "grounding-ko.yaml"}
    korean = problems[named[0] + 1]
    assert korean.startswith("    ")
    assert re.search("[가-힣]{2}", korean)


def test_a_misspelt_variable_is_told_the_names_that_there_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In both languages."""
    edit(folder / "copy/system.md.j2", "persona.role", "persona.rol")
    assert check(str(folder)) == 1
    for line in capsys.readouterr().err.splitlines():
        assert "persona (.role .reader .tone .emoji), language, length, attributes, examples" in line


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        ("  reader", "    reader", "들여쓰기"),
        ("  role", "\trole", "탭이 아니라 빈칸"),
        ("tone: lively", 'tone: "\\d"', "작은따옴표로 묶으세요"),
        ("tone: lively", "tone: 'lively", "따옴표가 닫히지 않았습니다"),
        ("general:", "fashion:", "같은 키가 두 번 나옵니다"),
        ("reader: shoppers on a phone", "reader shoppers on a phone", "들여쓰기|'키: 값'"),
    ],
)
def test_what_is_no_yaml_is_told_the_likely_reason_in_korean(
    folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, advice: str
) -> None:
    """libyaml's own words help no planner."""
    edit(folder / "copy/personas.yaml", old, new)
    assert check(str(folder)) == 1
    assert re.search(advice, capsys.readouterr().err.splitlines()[1])


def test_a_broken_pattern_is_the_one_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Examples that it leaves undecided are not blamed for it; whatever else they break is still named."""
    edit(folder / "shared/claims-ko.yaml", "match: '품절", "match: '(품절")
    assert check(str(folder)) == 1
    (english, _) = capsys.readouterr().err.splitlines()
    assert "scarcity: “(품절" in english
    edit(folder / "copy/personas.yaml", "ko: [20, 190]", "ko: [20, 30]")
    assert check(str(folder)) == 1
    assert "the answer breaks length" in (said := capsys.readouterr().err)
    assert "undecided" not in said


@pytest.mark.parametrize("grounding", ["[numbers, colours]", "[numbers, latin]", "[latin]"])
def test_what_tasks_share_is_proved_whole_whatever_one_of_them_lists(
    folder: Path, capsys: pytest.CaptureFixture[str], grounding: str
) -> None:
    """A Korean-only task, or one without some families, finds no fault with the sentences of the others."""
    edit(folder / "copy/task.yaml", "[claims-ko, claims-en]", "[claims-ko]")
    edit(folder / "copy/task.yaml", "length: persona", "length: {ko: [20, 190]}")
    edit(folder / "copy/task.yaml", "[numbers, colours, latin]", grounding)
    assert check(str(folder)) == 0, capsys.readouterr().err
    edit(folder / "shared/grounding-ko.yaml", TRIAL, "fail: [화이트 컬러 셔츠예요.]")
    assert check(str(folder)) == 1
    assert "must fail, but nothing fires" in capsys.readouterr().err


def test_a_task_with_a_language_fewer_is_noted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be meant, and it refuses events for the other tasks, too."""
    shutil.copytree(folder / "copy", folder / "headline")
    edit(folder / "headline/task.yaml", "[claims-ko, claims-en]", "[claims-ko]")
    assert check(str(folder)) == 0
    said = capsys.readouterr().out
    assert "note: headline: cannot write en, so an event in en is refused for every task" in said
    assert "모든 작업에서 거절됩니다" in said


def test_codes_that_are_plain_numbers_may_differ_in_length(folder: Path) -> None:
    """Only beside a code with a leading zero does a shorter one look like a slip."""
    codes = folder / "tags/codes.yaml"
    text = re.sub(r'code: "0?(\d+)"', r'code: "\1"', codes.read_text(encoding="utf-8"))
    codes.write_text(text, encoding="utf-8")
    assert check(str(folder)) == 0


def test_every_problem_is_said_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is found after loading does not hide the next: rules, trials and examples, by file and line."""
    edit(folder / "shared/claims-ko.yaml", CLAIM_SENTENCE, "pass: [판매 1위예요., 단연 최고의 옷이에요.]")
    edit(folder / "tags/examples.yaml", "[white, blue], Print: [stripe]", "[whit, blue], Print: [stripes]")
    assert check(str(folder)) == 1
    lines = capsys.readouterr().err.splitlines()[::2]
    assert [line.removeprefix(f"{folder}/").split(": ")[0] for line in lines] == [
        "shared/claims-ko.yaml:9",
        "shared/claims-ko.yaml:9",
        "tags/examples.yaml:3",
        "tags/examples.yaml:3",
    ]


def test_a_missing_file_and_a_file_in_another_encoding_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spreadsheet saves Korean as CP949."""
    (folder / "copy/user.md.j2").write_bytes("상품".encode("cp949"))
    assert check(str(folder)) == 1
    assert "UTF-8로 저장하세요" in capsys.readouterr().err
    (folder / "copy/user.md.j2").unlink()
    assert check(str(folder)) == 1
    assert "작업마다 있어야 하니 만드세요" in capsys.readouterr().err


def test_a_folder_without_tasks_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong PROMPTS_DIR is no success."""
    assert check(str(tmp_path)) == 1
    assert "작업 폴더가 없습니다" in capsys.readouterr().err


def test_a_broken_pattern_lets_nothing_through(folder: Path) -> None:
    """A function that starts with what `make prompts` refuses rejects texts, and has no bug."""
    edit(folder / "shared/claims-ko.yaml", "match: '최고(?:의|예)", "match: '최고(?:의|예")
    (task, _) = load_prompts(folder, "anthropic.claude-haiku-5-5").tasks
    facts = Facts("베이직 코튼 티셔츠", ("여성의류", "티셔츠"), (("소재", ("면 100%",)), ("핏", ("레귤러핏",))))
    judgement = question_of(task, facts, "ko").judge(Answer("end_turn", "편하게 입는 티셔츠예요.", None, Usage()))
    assert judgement.output is None
    assert "undecided" in {violation.code for violation in judgement.violations}
