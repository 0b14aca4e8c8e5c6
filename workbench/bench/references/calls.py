"""Hello, after the bare calls that CALLS names: the same SDK and connection pools as the function, and no more."""

import json
import os
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import flask
import requests
from botocore.config import Config
from requests.adapters import HTTPAdapter

PEERS, THREADS = os.environ["PRODUCT_SERVICE_URL"], int(os.environ["THREADS"])
PUT_BODY = b"{" + b" " * 700 + b"}"

_session = requests.Session()
_session.trust_env = False
_session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
_config = Config(retries={"total_max_attempts": 1}, max_pool_connections=THREADS)
_bedrock = boto3.client("bedrock-runtime", config=_config)
_dynamodb = boto3.client("dynamodb", config=_config)
_question: dict[str, Any] = json.loads(Path(os.environ["QUESTION_FILE"]).read_text(encoding="utf-8"))
_picture: dict[str, Any] = {"image": {"format": "jpeg", "source": {"bytes": b""}}}
_keys = count()


def _photo() -> None:
    _picture["image"]["source"]["bytes"] = _session.get(f"{PEERS}/images/shirt.jpg").content


def _converse() -> None:
    said = {"role": "user", "content": [_picture, *_question["messages"][0]["content"]]}
    _bedrock.converse(**{**_question, "messages": [said]})


def _put() -> None:
    _session.put(f"{PEERS}/api/v1/products/1/attributes", data=PUT_BODY).content  # noqa: B018 - reads it


def _key() -> Any:  # noqa: ANN401 - as the SDK takes it
    return {"pk": {"S": f"reference#{next(_keys)}"}, "sk": {"S": "question"}}


def _get_item() -> None:
    _dynamodb.get_item(TableName="bench", Key=_key(), ConsistentRead=True)


def _update_item() -> None:
    _dynamodb.update_item(
        TableName="bench",
        Key=_key(),
        UpdateExpression="SET lease_token = :token, lease_until = :until",
        ConditionExpression="attribute_not_exists(lease_until) OR lease_until <= :until",
        ExpressionAttributeValues={":token": {"S": "0a" * 16}, ":until": {"N": "1795000000.000"}},
        ReturnValues="ALL_NEW",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


_KNOWN: Mapping[str, Callable[[], None]] = {
    "photo": _photo,
    "converse": _converse,
    "put": _put,
    "GetItem": _get_item,
    "UpdateItem": _update_item,
}
_calls = [_KNOWN[name] for name in os.environ["CALLS"].split()]


def handle(request: flask.Request) -> flask.Response:
    request.get_data()
    if request.method == "POST":
        for call in _calls:
            call()
    return flask.Response(b"hello\n", 200, {"Content-Type": "text/plain"})
