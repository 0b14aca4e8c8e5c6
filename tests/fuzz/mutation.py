"""HTTP requests for the fuzzer: an event as producers send it, then a few things wrong with it. No IO."""

import base64
import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any

MARK = "판매자의말"
"""In every text of a seller; it must not come out in a log line."""
TYPES = ["ProductAttributesUpdatedEvent", "ProductImagesUpdatedEvent", "ProductRegisteredEvent", "ProductDeletedEvent"]
RAW = "dev.knative.kafka.event"
Header = tuple[str, str]

ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**63, -(2**63), 10**400, 10**4299, 1e308, float("nan"), float("inf"),
    "", " ", ".", "..", "/", "a/b", "%2e%2e", "?", "#", "\x00", "a\nb", "\ud800", "\udc00\ud800", "\uffff", "\u202e",
    "각", "é", "x" * 128, "x" * 129, "가" * 1001, "가" * 20_000, "<script>x</script>", "</product>", "{{ 7*7 }}",
    "{% raw %}", "상세페이지 참조", "2026-11-22T00:00:00Z", "2026-11-22", "0001-01-01T00:00:00+14:00", "1e5", "ko",
    "en", "put", "ask", "http://", "http://127.0.0.1:1/x", "http://[::1]/", "http://169.254.169.254/", "http://a b/",
    "ftp://x/", [], {}, [[]], [None], [{}], {"": ""}, {"a": {"b": 1}}, ["x"] * 101, {str(n): n for n in range(101)},
    ["copy", "tags"],
]  # fmt: skip
NAMES = [
    "productId", "prdCd", "version", "updatedAt", "name", "productName", "prdNm", "category", "category1", "category2",
    "attributes", "imageUrls", "imgUrl", "language", "brand", "audience", "protected", "rewrite", "eventType", "other",
    "",
]  # fmt: skip
CONTENT_TYPES = [
    "application/json", "application/json; charset=utf-8", "application/vnd.x+json", "text/json", "text/plain", "", ";",
    "application/cloudevents+json", "application/cloudevents+json; charset=UTF-8", "application/cloudevents-batch+json",
    "application/cloudevents+avro", "application/cloudevents", "multipart/form-data; boundary=x", "application/xml",
    "application/x-www-form-urlencoded", "*/*", "application/json, text/plain", "애플",
]  # fmt: skip
HEADER_NAMES = [
    "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject", "ce-datacontenttype", "ce-dataschema",
    "ce-key", "ce-partitionkey", "ce-kafkaheadereventtype", "ce-data", "ce-extensions", "ce-", "ce-A_b", "traceparent",
    "tracestate", "Prefer", "Content-Encoding", "Accept", "Upgrade", "X-Forwarded-Host", "Function-Execution-Id",
]  # fmt: skip
HEADER_VALUES = [
    "", "1.0", "0.3", "1", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00", "yesterday", "ProductDeletedEvent", "GD-1",
    "..", "상품", "x" * 200, "\x7f", "%00", "null", "gzip", "websocket", "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
    "#topic",
]  # fmt: skip
ODD_PATHS = [
    "/a/",
    "/robots.txt//x",
    "//a",
    "/a//b",
    "/robots.txt",
    "/favicon.ico",
    "/health/readiness",
    "/metrics",
    "/%ff",
    "/a%0ab",
    "/?x",
]
BYTES = [b'"', b"{", b"[" * 300, b"\\", b"\xff", b"\r\n", b"\x00", b"9" * 5000]
METHODS = ["POST"] * 60 + ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"]


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    headers: tuple[Header, ...]
    body: bytes


def request(random: Random, images: str) -> Sent:
    """An event in one of the three forms, with nothing to a lot wrong; photos come from the URL `images`."""
    data = _product(random, images)
    for _ in range(random.choice([0, 0, 1, 1, 2, 4])):
        _spoil(random, data)
    make = random.choice([_binary, _binary, _structured, _raw_record])
    sent = make(random, data)
    if random.random() < 0.3:
        sent = replace(sent, body=spoil_bytes(random, sent.body))
    if random.random() < 0.3:
        sent = replace(sent, headers=_spoil_headers(random, sent.headers))
    return replace(sent, method=random.choice(METHODS), path=random.choice(["/", random.choice(ODD_PATHS)]))


