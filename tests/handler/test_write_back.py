"""The bodies that are PUT, held to docs/product-service.openapi.yaml, their keys and paths, and what answers mean."""

import json
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from enricher import NOW, Edits, Enricher
from hypothesis import example, given
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator
from product_events import product_event

from handler.asking import Bill
from handler.checks import Violation
from handler.errors import AnswerRejected, EnrichmentError, Unavailable, Unusable
from handler.events import ProductEvent
from handler.ledger import Slot, Written
from handler.outcomes import Outcome
from handler.question import Judgement
from handler.results import TaskResult
from handler.tasks import Prompts, Task
from handler.write_back import Generator, Put, outcome_of_status, put_failure, put_output
from workbench.sandbox.product_contract import CONTRACT

VIOLATION = Violation("offtable", "teal", "must be …", "‘teal’ 코드표에 없는 값입니다.", "Color")
JUDGEMENTS = {
    "copy": Judgement("편하게 입기 좋은 티셔츠예요. 😊 <b>"),
    "tags": Judgement({"Print": ["01"]}, {"Color": "rejected"}, (VIOLATION,)),
}
PATH_CHARACTERS = string.ascii_letters + string.digits + "-._~%/"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(CONTRACT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return document


def hold(contract: Mapping[str, Any], schema: str, put: Put) -> dict[str, Any]:
    """The body, which fits the schema; raises jsonschema's `ValidationError`."""
    body: dict[str, Any] = json.loads(put.body)
    OAS31Validator({"$ref": f"#/components/schemas/{schema}", "components": contract["components"]}).validate(body)
    return body


def task_of(prompts: Prompts, name: str) -> Task:
    return next(task for task in prompts.tasks if task.name == name)


def generator(task: Task, fingerprint: str = "f1") -> Generator:
    return Generator(
        task=task.name, edition=task.edition, model=task.model_id, fingerprint=fingerprint, generated_at=NOW
    )


def output_put(
    task: Task,
    event: ProductEvent,
    *,
    judgement: Judgement | None = None,
    writes: int = 0,
    fingerprint: str = "f1",
    edition: str = "e1",
) -> Put:
    """The PUT of a task's output."""
    language = event.product.language if task.name == "copy" else ""
    return put_output(
        event,
        task,
        Slot(event.product.product_id, task.name, language),
        judgement or JUDGEMENTS[task.name],
        step=(writes, Written(event.order, fingerprint, edition)),
        generator=generator(task, fingerprint),
    )


def failure_put(task: Task, event: ProductEvent, error: EnrichmentError | None = None) -> Put:
    """The PUT of a failure report."""
    result = TaskResult(
        task=task.name,
        outcome=Outcome.REJECTED if error else Outcome.INSUFFICIENT,
        detail=error.detail if error else "the product lacks images",
        edition=task.edition,
        model=task.model_id,
        fingerprint="",
        judgement=Judgement(None, violations=(VIOLATION,)) if error else Judgement(None),
        bill=Bill("/shop 1"),
        error=error,
    )
    return put_failure(event, task, result, generator(task, ""))


EVENTS = [
    product_event(7, updatedAt="2026-11-22T09:30:00.123456+09:00"),
    product_event(0),
    product_event(None, updatedAt="2026-11-22T09:30:00Z"),
    product_event(None, time=datetime(2026, 11, 22, tzinfo=UTC)),
    product_event(None, language="en"),
]


# Bodies


@pytest.mark.parametrize("event", EVENTS, ids=["both", "version", "updatedAt", "time", "none"])
def test_a_description_fits_the_contract(contract: dict[str, Any], prompts: Prompts, event: ProductEvent) -> None:
    """The text as it is, its language, source and generator, whatever order the event has."""
    body = hold(contract, "DescriptionWriteBack", output_put(task_of(prompts, "copy"), event))
    assert (body["description"], body["language"]) == (JUDGEMENTS["copy"].output, event.product.language)
    assert body["source"]["version"] == event.product.version
    moment = body["source"]["updatedAt"]
    assert (datetime.fromisoformat(moment) if moment else None) == event.product.updated_at
    assert datetime.fromisoformat(body["generator"]["generatedAt"]) == NOW


@pytest.mark.parametrize(
    "judgement",
    [
        JUDGEMENTS["tags"],
        Judgement({"Color": ["02", "06"], "Print": []}, {"Print": "unknown"}),
        Judgement({"Color": ["02"], "Print": []}, {"Print": "not_applicable"}),
        Judgement({"Color": "02:06", "Print": ""}, {"Print": "unknown"}),
    ],
    ids=["rejected", "unknown", "not applicable", "joined"],
)
def test_attributes_fit_the_contract(contract: dict[str, Any], prompts: Prompts, judgement: Judgement) -> None:
    """Codes with their outcomes, and no language."""
    body = hold(contract, "AttributesWriteBack", output_put(task_of(prompts, "tags"), EVENTS[0], judgement=judgement))
    assert (body["attributes"], body["outcomes"]) == (judgement.output, judgement.outcomes)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("error", [None, AnswerRejected("offtable")])
def test_a_failure_report_fits_the_contract(
    contract: dict[str, Any], prompts: Prompts, event: ProductEvent, error: EnrichmentError | None
) -> None:
    """Code, detail and violations for the planner; also where the task ended before there was a question."""
    body = hold(contract, "FailureReport", failure_put(task_of(prompts, "tags"), event, error))
    assert (body["code"], body["detail"]) == (
        ("answerrejected", "offtable") if error else ("insufficient", "the product lacks images")
    )
    assert body["violations"] == (
        [{"code": "offtable", "attribute": "Color", "excerpt": "teal", "message": VIOLATION.ko}] if error else []
    )


def test_bodies_are_utf8_and_not_escaped(prompts: Prompts) -> None:
    """Korean goes over the wire as Korean."""
    assert "편하게 입기 좋은 티셔츠예요. 😊".encode() in output_put(task_of(prompts, "copy"), EVENTS[0]).body


def test_a_task_names_its_own_path_and_field(enricher: Enricher, edit: Callable[[Edits], Prompts]) -> None:
    """What `write_back` says is where the output goes; the rest of the body stays."""
    old = '{path: "/api/v1/products/{productId}/description", field: description}'
    new = '{path: "/v2/{productId}/alt-text", field: altText}'
    enricher.prompts = edit({"copy/task.yaml": (old, new)})
    assert enricher.run(product_event(productId="A/1")).outcome is Outcome.WRITTEN
    (put,) = enricher.shop.puts
    assert put.path == "/v2/A%2F1/alt-text"
    assert json.loads(put.body).keys() == {"altText", "language", "source", "generator"}


# Paths


IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=128)


