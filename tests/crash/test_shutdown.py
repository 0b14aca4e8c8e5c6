"""SIGTERM, as Kubernetes sends it to process 1: what is in work is finished, what comes later is refused."""

import runpy
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml
from pod import GUNICORN, PATIENCE, PLAIN, ROOT, Pod
from stage import CREDENTIALS, PRODUCT, SHIRT, UPDATED, Answer, post

from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.product_service import ProductService

DRAIN_SECONDS = 30
"""For which queue-proxy goes on serving, before the function gets SIGTERM."""
STOPPED_IN_HOOK = """
import os, runpy, signal
globals().update(runpy.run_path("handler/server.py"))
def {hook}:
    os.kill(os.getppid(), {stop})
    signal.pause()
"""
"""The shipped configuration, with a stop that comes in a hook of gunicorn's worker."""
PROBE = b"GET /health/liveness HTTP/1.1\r\nHost: function\r\n\r\n"


@pytest.fixture
def bedrock() -> Iterator[BedrockStandIn]:
    with BedrockStandIn() as running:
        yield running


@pytest.fixture
def env(bedrock: BedrockStandIn) -> Iterator[dict[str, str]]:
    """The settings of a function with a ledger of its own, whose events may take longer than any test."""
    with ProductService(publish=lambda _: None) as products:
        products.save(PRODUCT, SHIRT)
        yield {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            "PRODUCT_SERVICE_URL": products.url,
            "PROMPTS_DIR": str(ROOT / "tests/prompts"),
            "IMAGE_HOSTS": "127.0.0.1",
            "THREADS": "8",
            "DEADLINE_SECONDS": "500",
        }


def answered_until_refused(pod: Pod) -> int:
    """How many probes were answered until one is refused; one that waits longer than patience raises."""
    answered = 0
    while True:
        try:
            with socket.create_connection(("127.0.0.1", pod.port), timeout=PATIENCE) as connection:
                connection.sendall(PROBE)
                assert connection.recv(100).startswith(b"HTTP/1.1 200")
        except (ConnectionRefusedError, ConnectionResetError):  # reset: it came as the socket closed
            return answered
        answered += 1


def test_event_in_work_is_finished_while_later_ones_are_refused(
    bedrock: BedrockStandIn, env: dict[str, str], tmp_path: Path
) -> None:
    """The event is answered and its log line is out; whoever connects meanwhile is told at once to go elsewhere."""
    bedrock.push({"hang": True})
    with Pod(env, tmp_path / "log") as pod, ThreadPoolExecutor(1) as pool:
        process = pod.ensure()
        in_work = pool.submit(post, pod, UPDATED)
        assert bedrock.wait_for_requests(1)

        process.send_signal(signal.SIGTERM)
        answered_until_refused(pod)
        assert post(pod, UPDATED) == Answer()
        assert not in_work.done()
        bedrock.release()

        assert in_work.result().outcomes == ("written",)
        assert process.wait(PATIENCE) == 0
        assert [record["outcome"] for record in pod.records] == ["written"]


def test_event_may_take_its_whole_deadline(bedrock: BedrockStandIn, env: dict[str, str], tmp_path: Path) -> None:
    """The grace follows DEADLINE_SECONDS: an event that was taken in the last moment fails for its own reason."""
    bedrock.push({"hang": True})
    with Pod({**env, "DEADLINE_SECONDS": "3"}, tmp_path / "log") as pod, ThreadPoolExecutor(1) as pool:
        process = pod.ensure()
        in_work = pool.submit(post, pod, UPDATED)
        assert bedrock.wait_for_requests(1)

        process.send_signal(signal.SIGTERM)

        assert in_work.result() == Answer(503, "modelanswerlate")
        assert process.wait(PATIENCE) == 0
        assert [record["code"] for record in pod.records] == ["modelanswerlate"]


@pytest.mark.slow
def test_idle_connections_do_not_hold_the_process(env: dict[str, str], tmp_path: Path) -> None:
    """Connections that are kept for ten minutes, used or not, are closed soon: the process does not wait for them."""
    with Pod(env, tmp_path / "log") as pod:
        process = pod.ensure()
        used = HTTPConnection("127.0.0.1", pod.port, timeout=PATIENCE)
        with closing(used), socket.create_connection(("127.0.0.1", pod.port), timeout=PATIENCE) as unused:
            used.request("GET", "/health/liveness")
            assert used.getresponse().read() == b"ok\n"

            process.send_signal(signal.SIGTERM)

            assert process.wait(PATIENCE) == 0
            assert used.sock.recv(1) == unused.recv(1) == b""


def launched(pod: Pod) -> subprocess.Popen[bytes]:
    """A process that handles no signal yet."""
    return pod.launch()


def listening(pod: Pod) -> subprocess.Popen[bytes]:
    """A process whose workers are on their way."""
    process = pod.launch()
    while process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", pod.port)):
            break
    return process


@pytest.mark.parametrize(
    ("command", "start", "status"),
    [
        (GUNICORN, launched, -signal.SIGTERM),
        (GUNICORN, listening, 0),
        # Not once it listens: without our configuration, a worker that is just forked may miss the signal.
        (PLAIN, launched, -signal.SIGTERM),
    ],
)
def test_stop_during_start_is_silent(
    command: tuple[str, ...],
    start: Callable[[Pod], subprocess.Popen[bytes]],
    status: int,
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    """A pod that is deleted while it starts ends without a traceback, whether or not it handles signals yet."""
    log = tmp_path / "log"
    with Pod(env, log, command) as pod:
        process = start(pod)
        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE) == status
        assert log.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("hook", ["post_fork(server, worker)", "post_worker_init(worker)"])
def test_stop_reaches_a_worker_that_starts(
    hook: str, stop: signal.Signals, env: dict[str, str], tmp_path: Path
) -> None:
    """A stop that finds a worker forked, or about to accept, ends it: none serves on until the grace is over."""
    configuration, log = tmp_path / "gunicorn.conf.py", tmp_path / "log"
    configuration.write_text(STOPPED_IN_HOOK.format(hook=hook, stop=int(stop)), encoding="utf-8")
    with Pod(env, log, (GUNICORN[0], "--config", str(configuration))) as pod:
        assert pod.launch().wait(PATIENCE) == 0
        assert log.read_text(encoding="utf-8") == ""


def test_grace_fits_into_the_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event may take its deadline after SIGTERM, and all is over before Kubernetes sends SIGKILL."""
    documents = list(yaml.safe_load_all((ROOT / "service.yaml").read_text(encoding="utf-8")))
    [pod] = [each["spec"]["template"]["spec"] for each in documents if each["apiVersion"] == "serving.knative.dev/v1"]
    env = {variable["name"]: variable["value"] for variable in pod["containers"][0]["env"]}
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    configuration = runpy.run_path(str(ROOT / "handler/server.py"))

    grace = configuration["graceful_timeout"]
    assert float(env["DEADLINE_SECONDS"]) < grace
    assert DRAIN_SECONDS + grace <= pod["timeoutSeconds"]  # Knative's terminationGracePeriodSeconds
