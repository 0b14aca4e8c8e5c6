"""The bench's DynamoDB: the ledger keeps its whole contract on it, and what the ledger never sends is refused."""

from collections.abc import Iterator
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path

import pytest
from stores import Store

from handler.clients.aws import AwsService
from handler.clients.aws_config import session
from handler.clients.dynamodb import SKEW_SECONDS, DynamoLedger
from handler.clients.dynamodb_table import Table
from workbench.bench.dynamodb import DynamoDb, Item, Unsupported, actions, condition
from workbench.bench.processes import Peers

_CONTRACT = Path(__file__).parent.parent / "handler/test_ledger.py"
_spec = spec_from_file_location("ledger_contract", _CONTRACT)
assert _spec
assert _spec.loader
_contract = module_from_spec(_spec)
_spec.loader.exec_module(_contract)
globals().update({name: each for name, each in vars(_contract).items() if name.startswith("test_") or name == "lost"})

_tables = count()


@pytest.fixture(scope="module")
def service() -> Iterator[AwsService]:
    """The function's own client before the bench's DynamoDB."""
    with pytest.MonkeyPatch.context() as environment, Peers() as peers:
        environment.setenv("AWS_ACCESS_KEY_ID", "none")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "none")
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", peers.url)
        with closing(AwsService(session("us-east-1"), "dynamodb", pool_size=50)) as client:
            yield client


@pytest.fixture
def store(service: AwsService) -> Store:
    """An empty table."""
    table = Table(f"table-{next(_tables)}", service)
    return Store(lambda clock: DynamoLedger(table, clock=clock), slack=SKEW_SECONDS)


@pytest.mark.parametrize(
    "expression", ["a = :a OR b = :b AND c = :c", "size(a) > :a", "a >= :a", "(a = :a) OR (b = :b)", ""]
)
def test_another_condition_is_refused(expression: str) -> None:
    """A condition that the ledger does not use is no condition that silently holds."""
    with pytest.raises(Unsupported):
        condition(expression)


@pytest.mark.parametrize("expression", ["DELETE a :a", "SET a = if_not_exists(a, :a)", "SET a = b + :a", "a = :a", ""])
def test_another_update_is_refused(expression: str) -> None:
    """An update that the ledger does not use changes nothing in silence."""
    with pytest.raises(Unsupported):
        actions(expression)


@pytest.mark.parametrize("operation", ["PutItem", "BatchGetItem"])
def test_another_operation_is_refused(operation: str) -> None:
    """An operation that the ledger does not use is an error."""
    with pytest.raises(Unsupported):
        DynamoDb().answer(operation, {"TableName": "bench", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}})


def test_a_condition_needs_its_attribute() -> None:
    """A comparison with what is not there does not hold; an AND needs each of its ORs."""
    item: Item = {"a": {"N": "10"}}
    assert not condition("b < :v")(item, {":v": {"N": "11"}})
    assert condition("a > :v")(item, {":v": {"N": "9"}})
    assert not condition("a < :v")(item, {":v": {"N": "10"}})
    assert condition("(b = :v OR a <= :v) AND attribute_not_exists(b)")(item, {":v": {"N": "10"}})
    assert not condition("(b = :v OR a <= :v) AND attribute_not_exists(a)")(item, {":v": {"N": "10"}})


def test_actions_see_the_item_as_it_was() -> None:
    """Each action of an update reads what was there before the update."""
    before: Item = {"a": {"N": "1"}, "b": {"N": "5"}}
    after = dict(before)
    for action in actions("SET a = :v, c = a - :v REMOVE b ADD d :v"):
        action(before, after, {":v": {"N": "3"}})
    assert after == {"a": {"N": "3"}, "c": {"N": "-2"}, "d": {"N": "3"}}
