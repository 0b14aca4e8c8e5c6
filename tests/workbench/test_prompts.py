"""`make prompts`, as a planner uses it."""

import shutil
from pathlib import Path

import pytest

from handler.converse import Answer
from handler.facts import Facts
from handler.models import Usage
from handler.question import question_of
from handler.tasks import load_prompts
from workbench.function import ROOT
from workbench.prompts import check


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A copy of the project's task folders to edit."""
    return Path(shutil.copytree(ROOT / "prompts", tmp_path / "prompts"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_projects_own_folders_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """What ships proves itself."""
    assert check(str(ROOT / "prompts")) == 0
    assert "all is well" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("description/task.yaml", "max_tokens: 500", "max_token: 500", "task.yaml:17: max_token: "),
        ("description/task.yaml", "output: text", "output: poem", "task.yaml:2: output: "),
        ("description/personas.yaml", "kids:", "  kids:", "personas.yaml:"),
        ("description/examples.yaml", "와플 짜임이", "실크 짜임이", "examples.yaml:10: the answer breaks "),
        (
            "description/examples.yaml",
            "persona: fashion-genz\n  language: ko",
            "persona: genz\n  language: ko",
            "persona",
        ),
        ("description/system.md.j2", "{{ persona.role }}", "{{ persona.rol }}", "system.md.j2:"),
        ("description/system.md.j2", "{% endif %}", "{% endfi %}", "system.md.j2:"),
        ("attributes/codes.yaml", 'code: "02", ko: 화이트', 'code: "01", ko: 화이트', "code 01 stands twice"),
        ("attributes/codes.yaml", "also: [솔리드, 민무늬]", "also: [솔리드, 체크]", "'체크' stands under"),
        (
            "attributes/examples.yaml",
            "Print: [stripe]",
            "Print: [stripes]",
            "examples.yaml:4: the answer breaks offtable",
        ),
        (
            "attributes/codes.yaml",
            "colours: [black]",
            "colours: [blak]",
            "codes.yaml:13: Color.labels.black.colours: blak is no row",
        ),
        ("shared/claims-ko.yaml", "rules:", "rulez:", "claims-ko.yaml:"),
    ],
)
def test_a_planners_mistake_is_named_with_file_line_and_what_to_do(
    prompts: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, expected: str
) -> None:
    """Each slip of a planner ends with exit code 1 and a message that names the place."""
    edit(prompts / file, old, new)
    assert check(str(prompts)) == 1
    assert expected in capsys.readouterr().err


def test_a_rule_whose_own_sentence_contradicts_it_is_named(prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule is held to its pass and fail sentences."""
    path = prompts / "shared" / "claims-ko.yaml"
    text = path.read_text(encoding="utf-8")
    at = text.index("pass: [")
    path.write_text(text[:at] + "pass: [판매 1위 상품이에요, " + text[at + len("pass: [") :], encoding="utf-8")
    assert check(str(prompts)) == 1
    assert "must pass" in capsys.readouterr().err


def test_a_broken_pattern_is_named_and_lets_nothing_through(prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`make prompts` says where it is; a function that starts with it rejects texts, and has no bug."""
    path = prompts / "shared" / "claims-ko.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("match: "))
    lines[at] = lines[at].partition("match: ")[0] + "match: '('"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert check(str(prompts)) == 1
    assert f"claims-ko.yaml:{at + 1}: " in capsys.readouterr().err

    loaded = load_prompts(prompts, "anthropic.claude-haiku-5-5")
    (task,) = (task for task in loaded.tasks if task.name == "description")
    facts = Facts("베이직 코튼 티셔츠", ("여성의류", "티셔츠"), (("소재", ("면 100%",)), ("핏", ("레귤러핏",))))
    judgement = question_of(task, facts, "ko").judge(Answer("end_turn", "편하게 입는 티셔츠예요.", None, Usage()))
    assert judgement.output is None
    assert "undecided" in {violation.code for violation in judgement.violations}
