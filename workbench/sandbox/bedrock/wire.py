"""Reads a Converse request as the service does: against the service model that botocore itself ships.

It knows shapes only. What Claude refuses in a well-shaped request is in rules.
"""

import base64
import binascii
import functools
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NoReturn

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape


class Refused(Exception):
    """The service says no: an error name of Bedrock, its HTTP status and a message."""

    def __init__(self, name: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.status = status or error_statuses().get(name, HTTPStatus.BAD_REQUEST)
        self.message = message


def invalid(message: str) -> Refused:
    """The ValidationException that says `message`."""
    return Refused("ValidationException", message)


@functools.cache
def converse() -> OperationModel:
    """The operation as botocore's own service model describes it."""
    return botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse")


@functools.cache
def error_statuses() -> dict[str, int]:
    """HTTP status of each error that Converse models, and of the common ones of every AWS service that we answer."""
    modelled = {shape.name: int(shape.metadata["error"]["httpStatusCode"]) for shape in converse().error_shapes}
    return modelled | {
        "IncompleteSignatureException": HTTPStatus.FORBIDDEN,
        "InvalidSignatureException": HTTPStatus.FORBIDDEN,
        "MissingAuthenticationTokenException": HTTPStatus.FORBIDDEN,
        "RequestEntityTooLargeException": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "UnknownOperationException": HTTPStatus.NOT_FOUND,
    }


def parse_json(raw: bytes) -> object:
    """The body as JSON; None for what is none, which no request may be."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def read_request(model_id: str, body: object) -> dict[str, Any]:
    """The request with every blob as bytes, without its modelId; raises Refused at the first thing out of shape."""
    shape = converse().input_shape
    if not isinstance(shape, StructureShape) or not isinstance(body, dict):
        raise invalid("Malformed input request: expected a JSON object, please reformat your input and try again.")
    if "modelId" in body:
        _extraneous("modelId", "")
    request: dict[str, Any] = _structure(shape, {"modelId": model_id, **body}, "")
    del request["modelId"]
    return request


def _read(shape: Shape, value: object, path: str) -> object:
    return _READERS[shape.type_name](shape, value, path)


def _structure(shape: StructureShape, value: object, path: str) -> Any:  # noqa: ANN401 - a document may be any JSON
    if shape.is_document_type:
        return value
    if not isinstance(value, dict):
        _mistyped("an object", path)
    present = {key: member for key, member in value.items() if member is not None}  # null is absence in rest-json
    for key in present:
        if key not in shape.members:
            _extraneous(key, path)
    for key in shape.required_members:
        if key not in present:
            _violates("Member must not be null", f"{path}.{key}", "null")
    if shape.is_tagged_union and len(present) != 1:
        raise invalid(
            f"Malformed input request: {_pointer(path)}: exactly one of {', '.join(shape.members)} must be set, "
            "please reformat your input and try again."
        )
    return {key: _read(shape.members[key], member, f"{path}.{key}") for key, member in present.items()}


def _list(shape: ListShape, value: object, path: str) -> object:
    if not isinstance(value, list):
        _mistyped("a list", path)
    _within(shape, len(value), path, noun="length")
    return [_read(shape.member, member, f"{path}.{index}") for index, member in enumerate(value)]


def _map(shape: MapShape, value: object, path: str) -> object:
    if not isinstance(value, dict):
        _mistyped("a map", path)
    _within(shape, len(value), path, noun="length")
    return {_read(shape.key, k, path): _read(shape.value, member, f"{path}.{k}") for k, member in value.items()}


def _string(shape: Shape, value: object, path: str) -> object:
    if not isinstance(value, str):
        _mistyped("a string", path)
    _within(shape, len(value), path, noun="length")
    allowed, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if allowed and value not in allowed:
        _violates(f"Member must satisfy enum value set: [{', '.join(allowed)}]", path, value)
    # Java's \s and \d, which the service's patterns mean, are ASCII.
    if pattern and not re.fullmatch(pattern, value, re.ASCII):
        _violates(f"Member must satisfy regular expression pattern: {pattern}", path, value)
    return value


def _number(shape: Shape, value: object, path: str) -> object:
    kinds = int if shape.type_name in {"integer", "long"} else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        _mistyped(f"a value of type {shape.type_name}", path)
    _within(shape, value, path, noun="value")
    return value


def _boolean(_: Shape, value: object, path: str) -> object:
    if not isinstance(value, bool):
        _mistyped("a boolean", path)
    return value


def _blob(shape: Shape, value: object, path: str) -> object:
    if not isinstance(value, str):
        _mistyped("a base64 string", path)
    try:
        data = base64.b64decode(value, validate=True)
    except binascii.Error:
        _mistyped("a base64 string", path)
    _within(shape, len(data), path, noun="length")
    return data


_READERS: dict[str, Callable[[Any, object, str], object]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "blob": _blob,
}


def _within(shape: Shape, value: float, path: str, *, noun: str) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        _violates(f"Member must have {noun} greater than or equal to {low}", path, value)
    if high is not None and value > high:
        _violates(f"Member must have {noun} less than or equal to {high}", path, value)


def _pointer(path: str) -> str:
    return "#" + path.replace(".", "/")


def _extraneous(key: str, path: str) -> NoReturn:
    raise invalid(
        f"Malformed input request: {_pointer(path)}: extraneous key [{key}] is not permitted, "
        "please reformat your input and try again."
    )


def _mistyped(expected: str, path: str) -> NoReturn:
    raise invalid(f"Malformed input request: {_pointer(path)}: expected {expected}.")


def _violates(constraint: str, path: str, value: object) -> NoReturn:
    place = path.lstrip(".")
    raise invalid(
        f"1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint: {constraint}"
    )