def spoil_bytes(random: Random, text: bytes) -> bytes:
    """A few bytes changed, put in, taken out or said twice; or the rest cut off."""
    spoilt = bytearray(text)
    for _ in range(random.choice([1, 1, 2, 8])):
        start = random.randrange(len(spoilt) + 1)
        end = min(len(spoilt), start + random.choice([1, 1, 4, 64]))
        match random.randrange(5):
            case 0:
                spoilt[start:end] = random.randbytes(end - start)
            case 1:
                spoilt[start:start] = random.choice(BYTES)
            case 2:
                del spoilt[start:end]
            case 3:
                spoilt[start:start] = spoilt[start:end]
            case _:
                if random.random() < 0.2:
                    del spoilt[start:]
    return bytes(spoilt)


def _product(random: Random, images: str) -> dict[str, Any]:
    number = random.randrange(50)
    data: dict[str, Any] = {
        "productId": random.choice([f"GD-{number}", number, f"상품/{number}"]),
        "name": f"{MARK} 베이직 코튼 티셔츠 {random.randrange(20)}",
        "category": [f"{MARK}의류", "티셔츠"],
        "attributes": {
            "소재": f"{MARK} 면",
            f"{MARK}핏": "레귤러핏",
            "색상": random.choice(["화이트", "하늘", MARK]),
        },
    }
    optional = {
        "version": random.randrange(5),
        "updatedAt": "2026-11-22T07:00:00+09:00",
        "imageUrls": [f"{images}/{random.randrange(9)}.png"],
        "brand": MARK,
        "language": random.choice(["ko", "en"]),
        "rewrite": random.choice(["put", "ask"]),
        "protected": ["tags"],
        "eventType": random.choice(TYPES),
    }
    return data | {name: value for name, value in optional.items() if random.random() < 0.4}


def _spoil(random: Random, data: dict[str, Any]) -> None:
    match random.randrange(4):
        case 0:
            data.pop(random.choice([*data, ""]), None)
        case 1:
            data[random.choice(NAMES)] = random.choice(ODD)
        case 2:
            target = data.get("attributes")
            if isinstance(target, dict):
                data["attributes"] = {**target, str(random.choice(ODD))[:50] + MARK: random.choice(ODD)}
        case _:
            data[random.choice(["category", "imageUrls"])] = [random.choice(ODD) for _ in range(random.randrange(25))]


def _encoded(random: Random, value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    return text.encode(errors="surrogatepass")


def _context(random: Random, event_type: str) -> dict[str, str]:
    context = {"specversion": "1.0", "id": str(random.randrange(1000)), "source": "/shop", "type": event_type}
    return context | ({"time": "2026-11-22T07:00:00Z"} if random.random() < 0.5 else {})


def _binary(random: Random, data: dict[str, Any]) -> Sent:
    context = _context(random, random.choice([*TYPES, *TYPES, "foreign"]))
    headers = [(f"ce-{name}", value) for name, value in context.items()]
    return Sent("POST", "/", (*headers, ("Content-Type", "application/json")), _encoded(random, data))


def _structured(random: Random, data: dict[str, Any]) -> Sent:
    event: dict[str, Any] = {**_context(random, random.choice(TYPES)), "data": data}
    if random.random() < 0.2:
        event["data_base64"] = base64.b64encode(_encoded(random, event.pop("data"))).decode()
    if random.random() < 0.3:
        name = random.choice([*event, "time", "data_base64", "extensions", "datacontenttype", "대"])
        event[name] = random.choice(ODD)
    return Sent("POST", "/", (("Content-Type", "application/cloudevents+json"),), _encoded(random, event))


def _raw_record(random: Random, data: dict[str, Any]) -> Sent:
    context = _context(random, RAW) | {"source": "/apis/v1/namespaces/shop/kafkasources/enrich#products"}
    if random.random() < 0.5:
        context["kafkaheadereventtype"] = random.choice(TYPES)
    if random.random() < 0.5:
        context["key"] = random.choice(["GD-1", "상품/1", ".."])
    headers = [(f"ce-{name}", value) for name, value in context.items()]
    return Sent("POST", "/", tuple(headers), b"" if random.random() < 0.2 else _encoded(random, data))


def _spoil_headers(random: Random, headers: tuple[Header, ...]) -> tuple[Header, ...]:
    spoilt = list(headers)
    for _ in range(random.choice([1, 1, 2, 3])):
        match random.randrange(4):
            case 0 if spoilt:
                spoilt.pop(random.randrange(len(spoilt)))
            case 1 if spoilt:
                name, _ = spoilt.pop(random.randrange(len(spoilt)))
                spoilt.append((name, random.choice(HEADER_VALUES)))
            case 2:
                spoilt.append((random.choice(HEADER_NAMES), random.choice(HEADER_VALUES)))
            case _:
                spoilt = [header for header in spoilt if header[0] != "Content-Type"]
                spoilt.append(("Content-Type", random.choice(CONTENT_TYPES)))
    return tuple(spoilt)
