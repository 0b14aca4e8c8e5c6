"""What a client can get wrong, byte for byte, and what the real server answers."""

import json
from collections.abc import Callable, Iterator

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from server import (
    JSON,
    OTHER_TOPIC,
    REGISTERED,
    STRUCTURED,
    UPDATED,
    Stage,
    attributes,
    encoded,
    record,
    running,
    structured,
)
from wire import Header, assert_problem, exchange, request_bytes

MIB = 1024 * 1024
EVENT = attributes(UPDATED)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The function, with one topic whose records need not name their event."""
    with running(TOPIC_EVENT_TYPES=json.dumps({"products": UPDATED})) as stage:
        yield stage


MALFORMED: dict[str, tuple[list[Header], bytes, str]] = {
    "no CloudEvent": ([JSON], b"{}", "notacloudevent"),
    "nothing at all": ([], b"", "notacloudevent"),
    "no specversion": (attributes(UPDATED, specversion=""), b"{}", "invalidcloudevent"),
    "no id": (attributes(UPDATED, event_id=""), b"{}", "invalidcloudevent"),
    "no source": (attributes(UPDATED, source=""), b"{}", "invalidcloudevent"),
    "no type": (attributes(""), b"{}", "invalidcloudevent"),
    "empty id": ([*attributes(UPDATED, event_id=""), ("ce-id", "")], b"{}", "invalidcloudevent"),
    "old specversion": (attributes(UPDATED, specversion="0.3"), b"{}", "invalidcloudevent"),
    "next specversion": (attributes(UPDATED, specversion="2.0"), b"{}", "invalidcloudevent"),
    "time in words": (attributes(UPDATED, time="yesterday"), b"{}", "invalidcloudevent"),
    "time without zone": (attributes(UPDATED, time="2026-11-22T10:00:00"), b"{}", "invalidcloudevent"),
    "batch": ([("Content-Type", "application/cloudevents-batch+json")], b"[]", "batchunsupported"),
    "batch record": ([*record(), ("Content-Type", "application/cloudevents-batch+json")], b"[]", "batchunsupported"),
    "avro format": ([("Content-Type", "application/cloudevents+avro")], b"\x00", "notacloudevent"),
    "protobuf format": ([*record(), ("Content-Type", "application/cloudevents+protobuf")], b"\n", "notacloudevent"),
    "broken structured record": ([*record(), STRUCTURED], b'{"specversion":', "brokenjson"),
    "structured list": ([STRUCTURED], b"[]", "invalidcloudevent"),
    "structured without id": ([STRUCTURED], structured(id=None), "invalidcloudevent"),
    "structured with data_base64 that is none": ([STRUCTURED], structured(data_base64="*"), "invalidcloudevent"),
    "structured with data_base64 of another type": ([STRUCTURED], structured(data_base64=[1]), "invalidcloudevent"),
    "broken JSON": ([*EVENT, JSON], b'{"productId": "GD-1"', "brokenjson"),
    "two values": ([*EVENT, JSON], b"{} {}", "brokenjson"),
    "not UTF-8": ([*EVENT, JSON], b'{"productId": "\xbb\xf3\xc7\xb0"}', "brokenjson"),
    "lone surrogate": ([*EVENT, JSON], rb'{"productId": "\ud800"}', "brokenjson"),
    "raw NUL": ([*EVENT, JSON], b'{"productId": "\x00"}', "brokenjson"),
    "NaN": ([*EVENT, JSON], b'{"productId": "1", "version": NaN}', "brokenjson"),
    "Infinity": ([*EVENT, JSON], b'{"productId": "1", "version": -Infinity}', "brokenjson"),
    "integer of 5,000 digits": ([*EVENT, JSON], b'{"productId": %b}' % (b"9" * 5000), "brokenjson"),
    "nested too deep": ([*EVENT, JSON], b'{"productId": "1", "other": %b' % (b"[" * 100_000), "brokenjson"),
}


@pytest.mark.parametrize(("headers", "body", "code"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_cloudevent_is_a_bad_request(stage: Stage, headers: list[Header], body: bytes, code: str) -> None:
    """A request that cannot be opened as one CloudEvent goes to the dead letters at once, with its code."""
    assert_problem(stage.send(body, headers), 400, code)


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
def test_missing_attribute_is_named(stage: Stage, missing: str) -> None:
    """Whoever reads the dead letter learns which attribute to set."""
    problem = assert_problem(stage.send(structured(**{missing: None}), [STRUCTURED]), 400, "invalidcloudevent")
    assert problem["detail"].startswith(f"{missing}:")


UNUSABLE: dict[str, tuple[list[Header], bytes, str]] = {
    "no data": (EVENT, b"", "datanotjson"),
    "data null": ([STRUCTURED], structured(data=None), "datanotjson"),
    "data a list": ([*EVENT, JSON], b"[]", "datanotjson"),
    "data a string": ([STRUCTURED], structured(data="GD-1"), "datanotjson"),
    "data XML": ([*EVENT, ("Content-Type", "application/xml")], b"<a/>", "datanotjson"),
    "datacontenttype text": ([STRUCTURED], structured(datacontenttype="text/plain", data="x"), "datanotjson"),
    "no product id": ([*EVENT, JSON], b"{}", "schemaviolated"),
    "product id null": ([*EVENT, JSON], b'{"productId": null}', "schemaviolated"),
    "product id true": ([*EVENT, JSON], b'{"productId": true}', "schemaviolated"),
    "product id 1.5": ([*EVENT, JSON], b'{"productId": 1.5}', "schemaviolated"),
    "product id empty": ([*EVENT, JSON], b'{"productId": ""}', "schemaviolated"),
    "product id dot": ([*EVENT, JSON], b'{"productId": "."}', "schemaviolated"),
    "product id dots": ([*EVENT, JSON], b'{"productId": ".."}', "schemaviolated"),
    "product id with NUL": ([*EVENT, JSON], rb'{"productId": "a\u0000"}', "schemaviolated"),
    "product id too long": ([*EVENT, JSON], encoded({"productId": "x" * 129}), "schemaviolated"),
    "product id of 400 digits": ([*EVENT, JSON], encoded({"productId": 10**400}), "schemaviolated"),
    "version beyond 64 bits": ([*EVENT, JSON], encoded({"productId": "1", "version": 2**63}), "schemaviolated"),
    "version below 0": ([*EVENT, JSON], encoded({"productId": "1", "version": -1}), "schemaviolated"),
    "version a string": ([*EVENT, JSON], encoded({"productId": "1", "version": "1"}), "schemaviolated"),
    "attributes a list": ([*EVENT, JSON], encoded({"productId": "1", "attributes": []}), "schemaviolated"),
    "file URL": ([*EVENT, JSON], encoded({"productId": "1", "imageUrls": ["file:///etc/passwd"]}), "schemaviolated"),
    "language unknown": ([*EVENT, JSON], encoded({"productId": "1", "language": "xx"}), "languageunsupported"),
    "record without name": (record(OTHER_TOPIC), b'{"productId": "1"}', "eventnameunknown"),
    "record that is a list": (record(OTHER_TOPIC), b"[]", "eventnameunknown"),
    "record with a number as name": (record(OTHER_TOPIC), b'{"eventType": 7}', "eventnameunknown"),
    "tombstone without key": (record(), b"", "keymissing"),
    "tombstone whose key is no id": (record(key=".."), b"", "schemaviolated"),
    "deletion without data or key": (attributes("ProductDeletedEvent"), b"", "keymissing"),
}


@pytest.mark.parametrize(("headers", "body", "code"), UNUSABLE.values(), ids=UNUSABLE)
def test_event_that_can_never_work_is_unprocessable(
    stage: Stage, headers: list[Header], body: bytes, code: str
) -> None:
    """An event that breaks the contract goes to the dead letters at once, with its code."""
    assert_problem(stage.send(body, headers), 422, code)


def test_problem_names_the_field_and_the_reason_but_no_seller_text(stage: Stage) -> None:
    """A value that is too long is said to be so; the attribute's name, which the seller typed, is not repeated."""
    data = {"productId": "1", "attributes": {"비밀소재": "면" * 1001}}
    problem = assert_problem(stage.send_event(UPDATED, data), 422, "schemaviolated")
    assert problem["detail"].startswith("attributes: number 1 is no text of at most 1,000 characters")
    assert "비밀소재" not in problem["detail"]


