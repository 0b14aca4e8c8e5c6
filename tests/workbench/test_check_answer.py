"""`workbench check`: an answer that a planner pastes is judged as the model's would be."""

from pathlib import Path

import pytest
from edges import GOOD_COPY, RANKING_COPY
from planning import event_file, workbench

from workbench.__main__ import main

Captured = pytest.CaptureFixture[str]
ATTRIBUTES = "ProductAttributesUpdatedEvent"
IMAGES = "ProductImagesUpdatedEvent"


def test_a_good_text_passes(prompts_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    """Exit code 0, and the text that would be written."""
    assert main(["check", event_file(tmp_path), GOOD_COPY, "--task", "copy", "--prompts", str(prompts_dir)]) == 0
    assert capsys.readouterr().out == f"passes\noutput: {GOOD_COPY}\n"


def test_every_broken_rule_is_named_in_korean(prompts_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    """Code, words, sentence; exit code 1. The one task of the event needs no --task."""
    file = event_file(tmp_path, event_type=ATTRIBUTES)
    assert main(["check", file, f"{RANKING_COPY} 총장 99cm예요.", "--prompts", str(prompts_dir)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "breaks superlative at “최고의”: “최고의”: 근거 없이 최고를 주장할 수 없습니다.",
        "breaks numbers at “99cm”: “99cm”: 상품 정보에 없는 숫자입니다.",
    ]


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ('{"Color": ["white"], "Print": ["solid"]}', 0, 'output: {"Color": ["02"], "Print": ["01"]}'),
        ('{"Color": ["흰색"], "Print": ["unknown"]}', 0, 'outcomes: {"Print": "unknown"}'),
        (
            '{"Color": ["mint"], "Print": ["solid"]}',
            1,
            "breaks offtable at “mint”: Color: ‘mint’ 코드표에 없는 값입니다.",
        ),
        ('{"Print": ["solid"]}', 1, "breaks shape: Color: 답에 없습니다. 넣으세요."),
        ('{"Color": "white", "Print": ["solid"]}', 1, "breaks shape at “white”: Color: "),
        ("[]", 1, "breaks shape: Color: 답에 없습니다. 넣으세요."),
        ("white", 1, "the answer is no JSON"),
    ],
)
def test_labels_are_judged_by_the_table(
    prompts_dir: Path, tmp_path: Path, capsys: Captured, answer: str, code: int, said: str
) -> None:
    """As JSON; the event's photos, which nobody serves here, do not matter."""
    file = event_file(tmp_path, event_type=IMAGES, imageUrls=["IMAGES_URL/shirt.jpg"])
    assert main(["check", file, answer, "--prompts", str(prompts_dir)]) == code
    captured = capsys.readouterr()
    assert said in captured.out + captured.err


def test_an_answer_comes_from_a_file_or_standard_input(prompts_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    """A text too long to be the name of a file is itself."""
    line = [event_file(tmp_path), "--task", "copy", "--prompts", str(prompts_dir)]
    (tmp_path / "answer.txt").write_text(GOOD_COPY, encoding="utf-8")
    assert main(["check", *line, str(tmp_path / "answer.txt")]) == 0
    assert main(["check", *line, "가" * 5000]) == 1
    assert "breaks length" in capsys.readouterr().out
    done = workbench("check", *line, "-", given=RANKING_COPY)
    assert (done.returncode, "superlative" in done.stdout) == (1, True)


def test_which_task_is_answered_must_be_said(prompts_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    """Where the event owes several."""
    assert main(["check", event_file(tmp_path), GOOD_COPY, "--prompts", str(prompts_dir)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "the event owes copy, tags; say which is answered: --task",
        "    어느 작업의 답인지 --task 로 쓰세요: copy, tags",
    ]
