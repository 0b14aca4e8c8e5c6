"""The real server while its neighbours are silent: probes answer, too many events are turned away, deadlines hold."""

import json
import socket
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Lock, Thread

import pytest
import requests
from edges import GOOD_LABELS, PHOTO, response
from server import JSON, REGISTERED, SHIRT, UPDATED, Stage, attributes, encoded, running
from wire import PATIENCE, Answer, assert_problem, exchange, request_bytes

from workbench.bench.dynamodb import DynamoDb

THREADS = 4
SLOTS = THREADS - 1
"""One thread is kept for probes and metrics."""
ROUNDS = 3
NEIGHBOURS = ("photos", "ledger", "model", "product service")
PROBE_SECONDS = 1.0
DEADLINE_SECONDS = 2
SILENCE = {"hang": True, "always": True}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with running(THREADS=str(THREADS)) as stage:
        yield stage


@pytest.fixture(scope="module")
def hasty() -> Iterator[Stage]:
    """The function with little time for an event."""
    with running(DEADLINE_SECONDS=str(DEADLINE_SECONDS)) as stage:
        yield stage


@pytest.fixture
def silent_host() -> Iterator[str]:
    """An image host that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/shirt.png"


class Neighbours(ThreadingHTTPServer):
    """All of them in one. None answers before every event slot has asked it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _AnswerTogether)
        self.connections: defaultdict[str, set[int]] = defaultdict(set)
        self.together = {neighbour: Barrier(SLOTS, timeout=PATIENCE) for neighbour in NEIGHBOURS}
        self.dynamodb = DynamoDb()
        self.one_by_one = Lock()


class _AnswerTogether(BaseHTTPRequestHandler):
    server: Neighbours
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("photos", PHOTO)

    def do_POST(self) -> None:
        asked = self._body()
        if target := self.headers.get("X-Amz-Target"):
            with self.server.one_by_one:
                status, said = self.server.dynamodb.answer(target.partition(".")[2], json.loads(asked))
            self._answer("ledger", json.dumps(said).encode(), status)
        else:
            self._answer("model", json.dumps(response(GOOD_LABELS)).encode())

    def do_PUT(self) -> None:
        self._body()
        self._answer("product service", b"{}")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _answer(self, neighbour: str, body: bytes, status: int = 200) -> None:
        self.server.connections[neighbour].add(self.client_address[1])
        self.server.together[neighbour].wait()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def neighbours() -> Iterator[tuple[Neighbours, str]]:
    """With their URL."""
    with Neighbours() as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def completed(answers: set[Future[Answer]], count: int) -> set[Future[Answer]]:
    """The first so many to come."""
    done: set[Future[Answer]] = set()
    while len(done) < count:
        newly, answers = wait(answers, timeout=PATIENCE, return_when=FIRST_COMPLETED)
        assert newly, "no answer"
        done |= newly
    return done


def test_probes_answer_while_every_event_slot_waits(stage: Stage) -> None:
    """With all slots waiting for Bedrock, further events are turned away at once, and probes are answered in time."""
    events = [stage.register(f"slot-{number}", name=f"티셔츠 {number}") for number in range(THREADS + 3)]
    stage.bedrock.push(SILENCE)
    with ThreadPoolExecutor(len(events)) as pool:
        answers = {pool.submit(stage.send_event, UPDATED, data) for data in events}
        try:
            turned_away = completed(answers, len(events) - SLOTS)
            for answer in turned_away:
                assert_problem(answer.result(), 503, "busy")
            assert stage.bedrock.wait_for_requests(SLOTS)
            for path in ("/health/liveness", "/health/readiness", "/metrics"):
                assert stage.get(path, patience=PROBE_SECONDS).status == 200
        finally:
            stage.bedrock.reset()
        outcomes = [answer.result().json()["results"][0]["outcome"] for answer in answers - turned_away]
    assert outcomes == ["written"] * SLOTS


def test_slots_are_free_again_after_events_of_any_end(stage: Stage) -> None:
    """Neither success, refusal nor foreign type keeps a slot."""
    stage.bedrock.reset()
    for number in range(SLOTS + 1):
        assert_problem(stage.send(b"", []), 400, "notacloudevent")
        assert stage.send_event("foreign", {}).status == 200
        assert stage.send_event(UPDATED, stage.register(f"again-{number}")).status == 200