@given(IDS.filter(lambda text: text not in {".", ".."}))
@example("A/1 %?#")
@example("...")
@example("..%2F")
def test_a_product_id_is_one_segment(prompts: Prompts, product_id: str) -> None:
    """Every id, however odd, is percent-encoded to one path segment that decodes to itself."""
    task, event = task_of(prompts, "copy"), product_event(productId=product_id)
    for put in (output_put(task, event), failure_put(task, event)):
        segments = put.path.split("/")
        assert segments[:4] == ["", "api", "v1", "products"]
        assert unquote(segments[4]) == product_id
        assert not set(put.path) - set(PATH_CHARACTERS)


# Keys


def changes(event_id: str = "", **fields: Any) -> ProductEvent:  # noqa: ANN401 - an event's data
    return product_event(fields.pop("version", 7), event_id=event_id, **fields)


def test_a_key_is_stable_over_redelivery(prompts: Prompts) -> None:
    """The key rests on slot, writes before, order, fingerprint and edition: not on the delivery or the PUT's time."""
    task = task_of(prompts, "copy")
    keys = {output_put(task, changes(event_id=event_id)).idempotency_key for event_id in ("e-1", "e-2")}
    assert len(keys) == 1
    (key,) = keys
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")


def test_a_key_differs_for_every_other_write(prompts: Prompts) -> None:
    """Another product, version, kind of order, language, task, question, edition or number is another write."""
    copy, tags = task_of(prompts, "copy"), task_of(prompts, "tags")
    puts = [
        output_put(copy, changes()),
        output_put(copy, changes(productId="skirt")),
        output_put(copy, changes(version=8)),
        output_put(copy, changes(version=None)),
        output_put(copy, changes(version=None, updatedAt="1970-01-01T00:00:00.000007Z")),
        output_put(copy, changes(language="en")),
        output_put(tags, changes()),
        output_put(copy, changes(), fingerprint="f2"),
        output_put(copy, changes(), edition="e2"),
        output_put(copy, changes(), writes=1),
        output_put(copy, changes(), writes=2),
    ]
    assert len({put.idempotency_key for put in puts}) == len(puts)


