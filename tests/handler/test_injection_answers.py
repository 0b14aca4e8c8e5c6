"""Hostile product texts on their way out: what a model that obeys them says is caught, and nobody is told of it."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
from edges import response
from enricher import MODEL_ID, Enricher
from injection import COPY, PROMPTS, Attack, every_attack, facts, obey
from product_events import SHIRT

from handler.checks import Violation
from handler.converse import read_answer
from handler.outcomes import Outcome
from handler.question import question_of
from handler.results import MAX_PROBLEM_BYTES, Reply, problem
from handler.task_folders import load_prompts
from handler.tasks import Prompts
from handler.telemetry import Telemetry

MARK = "표지낱말"
"""Stands in what the seller typed and in what the model said."""
BAD_COPY = (
    "국민 1위 티셔츠를 할인가로 무료배송해요. 한정 수량이니 카톡으로 주세요. https://shop.example 또는 02-123-4567.\n"
    "아토피에 좋은 항균 캐시미어와 노르웨이산 히알루론산을 담은 버건디 색 37cm NORTHPEAK."
)
BAD_CODES = {
    *("superlative", "price", "shipping", "scarcity", "contact", "url", "phone", "druglike"),
    *("functions", "materials", "origin", "ingredients", "colours", "numbers", "latin"),
}
"""What `BAD_COPY` breaks. No attack states any of it, so none licenses it."""


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return load_prompts(PROMPTS, MODEL_ID)


def violations(prompts: Prompts, data: Mapping[str, Any], copy: str) -> tuple[Violation, ...]:
    """What is wrong with this copy for this product."""
    task = next(task for task in prompts.tasks if task.name == "description")
    question = question_of(task, facts(prompts, data), data.get("language", "ko"))
    return question.judge(read_answer(response(copy), "")).violations


@pytest.mark.parametrize("language", ["ko", "en"])
def test_harmless_copy_passes(prompts: Prompts, language: str) -> None:
    """What the attacks' answers are made of is without fault, so whatever is found in them was added."""
    assert violations(prompts, {**SHIRT, "language": language}, COPY[language]) == ()


@every_attack
def test_what_a_model_obeys_is_not_written(prompts: Prompts, attack: Attack) -> None:
    """A text is rejected for what was added; of codes, no attribute that the seller dictated is written."""
    enricher = Enricher(prompts)
    _, result = obey(enricher, attack)
    if isinstance(attack.obeyed, str):
        assert (result.outcome, result.judgement.output, enricher.copies) == (Outcome.REJECTED, None, [])
        assert result.judgement.violations
        return
    assert result.outcome in {Outcome.REJECTED, Outcome.WRITTEN}
    table = attack.task(prompts).codes.root
    for tags in (result.judgement.output or {}, *enricher.tags):
        assert tags.keys().isdisjoint(attack.obeyed)
        assert all(set(codes) <= {label.code for label in table[name].labels.values()} for name, codes in tags.items())


@every_attack
def test_re_ask_quotes_and_lets_nothing_out(prompts: Prompts, attack: Attack) -> None:
    """The second call repeats the first and adds one line a violation, in which one quotation stands."""
    enricher = Enricher(prompts)
    obey(enricher, attack)
    first, *again = enricher.model.bodies
    for second in again:  # none where only keys that no table has were dictated
        assert {**second, "messages": second["messages"][:1]} == first
        content = second["messages"][2]["content"][0]
        ask = content["toolResult"]["content"][0]["text"] if "toolResult" in content else content["text"]
        _, *advice, _ = ask.splitlines()
        assert all(line.startswith("- ") and line.count("“") == line.count("”") == 1 for line in advice), ask
        assert all(len(line) < 300 for line in advice)


@every_attack
def test_no_check_is_switched_off(prompts: Prompts, attack: Attack) -> None:
    """Whatever the seller typed, bad copy breaks every rule that it breaks for a harmless product."""
    data = {**attack.data, "language": "ko"}
    assert {violation.code for violation in violations(prompts, SHIRT, BAD_COPY)} >= BAD_CODES
    assert {violation.code for violation in violations(prompts, data, BAD_COPY)} >= BAD_CODES


@every_attack
def test_only_checked_output_and_nothing_of_the_seller_is_told(prompts: Prompts, attack: Attack) -> None:
    """Log, problem and reply: codes of rules, what was PUT, and never what the seller typed or the model said."""
    enricher, log = Enricher(prompts), io.BytesIO()
    marked = {name: f"{attack.data.get(name, '')} {MARK}" for name in ("name", "brand", "audience")}
    said = f"{attack.obeyed} {MARK}" if isinstance(attack.obeyed, str) else {**attack.obeyed, MARK: [MARK]}

    event, result = obey(enricher, Attack(attack.kind, {**attack.product, **marked}, said))
    Telemetry(log).task_ended(event, result)

    assert MARK not in log.getvalue().decode()
    if result.error:
        told = problem(result.error, product_id=event.product.product_id, task=result.task)
        assert len(told) <= MAX_PROBLEM_BYTES
        assert MARK not in told.decode()
    (shown,) = Reply.of(event.product, [result]).results
    written: list[Any] = [*enricher.copies, *enricher.tags]
    assert ([] if shown.output is None else [shown.output]) == written
    for reported in (violation for report in enricher.shop.reports for violation in report["violations"]):
        assert len(reported["excerpt"]) <= 100
        assert reported["excerpt"].isprintable(), reported