@pytest.mark.parametrize("event_type", [UPDATED, REGISTERED])
def test_silent_bedrock_is_answered_within_the_deadline(hasty: Stage, silent_host: str, event_type: str) -> None:
    """The answer is 503 and comes within the deadline and a second, however many tasks the event owes."""
    data = hasty.register(f"silent-{event_type}", name=f"조용한 티셔츠 {event_type}", imageUrls=[silent_host])
    hasty.bedrock.push(SILENCE)
    try:
        answer = hasty.send_event(event_type, data, patience=DEADLINE_SECONDS + 1)
    finally:
        hasty.bedrock.reset()
    assert_problem(answer, 503, "modelanswerlate")


def test_silent_image_host_is_answered_within_the_deadline(hasty: Stage, silent_host: str) -> None:
    """A photo that does not come ends the event in time."""
    data = hasty.register("photo", imageUrls=[silent_host])
    answer = hasty.send_event("ProductImagesUpdatedEvent", data, patience=DEADLINE_SECONDS + 1)
    assert_problem(answer, 503, "imagetimeout")


def test_silent_product_service_is_answered_within_the_deadline(hasty: Stage) -> None:
    """A write-back that is not answered ends the event in time; the next delivery writes what was paid for."""
    faults = [{"hang": True, "match": "/description"}]
    requests.post(f"{hasty.products.url}/control/faults", json=faults, timeout=10).raise_for_status()
    data = hasty.register("shop", name="늦은 티셔츠")

    answer = hasty.send_event(UPDATED, data, patience=DEADLINE_SECONDS + 1)

    assert_problem(answer, 503, "productserviceunavailable")
    calls = len(hasty.bedrock.requests)
    assert hasty.send_event(UPDATED, data).json()["results"][0]["outcome"] == "reused"
    assert len(hasty.bedrock.requests) == calls


def test_no_call_starts_that_would_end_too_late(hasty: Stage) -> None:
    """After a slow answer that broke a rule, there is no time for a second one: 503, not a late answer."""
    hasty.bedrock.push(
        {"text": "단연 최고의 티셔츠예요. 오늘 코디를 마무리해 보세요.", "latency_seconds": 1.2}, SILENCE
    )
    try:
        data = hasty.register("slow", name="느린 티셔츠")
        answer = hasty.send_event(UPDATED, data, patience=DEADLINE_SECONDS + 1)
    finally:
        hasty.bedrock.reset()
    assert_problem(answer, 503, "deadlineexceeded")


def test_every_slot_keeps_its_connections(neighbours: tuple[Neighbours, str]) -> None:
    """To each neighbour: events that all run at once open none after the first ones."""
    server, url = neighbours
    urls = {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_ENDPOINT_URL_DYNAMODB": url,
        "LEDGER_URL": "dynamodb://ledger",
        "PRODUCT_SERVICE_URL": url,
    }
    with running(images=None, **urls, THREADS=str(THREADS)) as stage, ThreadPoolExecutor(SLOTS) as pool:
        for number in range(ROUNDS):
            names = [f"티셔츠 {number} {slot}" for slot in range(SLOTS)]
            events = [{"productId": name, **SHIRT, "name": name, "imageUrls": [f"{url}/shirt.png"]} for name in names]
            answers = pool.map(lambda data: stage.send_event("ProductImagesUpdatedEvent", data), events)
            assert [answer.json()["results"][0]["outcome"] for answer in answers] == ["written"] * SLOTS
    assert {name: len(ports) for name, ports in server.connections.items()} == dict.fromkeys(NEIGHBOURS, SLOTS)


@pytest.mark.slow
def test_body_that_stops_arriving_gives_its_slot_back(stage: Stage) -> None:
    """A sender that died in the middle of its event holds a thread for seconds, not for ever."""
    whole = request_bytes(encoded(stage.register("stalled")), [*attributes(UPDATED), JSON])
    answer = exchange(stage.port, whole[:-10])
    assert_problem(answer, 503, "bodylate")
    assert exchange(stage.port, whole).status == 200
