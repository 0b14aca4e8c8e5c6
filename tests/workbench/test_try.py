"""`workbench try`, against the Bedrock stand-in: what is said, what is wrong with it, what it costs."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from edges import GOOD_COPY, PHOTO, RANKING_COPY
from planning import event_file, workbench

from workbench.attempt import place
from workbench.function import free_port
from workbench.sandbox.bedrock import BedrockStandIn, Fault

KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}


@pytest.fixture
def bedrock() -> Iterator[BedrockStandIn]:
    with BedrockStandIn() as running:
        yield running


@pytest.fixture
def line(prompts_dir: Path, tmp_path: Path) -> list[str]:
    photo = tmp_path / "shirt.png"
    photo.write_bytes(PHOTO)
    return ["try", event_file(tmp_path), "--prompts", str(prompts_dir), "--photo", str(photo)]


def said(bedrock: BedrockStandIn, *arguments: str) -> tuple[int, str]:
    done = workbench(*arguments, env={**KEYS, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url})
    return done.returncode, done.stdout + done.stderr


def test_an_answer_that_passes_is_shown_with_its_cost(bedrock: BedrockStandIn, line: list[str]) -> None:
    """Who is asked, the text, the verdict, and the money; nothing is sent anywhere else."""
    bedrock.push(Fault(text=GOOD_COPY))
    code, shown = said(bedrock, *line, "--task", "copy")
    assert code == 0
    assert f"Asked: a stand-in at {bedrock.url}, which is no model" in shown
    assert f"answer: {GOOD_COPY}\npasses\noutput: {GOOD_COPY}\n" in shown
    assert re.search(r"^1 paid call: inputTokens \d+, .*; USD 0\.0\d+, prices of 2026-11-22$", shown, re.MULTILINE)


def test_a_broken_rule_is_shown_with_the_re_ask_and_what_came_then(bedrock: BedrockStandIn, line: list[str]) -> None:
    """The conversation as the function has it, once."""
    bedrock.push(Fault(text=RANKING_COPY), Fault(text=GOOD_COPY))
    code, shown = said(bedrock, *line, "--task", "copy")
    assert code == 0
    story = [
        f"answer: {RANKING_COPY}",
        "breaks superlative at “최고의”: “최고의”: 근거 없이",
        "re-asked: Your answer breaks",
    ]
    places = [shown.index(text) for text in [*story, f"answer: {GOOD_COPY}", "passes", "2 paid calls"]]
    assert places == sorted(places)


def test_an_answer_that_breaks_rules_twice_ends_with_1(bedrock: BedrockStandIn, line: list[str]) -> None:
    """It would not be published."""
    bedrock.push(Fault(text=RANKING_COPY, times=2))
    code, shown = said(bedrock, *line, "--task", "copy")
    assert code == 1
    assert shown.count(f"answer: {RANKING_COPY}") == 2
    assert "answerrejected: superlative. Look at the violations" in shown
    assert "output:" not in shown


def test_codes_are_shown_with_what_is_unknown(bedrock: BedrockStandIn, line: list[str]) -> None:
    """Labels in, codes out; every task of bare data is tried."""
    bedrock.push(Fault(tool_input={"Color": ["white"], "Print": ["unknown"]}, match="record_attributes"))
    _, shown = said(bedrock, *line)
    assert 'answer: {"Color": ["white"], "Print": ["unknown"]}' in shown
    assert 'output: {"Color": ["02"], "Print": []}' in shown
    assert 'outcomes: {"Print": "unknown"}' in shown
    assert "task copy, persona fashion, publish live" in shown


def test_other_words_for_the_prompt_are_tried_from_another_folder(
    bedrock: BedrockStandIn, line: list[str], tmp_path: Path, prompts_dir: Path
) -> None:
    """`--prompts` names the folder; the project's own stays as it is."""
    folder = shutil.copytree(prompts_dir, tmp_path / "draft")
    path = folder / "copy/personas.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("tone: lively", "tone: solemn"), encoding="utf-8")
    said(bedrock, *line, "--task", "copy", "--prompts", str(folder))
    assert "solemn" in str(bedrock.requests[-1].body)


def test_a_refusal_is_shown_as_the_function_calls_it(bedrock: BedrockStandIn, line: list[str]) -> None:
    """The error's code and what to do; exit 1."""
    bedrock.push(Fault(error="AccessDeniedException"))
    code, shown = said(bedrock, *line, "--task", "copy")
    assert code == 1
    assert "modelmisconfigured: Bedrock answers 403 AccessDeniedException. Check MODEL_ID" in shown
    assert "0 paid calls" in shown


def test_nothing_is_asked_where_nothing_needs_asking(
    bedrock: BedrockStandIn, prompts_dir: Path, tmp_path: Path
) -> None:
    """What the seller states comes out without a call."""
    file = event_file(tmp_path, attributes={"색상": "블랙", "무늬": "무지"}, imageUrls=["https://img.example.com/1"])
    code, shown = said(bedrock, "try", file, "--task", "tags", "--prompts", str(prompts_dir))
    assert code == 0
    assert "not asked: the seller states it" in shown
    assert 'output: {"Color": ["01"], "Print": ["01"]}' in shown
    assert bedrock.requests == []


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({}, "AWS_REGION: You must specify a region. What the function is told of AWS holds here, too"),
        ({"AWS_REGION": "us-east-1"}, "Unable to locate credentials"),
    ],
)
def test_without_aws_it_says_what_is_missing(line: list[str], env: dict[str, str], message: str) -> None:
    """A clear line, no traceback."""
    done = workbench(*line, "--task", "copy", env={**env, "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})
    assert done.returncode == 1
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AWS_REGION": "eu-west-1"}, "Amazon Bedrock in eu-west-1"),
        ({}, "Amazon Bedrock in the region of your AWS profile"),
        ({"AWS_ENDPOINT_URL": f"http://localhost:{free_port()}"}, "which is no model"),
        ({"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://[::1]:1", "AWS_ENDPOINT_URL": "https://a.example"}, "[::1]"),
        ({"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://vpce-1.amazonaws.com"}, "https://vpce-1.amazonaws.com"),
    ],
)
def test_it_says_who_is_asked(environ: dict[str, str], words: str) -> None:
    """Nobody must take a stand-in for a model, nor a private endpoint for a stand-in."""
    assert words in place(environ)
    assert ("stand-in" in place(environ)) == ("localhost" in place(environ) or "[::1]" in place(environ))
