"""One DynamoDB table over its JSON protocol: which requests are made again, and what every failure is.

Items and keys are attribute values as they go over the wire: `{"S": text}`, `{"N": digits}`, `{"B": base64}` (DynamoDB
API reference, "AttributeValue").
"""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from pydantic_core import from_json, to_json
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from handler.clients.aws import AwsService, CredentialsFailure
from handler.errors import LedgerUnavailable

CONNECT_SECONDS = 1.0
READ_SECONDS = 2.0
ATTEMPTS = 3
"""For one request: made again within milliseconds after a stumble, within seconds if throttled."""
THROTTLES: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
STUMBLES: Final = frozenset({"ReplicatedWriteConflictException", "RequestTimeout", "RequestTimeoutException"})
"""Errors that the SDKs try again though their status is 400; the first one is of global tables."""

_TIMEOUT = Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS, total=CONNECT_SECONDS + READ_SECONDS)
_REFUSAL = "ConditionalCheckFailedException"

Item = Mapping[str, Any]


class _Refused(Exception):
    """The condition did not hold for `item`."""

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


class _Stumble(Exception):
    """May heal at once; the message says what happened."""

    most_seconds = 0.05
    """To wait before the second attempt; the longest wait doubles with each."""


class _Throttle(_Stumble):
    """May heal, but later."""

    most_seconds = 1.0


class Table:
    """Safe to share between threads. Every method raises `LedgerUnavailable`."""

    def __init__(self, name: str, service: AwsService) -> None:
        self._name = name
        self._service = service

    def get(self, key: Item) -> Item:
        """The item as of now, empty where there is none."""
        item: Item = self._request("GetItem", {"Key": key, "ConsistentRead": True}).get("Item", {})
        return item

    def update(
        self,
        key: Item,
        expression: str,
        *,
        condition: str,
        values: Item,
        returns: Literal["ALL_NEW", "ALL_OLD", "NONE"] = "NONE",
    ) -> tuple[bool, Item]:
        """Whether the condition held, with the item: where it held, as `returns` says; else as it is."""
        names = {"ExpressionAttributeNames": {"#ttl": "ttl"}} if "#ttl" in expression else {}  # a reserved word
        request = {
            "Key": key,
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValues": returns,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **names,
        }
        try:
            return True, self._request("UpdateItem", request).get("Attributes", {})
        except _Refused as refusal:
            return False, refusal.item

    def delete(self, key: Item) -> None:
        self._request("DeleteItem", {"Key": key})

    def keys(self, partition: str) -> Iterator[Item]:
        """The keys of all items whose `pk` is `partition`, page by page."""
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": partition}},
            "ProjectionExpression": "pk, sk",
            "ConsistentRead": True,
        }
        while True:
            page = self._request("Query", query)
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _request(self, operation: str, request: Item) -> Item:
        """What DynamoDB answers to one request, made `ATTEMPTS` times at most. Raises `_Refused`."""
        body = to_json({"TableName": self._name, **request})
        for attempt in range(ATTEMPTS - 1):
            try:
                return self._send(operation, body)
            except _Stumble as stumble:
                # Full jitter, as the SDKs have it (AWS SDKs and Tools reference, "Retry behavior").
                time.sleep(random.uniform(0, stumble.most_seconds * 2**attempt))  # noqa: S311 - no secret
        try:
            return self._send(operation, body)
        except _Stumble as stumble:
            raise LedgerUnavailable(str(stumble)) from stumble.__cause__

    def _send(self, operation: str, body: bytes) -> Item:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        try:
            answer = self._service.post("/", headers, body, _TIMEOUT)
        except HTTPError as error:
            raise _Stumble(type(error).__name__) from error
        except CredentialsFailure as error:
            raise (_Stumble if error.passes else LedgerUnavailable)(str(error)) from error
        if answer.status == 200:
            return _object(answer.body)
        name = answer.error
        if name == _REFUSAL:
            raise _Refused(_object(answer.body).get("Item", {}))
        detail = f"DynamoDB answers {name or answer.status}"
        if name in THROTTLES or answer.status == 429:
            raise _Throttle(detail)
        if name in STUMBLES or answer.status >= 500:
            raise _Stumble(detail)
        raise LedgerUnavailable(detail)


def _object(body: bytes) -> Item:
    """Whatever says something else, it is not DynamoDB."""
    try:
        said = from_json(body)
    except ValueError as error:
        raise _Stumble("the answer is no JSON") from error
    if not isinstance(said, dict):
        raise _Stumble("the answer is no JSON object")
    return said