@pytest.mark.parametrize("fields", [{"rewrite": "put"}, {"rewrite": "ask"}])
def test_a_write_that_is_meant_again_has_its_own_key(prompts: Prompts, fields: dict[str, Any]) -> None:
    """Who asks to write again is told apart by the event; a redelivery is not."""
    task = task_of(prompts, "copy")
    keys = [output_put(task, changes(event_id, **fields)).idempotency_key for event_id in ("e-1", "e-1", "e-2")]
    assert keys[0] == keys[1] != keys[2]
    assert output_put(task, changes("e-1")).idempotency_key not in keys


def test_a_report_has_a_key_of_its_own(prompts: Prompts) -> None:
    """Stable over redelivery, different for another failure, version or task, and never that of the output."""
    copy, tags = task_of(prompts, "copy"), task_of(prompts, "tags")
    first = failure_put(copy, changes(event_id="e-1")).idempotency_key
    assert first == failure_put(copy, changes(event_id="e-2")).idempotency_key
    others = [
        failure_put(copy, changes(version=8)),
        failure_put(copy, changes(), AnswerRejected("offtable")),
        failure_put(tags, changes()),
        output_put(copy, changes()),
    ]
    assert len({first, *(put.idempotency_key for put in others)}) == 5


def test_the_trace_goes_along(prompts: Prompts) -> None:
    """Output and report carry the event's traceparent."""
    event, task = product_event(traceparent="00-a-b-01"), task_of(prompts, "copy")
    assert output_put(task, event).traceparent == failure_put(task, event).traceparent == "00-a-b-01"


# What answers mean


def ending(status: int) -> tuple[str, str | None]:
    """How the function ends after this answer: in the words of the contract, and with which code."""
    try:
        return outcome_of_status(status).value, None
    except Unavailable as error:
        return "transient", error.code
    except Unusable as error:
        return "permanent", error.code


def test_every_status_has_one_meaning(contract: dict[str, Any]) -> None:
    """The whole table, as the contract documents it for a platform: outcome and error code, for every status."""
    responses = contract["paths"]["/api/v1/products/{productId}/description"]["put"]["responses"]
    for status in [*range(200, 300), *range(400, 600)]:
        documented = responses.get(str(status)) or responses[f"{status // 100}XX"]
        meaning = contract["components"]["responses"][documented["$ref"].rpartition("/")[2]]
        assert ending(status) == (meaning["x-outcome"], meaning.get("x-code")), status


@pytest.mark.parametrize("status", [100, 300, 301, 304, 308])
def test_what_is_no_answer_to_a_put_breaks_the_contract(status: int) -> None:
    """A redirect, or anything else that is neither success nor error, is for a person to mend."""
    assert ending(status) == ("permanent", "writebackrejected")
