"""Planners' rule files: what they mean, and what `make prompts` tells a planner."""

import shutil
from pathlib import Path

import pytest

from handler.checks.claims import check_claims
from handler.checks.rules import ClaimRule, load_rules
from handler.checks.text import check_text
from handler.content import ContentError
from handler.facts import Facts
from workbench.trials import rule_problems

RULES = Path(__file__).parents[1] / "rules"
FAMILIES = ("numbers", "colours", "materials", "functions", "latin")

PACK = """\
language: ko
rules:
- code: eco
  match: {match}
  except: ['친환경 마을']
  ko: 근거가 없습니다.
  en: leave it out.
  pass: [{passes}]
  fail: [{fails}]
"""


def rule(**fields: object) -> ClaimRule:
    given = {
        "code": "eco",
        "match": "친환경",
        "ko": "근거 없음",
        "en": "no",
        "pass": ["평범"],
        "fail": ["친환경"],
        **fields,
    }
    return ClaimRule.model_validate(given)


def fired(text: str, by: ClaimRule, *, category: tuple[str, ...] = (), **attributes: str) -> list[str]:
    facts = Facts(name="친환경 가방", category=category, attributes=tuple((k, (v,)) for k, v in attributes.items()))
    found = check_claims(text, facts=facts, rules=(by,), negations=[r":\s*없음$"])
    return [violation.excerpt for violation in found]


def shared_with(tmp_path: Path, **packs: str) -> Path:
    shared = tmp_path / "shared"
    shutil.copytree(RULES, shared)
    for name, text in packs.items():
        (shared / f"{name}.yaml").write_text(text, encoding="utf-8")
    return shared


def test_the_name_is_no_evidence_but_a_named_attribute_is() -> None:
    """Sellers write slogans into names; an attribute that says the same words bears a claim out."""
    by = rule(unless=["인증"])
    assert fired("친환경 가방", by) == ["친환경"]
    assert fired("친환경 가방", by, 소재="친환경 원단") == ["친환경"]
    assert fired("친환경 가방", by, 인증="무독성") == ["친환경"]
    assert fired("친환경 가방", by, 환경인증="친환경: 없음") == ["친환경"]
    assert fired("친환경 가방", by, 환경인증="친환경 제12호") == []


def test_an_exception_must_cover_the_match() -> None:
    """A harmless compound excuses only the words inside it."""
    by = rule(**{"match": "주름", "except": ["주름 스커트"], "pass": ["주름 스커트"], "fail": ["주름"]})
    assert fired("주름 스커트로 주름 개선", by) == ["주름"]


def test_a_rule_is_silent_outside_its_categories() -> None:
    """A rule for cosmetics leaves clothes alone."""
    by = rule(where=["**/화장품/**"])
    assert fired("친환경 크림", by, category=("뷰티", "화장품", "크림")) == ["친환경"]
    assert fired("친환경 가방", by, category=("패션", "가방")) == []


@pytest.mark.parametrize("missing", ["pass", "fail"])
def test_a_rule_without_its_own_sentences_is_refused(tmp_path: Path, missing: str) -> None:
    """What has no example of right and wrong cannot be trusted."""
    text = PACK.format(match="친환경", passes="평범한 가방", fails="친환경 가방")
    kept = "\n".join(line for line in text.splitlines() if not line.strip().startswith(missing))
    shared = shared_with(tmp_path, own=kept)
    with pytest.raises(ContentError, match=rf"own.yaml:3: rules.0 \(eco\).{missing}: "):
        load_rules(shared, claims=("own",), grounding=())


@pytest.mark.parametrize(
    ("match", "passes", "fails", "message"),
    [
        ("친환경", "친환경 소재", "친환경 가방", "own.yaml:8: eco: “친환경 소재” must pass, but “친환경” fires"),
        ("친환경", "친환경 마을", "착한 가방", "own.yaml:9: eco: “착한 가방” must fail, but nothing fires"),
        ("'친환경('", "평범한 가방", "친환경 가방", "own.yaml:4: eco: “친환경(” is not a regular expression"),
        ("'(가|가가)+나다'", "가" * 60, "가나다", "“a pattern that is too slow” fires"),
    ],
)
def test_a_planner_is_told_file_line_and_what_to_do(
    tmp_path: Path, match: str, passes: str, fails: str, message: str
) -> None:
    """A sentence judged wrongly, or a broken or too slow pattern, is found before it is shipped."""
    shared = shared_with(tmp_path, own=PACK.format(match=match, passes=passes, fails=fails))
    (problem,) = rule_problems(shared, claims=("own",), grounding=())
    assert message in str(problem)


def test_grounding_files_are_proved_too(tmp_path: Path) -> None:
    """A word taken out of a family, or written into two colours, is found by line."""
    korean = (RULES / "grounding-ko.yaml").read_text(encoding="utf-8")
    colours = (RULES / "colours.yaml").read_text(encoding="utf-8") + "onyx: {ko: 오닉스, also: [블랙], within: jet}\n"
    shared = shared_with(
        tmp_path,
        **{
            "grounding-ko": korean.replace("[캐시미어]", "[앙고라]").replace("총장 70cm 셔츠", "총장 60cm 셔츠"),
            "colours": colours,
        },
    )
    problems = "\n".join(map(str, rule_problems(shared, claims=(), grounding=FAMILIES)))
    line = next(n for n, text in enumerate(korean.splitlines(), 1) if "부드러운 캐시미어예요." in text)
    assert f"grounding-ko.yaml:{line}: “부드러운 캐시미어예요.” must fail" in problems
    assert "“총장 60cm 셔츠예요.” must pass, but numbers fires at “60cm”" in problems
    assert "onyx: “블랙” is also a word of black" in problems
    assert "onyx: within names jet" in problems


def test_a_file_that_cannot_be_read_is_the_one_problem(tmp_path: Path) -> None:
    """A missing pack is reported like any other mistake."""
    (problem,) = rule_problems(shared_with(tmp_path), claims=("nowhere",), grounding=())
    assert "nowhere.yaml:1: does not exist" in str(problem)


def test_an_unknown_family_is_refused() -> None:
    """A family that a task misspells would otherwise check nothing."""
    with pytest.raises(ContentError, match="add colors, or do not list it"):
        load_rules(RULES, claims=(), grounding=("colors",))


def test_an_undecidable_text_is_not_published(tmp_path: Path) -> None:
    """A pattern that backtracks without end becomes a violation, not a hanging process."""
    shared = shared_with(tmp_path, own=PACK.format(match="'(가|가가)+나다'", passes="나", fails="가나다"))
    rules = load_rules(shared, claims=("own",), grounding=())
    facts = Facts(name="티", category=(), attributes=())
    found = check_text("가" * 60, facts=facts, language="ko", length=(1, 100), emoji=True, rules=rules)
    assert [violation.code for violation in found] == ["undecided"]