@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
def test_body_of_one_mebibyte_is_read(stage: Stage, chunked: bool) -> None:
    """The limit itself is still allowed."""
    body = b'{"productId": "big"}'.ljust(MIB)
    answer = stage.send(body, [*attributes("ProductDeletedEvent"), JSON], chunked=chunked)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("excess", [1, 2, 3 * MIB])
@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
def test_longer_body_is_refused_whole(stage: Stage, chunked: bool, excess: int) -> None:
    """A body over the limit is not cut to it: what comes first may be well-formed JSON."""
    body = b'{"productId": "big"}'.ljust(MIB + excess)
    answer = stage.send(body, [*attributes("ProductDeletedEvent"), JSON], chunked=chunked)
    assert_problem(answer, 413, "bodytoolarge")


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nno trailer\r\n\r\n",
        b"%x\r\n%b\r\nzz\r\n" % (2 * MIB, b" " * 2 * MIB),
    ],
    ids=["size", "trailer", "size past the limit"],
)
def test_broken_chunks_are_a_bad_request(stage: Stage, chunks: bytes) -> None:
    """A body that is not HTTP is the client's fault, not a bug."""
    head, blank, _ = request_bytes(b"{}", [*EVENT, JSON], chunked=True).partition(b"\r\n\r\n")
    assert_problem(exchange(stage.port, head + blank + chunks), 400, "brokenjson")


