"""The function as a process: how it starts, refuses to start, stops, and runs without its own server configuration."""

import gc
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from server import JSON, SHIRT, UPDATED, attributes, encoded, settings
from urllib3.util import Retry
from wire import Answer, exchange, request_bytes

from workbench.function import free_port
from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.product_service import ProductService

ROOT = Path(__file__).parent.parent.parent
CONFIGURATION = ROOT / "handler/server.py"
GUNICORN = [str(Path(sys.executable).with_name("gunicorn")), "--config", "handler/server.py"]
PLAIN = [sys.executable, "-m", "functions_framework", "--target", "handle", "--source", "handler/main.py"]
STOP_SECONDS = 60


@pytest.fixture
def bedrock() -> Iterator[BedrockStandIn]:
    with BedrockStandIn() as running:
        yield running


@pytest.fixture
def products() -> Iterator[ProductService]:
    with ProductService(publish=lambda _: None) as running:
        running.save("GD-1", SHIRT)
        yield running


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The configuration, run here, is about this process too: its garbage, its environment."""
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "__all__")
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


@contextmanager
def started(command: list[str], env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process, once it says that it is ready, and its port."""
    port = free_port()
    patience = Retry(total=None, connect=100, backoff_factor=0.02, backoff_max=0.5)
    process = subprocess.Popen(command, cwd=ROOT, env={**env, "PORT": str(port)}, stdout=subprocess.DEVNULL)
    try:
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=patience))
            session.get(f"http://127.0.0.1:{port}/health/readiness", timeout=10).raise_for_status()
        yield process, port
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def send_event(port: int) -> Answer:
    body = encoded({"productId": "GD-1", "version": 1, **SHIRT})
    return exchange(port, request_bytes(body, [*attributes(UPDATED), JSON]))


@pytest.mark.parametrize("command", [GUNICORN, PLAIN], ids=["gunicorn", "functions-framework"])
def test_event_is_answered(bedrock: BedrockStandIn, products: ProductService, command: list[str]) -> None:
    """With our server configuration, and with functions-framework's own command, an event is written."""
    with started(command, settings(bedrock, products)) as (_, port):
        answer = send_event(port)
    assert answer.json()["results"][0]["outcome"] == "written"
    assert products.product("GD-1")["description"]


def test_event_in_work_is_finished_before_the_process_ends(bedrock: BedrockStandIn, products: ProductService) -> None:
    """A pod that is stopped answers the events that it has, and ends well."""
    bedrock.push({"hang": True})
    with started(GUNICORN, settings(bedrock, products)) as (process, port), ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send_event, port)
        assert bedrock.wait_for_requests(1)
        process.send_signal(signal.SIGTERM)
        bedrock.release()
        assert answer.result().json()["results"][0]["outcome"] == "written"
        assert process.wait(STOP_SECONDS) == 0


@pytest.mark.parametrize(
    ("command", "environ", "line"),
    [
        (GUNICORN, {"PRODUCT_SERVICE_URL": ""}, "PRODUCT_SERVICE_URL: Field required"),
        (GUNICORN, {"THREADS": "many"}, "THREADS: "),
        (GUNICORN, {"PORT": "http"}, "PORT: "),
        (GUNICORN, {"WORKERS": "2"}, "LEDGER_URL: "),
        (GUNICORN, {"K_SERVICE": "enricher"}, "LEDGER_URL: "),
        (GUNICORN, {"LEDGER_URL": "redis://ledger"}, "LEDGER_URL: "),
        (GUNICORN, {"MODEL_ID": "anthropic.claude-nobody"}, "MODEL_ID: "),
        (GUNICORN, {"PROMPTS_DIR": "/nowhere"}, "/nowhere:1: "),
        (PLAIN, {"DEADLINE_SECONDS": "two"}, "DEADLINE_SECONDS: "),
    ],
)
def test_bad_setting_ends_the_process_with_one_line(command: list[str], environ: dict[str, str], line: str) -> None:
    """Knative shows the last lines of a container that does not start: there is one, and it names the variable."""
    env = {
        "PORT": str(free_port()),
        "AWS_REGION": "us-east-1",
        "PRODUCT_SERVICE_URL": "http://127.0.0.1:1",
        "IMAGE_HOSTS": "127.0.0.1",
        **environ,
    }

    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert done.stdout == ""
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"product-enricher: {line}")


@pytest.mark.usefixtures("own_process")
def test_configuration_follows_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Port, threads and workers of the server are those that the settings checked."""
    monkeypatch.setenv("PRODUCT_SERVICE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("THREADS", "20")
    monkeypatch.setenv("WORKERS", "2")
    monkeypatch.setenv("LEDGER_URL", "dynamodb://ledger")

    configuration = runpy.run_path(str(CONFIGURATION))

    assert (configuration["bind"], configuration["threads"], configuration["workers"]) == ("0.0.0.0:9000", 20, 2)
    assert configuration["timeout"] == 0  # gunicorn's own clock would kill a worker with all its events
    assert configuration["keepalive"] > 600  # longer than any proxy keeps an idle connection


@pytest.mark.usefixtures("own_process")
def test_a_worker_collects_its_garbage_but_not_the_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is collected while the function starts; each worker collects again, but seldom, and leaves what the start
    made."""
    monkeypatch.setenv("PRODUCT_SERVICE_URL", "http://127.0.0.1:1")
    configuration = runpy.run_path(str(CONFIGURATION))
    assert not gc.isenabled()
    configuration["pre_fork"](None, None)
    assert gc.get_freeze_count()
    seldom = gc.get_threshold()[0] * 10
    configuration["post_fork"](None, None)
    assert gc.isenabled()
    assert gc.get_threshold()[0] > seldom


@pytest.mark.parametrize(("environ", "looks"), [({}, False), ({"PYDANTIC_DISABLE_PLUGINS": ""}, True)])
def test_a_start_looks_for_no_plugins_unless_it_is_told_to(environ: dict[str, str], looks: bool) -> None:
    """Pydantic would read what every installed package says of itself, to find none."""
    script = """
import runpy, sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if event == "open" else None)
runpy.run_path("handler/server.py")
print(any(path.endswith("entry_points.txt") for path in opened))
"""
    env = {"PRODUCT_SERVICE_URL": "http://127.0.0.1:1", **environ}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"{looks}\n"


@pytest.mark.usefixtures("own_process")
def test_configuration_refuses_bad_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gunicorn would meet with a traceback is one line."""
    monkeypatch.setenv("PRODUCT_SERVICE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("THREADS", "many")
    with pytest.raises(SystemExit, match=r"^product-enricher: THREADS: [^\n]+$"):
        runpy.run_path(str(CONFIGURATION))
