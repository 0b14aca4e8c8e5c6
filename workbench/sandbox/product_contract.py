"""What may be sent to the product service: bodies judged by docs/product-service.openapi.yaml. No IO but reading it.

The contract is the only list of fields; this module adds what a JSON Schema cannot say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema.exceptions import best_match
from openapi_schema_validator import OAS31Validator
from werkzeug.exceptions import UnprocessableEntity

CONTRACT = Path(__file__).resolve().parents[2] / "docs" / "product-service.openapi.yaml"

TEXT = ""
"""The name of a text's only value, beside the attribute names of a code table."""


@dataclass(frozen=True)
class WriteBack:
    """One accepted body: what is to be stored, whatever the task calls its field."""

    field: str
    values: Mapping[str, Any]
    """Attribute name to codes; for a text `{TEXT: text}`."""
    outcomes: Mapping[str, str]
    provenance: Mapping[str, Any]
    """`source`, `generator` and, for a text, `language`."""

    @property
    def names(self) -> frozenset[str]:
        """The enriched fields that the version check covers: a rejected attribute is one of them."""
        return frozenset({*self.values, *self.outcomes})

    @property
    def version(self) -> int | None:
        """`source.version`; None compares with nothing."""
        version: int | None = self.provenance["source"]["version"]
        return version

    @property
    def task(self) -> str:
        """The task that wrote it."""
        task: str = self.provenance["generator"]["task"]
        return task


def write_back(resource: str, body: dict[str, Any]) -> WriteBack:
    """The body of `PUT .../{resource}`; raises `UnprocessableEntity` naming what breaks the contract.

    A task's `write_back` may name a path and field of its own. Such a body is judged like the default of its kind: a
    text like `description`, an object like `attributes`.
    """
    field = resource if resource in {"description", "attributes"} else _own_field(body)
    if resource == "attributes" or (resource != "description" and isinstance(body[field], dict)):
        _hold("AttributesWriteBack", _renamed(body, field, "attributes"))
        values, outcomes = body[field], body.get("outcomes", {})
        _hold_outcomes(values, outcomes)
    else:
        _hold("DescriptionWriteBack", _renamed(body, field, "description"))
        values, outcomes = {TEXT: body[field]}, {}
    provenance: dict[str, Any] = {key: body[key] for key in ("source", "generator", "language") if key in body}
    return WriteBack(field, values, outcomes, provenance)


def failure_report(body: dict[str, Any]) -> dict[str, Any]:
    """The body of `PUT .../enrichment-failures/{task}`, as it came; raises `UnprocessableEntity`."""
    _hold("FailureReport", body)
    return body


def _own_field(body: dict[str, Any]) -> str:
    own = body.keys() - {"source", "generator", "language", "outcomes"}
    if len(own) != 1:
        raise UnprocessableEntity(f"The body has {len(own)} fields of the task's own; it takes one.")
    return str(own.pop())


def _renamed(body: dict[str, Any], field: str, default: str) -> dict[str, Any]:
    return {default if key == field else key: value for key, value in body.items()}


def _hold_outcomes(values: Mapping[str, Any], outcomes: Mapping[str, str]) -> None:
    for name in sorted({*values, *outcomes}):
        value, outcome = values.get(name), outcomes.get(name)
        if outcome == "rejected" and value is not None:
            raise UnprocessableEntity(f"attributes: {name} is rejected and has a value.")
        if outcome in {"unknown", "not_applicable"} and (value is None or value):
            raise UnprocessableEntity(f"attributes: {name} is {outcome} and must be present and empty.")
        if outcome is None and not value:
            raise UnprocessableEntity(f"attributes: {name} is empty and has no outcome.")


def _hold(schema: str, body: dict[str, Any]) -> None:
    worst = best_match(_validator(schema).iter_errors(body))
    if worst is not None:
        raise UnprocessableEntity(f"{schema}, {worst.json_path}: {worst.message[:300]}")


@cache
def _validator(schema: str) -> OAS31Validator:
    contract = yaml.load(CONTRACT.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return OAS31Validator({"$ref": f"#/components/schemas/{schema}", "components": contract["components"]})
