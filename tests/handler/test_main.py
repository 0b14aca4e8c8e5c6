"""The entry file as functions-framework loads it: what stops the start, and which requests reach the function."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import functions_framework
import pytest
from flask import Flask
from server import JSON, UPDATED, attributes

ENTRY = Path(__file__).parent.parent.parent / "handler/main.py"
ENVIRON = {
    "PRODUCT_SERVICE_URL": "http://127.0.0.1:1",
    "AWS_REGION": "us-east-1",
    "IMAGE_HOSTS": "127.0.0.1",
}
Start = Callable[..., Flask]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, prompts_dir: Path) -> Start:
    """Starts the application with these settings beside those that it cannot do without; an empty one is not given."""

    def start(**environ: str) -> Flask:
        for name, value in {**ENVIRON, "PROMPTS_DIR": str(prompts_dir), **environ}.items():
            monkeypatch.setenv(name, value)
        create_app: Callable[..., Any] = functions_framework.create_app
        app: Flask = create_app("handle", str(ENTRY), "http")
        return app

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.delenv("K_SERVICE", raising=False)
    return start


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"PRODUCT_SERVICE_URL": ""}, "PRODUCT_SERVICE_URL: Field required"),
        ({"MODEL_ID": "anthropic.claude-nobody"}, "MODEL_ID: anthropic.claude-nobody has no row"),
        ({"IMAGE_HOSTS": ""}, "IMAGE_HOSTS: task tags uses photos"),
        (
            {"TOPIC_EVENT_TYPES": '{"products": "ProductUpdated"}'},
            "TOPIC_EVENT_TYPES: nothing listens to 'ProductUpdated'",
        ),
        ({"K_SERVICE": "enricher"}, "LEDGER_URL: memory:// is for one process"),
        ({"AWS_REGION": "us east"}, "AWS_REGION: Provided region_name 'us east'"),
        ({"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "bedrock"}, "AWS_ENDPOINT_URL_*: Invalid endpoint: bedrock"),
        (
            {"LEDGER_URL": "dynamodb://ledger", "AWS_ENDPOINT_URL_DYNAMODB": "dynamodb"},
            "AWS_ENDPOINT_URL_*: Invalid endpoint: dynamodb",
        ),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS: Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY"),
        (
            {"PRODUCT_SERVICE_TOKEN_FILE": "/nowhere"},
            "PRODUCT_SERVICE_TOKEN_FILE: /nowhere cannot be read: No such file",
        ),
        ({"IMAGE_HOSTS": " , "}, "IMAGE_HOSTS: the list has no entry"),
        ({"LEDGER_URL": "dynamodb://a b"}, "LEDGER_URL: give memory:// or dynamodb://TABLE, a name of"),
        (
            {"TOPIC_EVENT_TYPES": '{"": "ProductRegisteredEvent"}'},
            "TOPIC_EVENT_TYPES: a topic has no name",
        ),
        ({"PROMPTS_DIR": "/nowhere"}, "/nowhere:1: has no task folder; PROMPTS_DIR must name"),
    ],
)
def test_bad_setting_stops_the_start_with_one_line(start: Start, environ: dict[str, str], line: str) -> None:
    """The process ends with a line that says what to set, instead of answering 500 to every event."""
    with pytest.raises(SystemExit) as stop:
        start(**environ)
    message = str(stop.value.code)
    assert message.startswith(f"product-enricher: {line}")
    assert "\n" not in message


def test_region_is_asked_for_by_its_name(start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where neither the environment nor the SDK's own files name a region, the line does."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(SystemExit, match="AWS_REGION: You must specify a region"):
        start(AWS_REGION="")


def test_broken_prompts_stop_the_start_with_file_and_line(start: Start, prompts_dir: Path, tmp_path: Path) -> None:
    """A planner's mistake is found before the first event."""
    shutil.copytree(prompts_dir, tmp_path, dirs_exist_ok=True)
    task = tmp_path / "copy/task.yaml"
    task.write_text(task.read_text(encoding="utf-8") + "colour: red\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=rf"{task}:\d+: colour"):
        start(PROMPTS_DIR=str(tmp_path))


def test_topic_may_carry_deletions(start: Start) -> None:
    """Deletion is an event that the function itself listens to."""
    start(TOPIC_EVENT_TYPES='{"deleted": "ProductDeletedEvent"}')


def test_a_table_is_not_reached_for_at_start(start: Start) -> None:
    """An outage of DynamoDB keeps no revision from starting: the first event meets it."""
    app = start(LEDGER_URL="dynamodb://ledger", AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:1")
    with app.test_client() as client:
        assert client.get("/health/readiness").status_code == 200


@pytest.mark.parametrize("path", ["/", "/x/y", "/robots.txt", "/favicon.ico", "/a%0Ab", "/metrics", "/a//b"])
def test_event_is_answered_on_any_path(start: Start, path: str) -> None:
    """What the router would refuse is an event like any other."""
    with start().test_client() as client:
        answer = client.post(path, data=b"{", headers=dict([*attributes(UPDATED), JSON]))
    assert (answer.status_code, answer.headers["kne-errorcode"]) == (400, "brokenjson")


def test_websocket_is_no_way_around(start: Start) -> None:
    """The router tells WebSockets apart; the function does not."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    with start().test_client() as client:
        answer = client.post("/", data=b"{", headers={**upgrade, **dict([*attributes(UPDATED), JSON])})
    assert answer.headers["kne-errorcode"] == "brokenjson"
