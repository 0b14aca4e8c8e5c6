"""docs/product-service.openapi.yaml itself: it is what a platform implements, so it must be right without code."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS31Validator

from handler.errors import EnrichmentError
from handler.write_back import outcome_of_status
from workbench.sandbox.product_contract import CONTRACT

DOCUMENT: dict[str, Any] = yaml.load(CONTRACT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
OPERATIONS = {
    f"{verb} {path}": item[verb] for path, item in DOCUMENT["paths"].items() for verb in item.keys() & {"put"}
}


def nodes(node: object, where: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in the document with its JSON pointer."""
    if isinstance(node, dict):
        yield where, node
        for key, value in node.items():
            yield from nodes(value, f"{where}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{where}/{index}")


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The node, or what its local reference points to; KeyError where that is nothing."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def violations(schema: dict[str, Any], value: object) -> list[str]:
    """What a schema of the document says against a value."""
    whole = OAS31Validator({**schema, "components": DOCUMENT["components"]})
    return [error.message for error in whole.iter_errors(value)]


def samples() -> Iterator[tuple[str, dict[str, Any], object]]:
    """Every example of the document beside the schema that it belongs to."""
    for where, node in nodes(DOCUMENT):
        if "schema" in node and "example" in node:
            yield where, node["schema"], node["example"]
        for name, example in node.get("examples", {}).items() if "schema" in node else ():
            yield f"{where}/examples/{name}", node["schema"], example["value"]


def test_contract_is_openapi_31_with_the_three_puts() -> None:
    """The document is OpenAPI 3.1 and has exactly the operations that the function calls."""
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])
    stem = "put /api/v1/products/{productId}"
    assert set(OPERATIONS) == {f"{stem}/description", f"{stem}/attributes", f"{stem}/enrichment-failures/{{task}}"}


def test_every_schema_is_a_schema() -> None:
    """Each component schema passes the OpenAPI 3.1 schema dialect's own meta-schema."""
    for schema in DOCUMENT["components"]["schemas"].values():
        OAS31Validator.check_schema(schema)


def test_every_reference_resolves() -> None:
    """No `$ref` of the document points outside of it or to nothing."""
    references = [node for _, node in nodes(DOCUMENT) if "$ref" in node]
    assert len(references) > 30
    for node in references:
        assert node["$ref"].startswith("#/")
        resolved(node)


@pytest.mark.parametrize(
    ("schema", "example"), [pytest.param(schema, example, id=where) for where, schema, example in samples()]
)
def test_every_example_validates(schema: dict[str, Any], example: object) -> None:
    """An example that the schema refuses would teach a platform the wrong thing."""
    assert violations(schema, example) == []


def test_every_body_has_an_example() -> None:
    """Each of the three bodies is shown at least once, with Korean text."""
    for name, operation in OPERATIONS.items():
        examples = operation["requestBody"]["content"]["application/json"]["examples"]
        assert examples, name
    assert re.search("[가-힣]", str(OPERATIONS["put /api/v1/products/{productId}/description"]))


@pytest.mark.parametrize(
    "name", ["DescriptionWriteBack", "AttributesWriteBack", "FailureReport", "Source", "Generator", "Violation"]
)
def test_what_the_function_sends_is_closed(name: str) -> None:
    """A field that the contract does not name is refused, so that none can be added in silence."""
    assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_every_path_parameter_is_declared() -> None:
    """The variables of each path and its declared path parameters are the same."""
    for path, item in DOCUMENT["paths"].items():
        declared = {each["name"] for each in map(resolved, item["parameters"]) if each["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert all(each["required"] for each in map(resolved, item["parameters"]) if each["in"] == "path")


def test_every_put_carries_the_headers() -> None:
    """Each PUT takes the idempotency key and the trace, and a bearer token."""
    for item in DOCUMENT["paths"].values():
        headers = {
            each["name"]: each["required"] for each in map(resolved, item["parameters"]) if each["in"] == "header"
        }
        assert headers == {"Idempotency-Key": True, "traceparent": False}
    assert DOCUMENT["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_status_says_what_the_function_does(operation: dict[str, Any]) -> None:
    """The outcome of each status is the design's: superseded, protected, permanent or transient."""
    outcomes = {status: resolved(answer)["x-outcome"] for status, answer in operation["responses"].items()}
    assert outcomes == {
        "2XX": "written",
        **dict.fromkeys(["409", "412"], "superseded"),
        "423": "protected",
        **dict.fromkeys(["404", "4XX"], "permanent"),
        **dict.fromkeys(["401", "403", "408", "425", "429", "5XX"], "transient"),
    }


@pytest.mark.parametrize("status", [200, 201, 204, *range(400, 432), 451, 499, 500, 501, 502, 503, 504, 529])
def test_function_does_what_the_contract_says(status: int) -> None:
    """For every status the function ends as the most specific answer of the contract promises, with its error code."""
    answers = OPERATIONS["put /api/v1/products/{productId}/description"]["responses"]
    answer = resolved(answers.get(str(status)) or answers[f"{status // 100}XX"])
    try:
        ended, code = outcome_of_status(status).value, None
    except EnrichmentError as error:
        ended, code = {422: "permanent", 503: "transient"}[error.status], error.code
    assert (ended, code) == (answer["x-outcome"], answer.get("x-code"))
    assert code is None or f"`{code}`" in DOCUMENT["info"]["description"]
