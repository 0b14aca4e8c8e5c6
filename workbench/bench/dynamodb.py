"""DynamoDB in memory, for exactly the requests that the function's ledger sends; others raise.

moto takes some ten milliseconds a request and would be what is measured. This is no DynamoDB for anything else: a
condition is an AND of ORs, a table need not be created, and keys are always `pk` and `sk`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from operator import eq, gt, le, lt, ne
from typing import Any, Final

Item = dict[str, dict[str, Any]]
Key = tuple[str, str, str]
"""Table, partition key and sort key."""
Values = Mapping[str, Mapping[str, Any]]
Condition = Callable[[Item, Values], bool]
Action = Callable[[Item, Item, Values], None]
"""Changes the second item by what the first one was: every action of an update sees the item before it."""

_COMPARISONS: Final = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt}


class Unsupported(Exception):
    """The ledger sends something that this stand-in was not made for."""


class DynamoDb:
    """Answers one request after another."""

    def __init__(self) -> None:
        self._items: dict[Key, Item] = {}

    def answer(self, operation: str, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body. Raises `Unsupported`."""
        match operation:
            case "GetItem":
                item = self._items.get(_key(request))
                return 200, {"Item": item} if item else {}
            case "UpdateItem":
                return self._update(request)
            case "DeleteItem":
                self._items.pop(_key(request), None)
                return 200, {}
            case "Query" if request["KeyConditionExpression"] == "pk = :pk":
                wanted = request["TableName"], request["ExpressionAttributeValues"][":pk"]["S"]
                found = (item for (*place, _), item in self._items.items() if tuple(place) == wanted)
                keys = [{"pk": item["pk"], "sk": item["sk"]} for item in found]
                return 200, {"Items": keys, "Count": len(keys)}
        raise Unsupported(operation)

    def _update(self, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        key, values = _key(request), request["ExpressionAttributeValues"]
        before = self._items.get(key, {})
        if not condition(request["ConditionExpression"])(before, values):
            refusal = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}
            return 400, {**refusal, "Item": before} if before else refusal
        after: Item = {**before, **request["Key"]}
        expression = request["UpdateExpression"]
        for placeholder, name in request.get("ExpressionAttributeNames", {}).items():
            expression = expression.replace(placeholder, name)
        for action in actions(expression):
            action(before, after, values)
        self._items[key] = after
        returned = {"ALL_NEW": after, "ALL_OLD": before, "NONE": {}}[request["ReturnValues"]]
        return 200, {"Attributes": returned} if returned else {}


@cache
def condition(expression: str) -> Condition:
    """The ConditionExpression as a function. Raises `Unsupported`."""
    clauses = expression.split(" AND ")
    if len(clauses) > 1 and any(" OR " in clause and clause[0] != "(" for clause in clauses):
        raise Unsupported(expression)
    terms = [[_term(term) for term in _unwrapped(clause).split(" OR ")] for clause in clauses]
    return lambda item, values: all(any(term(item, values) for term in clause) for clause in terms)


def _unwrapped(clause: str) -> str:
    return clause[1:-1] if clause.startswith("(") else clause


def _term(term: str) -> Condition:
    if absent := re.fullmatch(r"attribute_not_exists\((\w+)\)", term):
        name = absent[1]
        return lambda item, _: name not in item
    if compared := re.fullmatch(r"(\w+) (=|<>|<|<=|>) (:\w+)", term):
        name, sign, value = compared.groups()
        holds = _COMPARISONS[sign]
        return lambda item, values: name in item and holds(_plain(item[name]), _plain(values[value]))
    raise Unsupported(term)


@cache
def actions(expression: str) -> tuple[Action, ...]:
    """The UpdateExpression as functions. Raises `Unsupported`."""
    return tuple(_actions(expression))


def _actions(expression: str) -> Iterator[Action]:
    _, *clauses = re.split(r"(?:^| )(SET|REMOVE|ADD) ", expression)
    if not clauses:
        raise Unsupported(expression)
    for verb, parts in zip(clauses[::2], clauses[1::2], strict=True):
        for part in parts.split(", "):
            yield _action(verb, part.split())


def _action(verb: str, words: list[str]) -> Action:
    match verb, words:
        case "SET", [name, "=", value]:
            return lambda _, after, values: after.update({name: dict(values[value])})
        case "SET", [name, "=", base, "-", value]:
            return lambda before, after, values: after.update({name: _sum(before[base], values[value], sign=-1)})
        case "ADD", [name, value]:
            return lambda before, after, values: after.update({name: _sum(before.get(name), values[value])})
        case "REMOVE", [name]:
            return lambda _, after, __: _remove(after, name)
    raise Unsupported(f"{verb} {' '.join(words)}")


def _remove(item: Item, name: str) -> None:
    item.pop(name, None)


def _sum(base: Mapping[str, Any] | None, value: Mapping[str, Any], *, sign: int = 1) -> dict[str, Any]:
    return {"N": str(Decimal(base["N"] if base else 0) + sign * Decimal(value["N"]))}


def _plain(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a number or a string, of one kind on both sides
    return Decimal(value["N"]) if "N" in value else value["S"]


def _key(request: Mapping[str, Any]) -> Key:
    return request["TableName"], request["Key"]["pk"]["S"], request["Key"]["sk"]["S"]