PATHS = [
    "/x/y",
    "//a",
    "//",
    "/a//b",
    "/a/",
    "/robots.txt//x",
    "/robots.txt",
    "/favicon.ico",
    "/health/readiness",
    "/metrics",
    "/%ff",
    "/a%0ab",
    "/a?b",
]


@pytest.mark.parametrize("path", PATHS)
def test_event_may_be_posted_to_any_path(stage: Stage, path: str) -> None:
    """A sink URI may have a path; none is a redirect or the 404 that KafkaSource would deliver again."""
    assert_problem(stage.send(b"{", [*EVENT, JSON], path=path), 400, "brokenjson")


def test_upgrade_of_the_protocol_is_ignored(stage: Stage) -> None:
    """What asks for a WebSocket is answered as any other event."""
    upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
    assert_problem(stage.send(b"{", [*EVENT, JSON, *upgrade]), 400, "brokenjson")


@pytest.mark.parametrize("path", ["/", "/metrics", "/health/liveness", "/robots.txt"])
@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_not_allowed(stage: Stage, method: str, path: str) -> None:
    """The answer names the methods that are."""
    answer = exchange(stage.port, request_bytes(b"", method=method, path=path))
    assert answer.status == 405
    assert answer.headers["allow"] == ("POST" if path in {"/", "/robots.txt"} else "GET, POST")


def test_get_elsewhere_is_not_allowed(stage: Stage) -> None:
    """Only probes and metrics can be read."""
    answer = stage.get("/")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert b"/metrics" in answer.body


@pytest.mark.parametrize("path", ["/health/liveness", "/health/readiness"])
def test_probes_answer_ok(stage: Stage, path: str) -> None:
    """Knative and func probe these."""
    answer = stage.get(path)
    assert (answer.status, answer.body) == (200, b"ok\n")


def test_metrics_are_openmetrics(stage: Stage) -> None:
    """The exposition is what the OpenMetrics parser takes, and counts what happened here."""
    stage.send_event(REGISTERED, stage.register("counted", name="세어 본 티셔츠"))
    stage.send(b"{", [*EVENT, JSON])

    answer = stage.get("/metrics")
    parse: Callable[[str], Iterator[Metric]] = text_string_to_metric_families
    families = {family.name: family for family in parse(answer.body.decode())}

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    requests = {sample.labels["status"]: sample.value for sample in families["enricher_requests"].samples}
    assert requests["200"] >= 1
    assert requests["400"] >= 1
    assert {sample.labels["task"] for sample in families["enricher_tasks"].samples} == {"copy", "tags"}
    assert sum(sample.value for sample in families["enricher_model_cost_usd"].samples) > 0
