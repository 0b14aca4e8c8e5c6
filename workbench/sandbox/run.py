"""`make run`: the function with stand-ins for everything around it; sends the samples and shows what came of them."""

import json
import shlex
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from handler.events import ProductData
from workbench.function import ROOT, Function, require_free
from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.kafka import KafkaBroker, Publisher
from workbench.sandbox.kafka_source import KafkaSource
from workbench.sandbox.kafka_source_spec import SourceSpec, source_of
from workbench.sandbox.product_service import ProductService
from workbench.sandbox.product_topic import publish_to

SAMPLES = ROOT / "samples"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
SIGNAL_SECONDS = 0.2
"""How soon Ctrl-C is noticed."""
WRITTEN = {"written", "reused"}


@dataclass(frozen=True)
class Sandbox:
    """Everything that runs, by its URL."""

    function: str
    product_service: str
    bedrock: str
    kafka: str

    @property
    def images(self) -> str:
        return f"{self.product_service}/images"

    def sample(self, path: Path) -> dict[str, Any]:
        """A sample event, its photos served by this sandbox."""
        event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").replace("IMAGES_URL", self.images))
        return event


def run(*, once: bool, port: int = 0) -> int:
    """Starts all, sends the samples, prints what came of them. The exit code: 0 only if every sample was written.

    The function listens on `port`, the product service and the Bedrock stand-in on the next two; 0 takes free ports.
    Raises `FunctionError`, `OSError`.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell ignores SIGINT for what it starts in the background
        signal.signal(number, signal.default_int_handler)  # unwinds: nothing that was started stays behind
    for each in range(port, port + 3) if port else ():
        require_free(each)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    live = threading.Event()
    with ExitStack() as stack:
        spec = source_of((ROOT / "service.yaml").read_text(encoding="utf-8"))
        kafka = stack.enter_context(KafkaBroker())
        for topic in spec.topics:
            kafka.create_topic(topic)
        bedrock = stack.enter_context(BedrockStandIn(port=port and port + 2))
        publish = publish_to(Publisher(kafka.bootstrap_servers), spec.topics[0])
        products = stack.enter_context(
            ProductService(publish=publish, port=port and port + 1, images=SAMPLES / "images")
        )
        environ = {
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            "PRODUCT_SERVICE_URL": products.url,
            "IMAGE_HOSTS": "127.0.0.1",
        }
        show = lambda line: print(line, flush=True) if live.is_set() else None  # noqa: E731
        function = stack.enter_context(Function(environ, port=port, on_line=show))
        sandbox = Sandbox(function.url, products.url, bedrock.url, kafka.bootstrap_servers)

        console.print("Product Enricher sandbox. The model is a stand-in: judge the way, not the texts.\n")
        rows = []
        for path in sorted(SAMPLES.glob("*.json"), key=lambda path: sandbox.sample(path)["id"]):
            event = sandbox.sample(path)
            _register(products, event["data"])
            rows.append((path.name, event, _send(sandbox.function, event)))
        console.print(_table(rows))
        everything_written = all(_is_written(reply) for _, _, reply in rows)
        if once:
            return 0 if everything_written else 1

        # From here on, as `initialOffset: latest` says: the samples were sent above.
        stack.enter_context(KafkaSource(spec, bootstrap_servers=sandbox.kafka, sink=sandbox.function))
        _invite(console, sandbox, spec)
        live.set()
        with suppress(KeyboardInterrupt):
            while True:  # not signal.pause(): a signal that another thread takes would not wake it
                time.sleep(SIGNAL_SECONDS)
        return 0


def _register(products: ProductService, data: dict[str, Any]) -> None:
    product = ProductData.model_validate(data)
    products.save(
        product.product_id,
        {
            "name": product.name or product.attributes.get("상품명", ""),
            "category": list(product.category),
            "attributes": product.attributes,
            "imageUrls": list(product.image_urls),
            "language": product.language,
        },
    )


def _send(url: str, event: dict[str, Any]) -> requests.Response:
    return requests.post(url, json.dumps(event), headers=STRUCTURED, timeout=150)


def _is_written(reply: requests.Response) -> bool:
    return reply.ok and all(result["outcome"] in WRITTEN for result in reply.json()["results"])


def _table(rows: list[tuple[str, dict[str, Any], requests.Response]]) -> Table:
    table = Table(show_lines=True)
    for heading, options in (
        ("sample", {}),
        ("before: what the seller typed", {"ratio": 2}),
        ("after: what was written back", {"ratio": 3}),
        ("outcome", {}),
        ("USD", {"justify": "right"}),
    ):
        table.add_column(heading, overflow="fold", **options)
    for name, event, reply in rows:
        before = _seller_text(event["data"])
        if not reply.ok:
            problem = reply.json()
            table.add_row(name, before, problem["title"], f"{reply.status_code} {problem['code']}", "")
            continue
        for result in reply.json()["results"]:
            output = result["output"]
            after = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
            if result["outcomes"]:
                after += f"\n{json.dumps(result['outcomes'])}"
            table.add_row(name, before, after, result["outcome"], f"{result['costUsd']:.6f}")
            name = before = ""
    return table


def _seller_text(data: dict[str, Any]) -> str:
    product = ProductData.model_validate(data)
    lines = [product.name, " > ".join(product.category)]
    lines += [f"{key}: {value}" for key, value in product.attributes.items()]
    lines += [url.rpartition("/")[2] for url in product.image_urls]
    return "\n".join(line for line in lines if line)


def _invite(console: Console, sandbox: Sandbox, spec: SourceSpec) -> None:
    name, category = "베이직 코튼 티셔츠", ["여성의류", "티셔츠"]
    attributes = {"소재": "면 100%", "색상": "네이비", "핏": "레귤러핏"}
    event = {"productId": "1001", "version": 2, "name": name, "category": category, "attributes": attributes}
    binary = (
        "curl -i -H 'ce-specversion: 1.0' -H 'ce-id: mine-1' -H 'ce-source: /shop/products' "
        "-H 'ce-type: ProductAttributesUpdatedEvent' -H 'Content-Type: application/json' "
        f"-d {_quoted(event)} {sandbox.function}"
    )
    photo = (
        f"sed 's|IMAGES_URL/striped-shirt|{sandbox.images}/knit|; s|: 1,|: 2,|' samples/striped-shirt.json | "
        f"curl -i -H 'Content-Type: application/cloudevents+json' -d @- {sandbox.function}"
    )
    product = {"name": name, "category": category, "attributes": {**attributes, "소재": "린넨 100%", "색상": "베이지"}}
    seller = (
        f"curl -i -X PUT -H 'Content-Type: application/json' -d {_quoted(product)} "
        f"{sandbox.product_service}/api/v1/products/1005"
    )
    lines = {
        "The T-shirt in another colour, in binary mode (send it twice: the second is unchanged)": binary,
        "The striped shirt with another photo, in structured mode": photo,
        "Save a product as a seller does; its event goes through Kafka to the function": seller,
        "Let the model stand-in be throttled twice": (
            "curl -H 'Content-Type: application/json' "
            f"""-d '[{{"error": "ThrottlingException", "times": 2}}]' {sandbox.bedrock}/control/faults"""
        ),
        "Counters": f"curl {sandbox.function}/metrics",
    }
    for title, line in lines.items():
        console.print(f"\n# {title}")
        print(line, flush=True)  # as it is: a pasted line must not be wrapped
    console.print(f"\nProducts, in a browser: {sandbox.product_service}/")
    console.print(
        f"Kafka: {sandbox.kafka}, topics {', '.join(spec.topics)}; dead letters in {spec.delivery.dead_letter_sink}"
    )
    console.print("Ctrl-C stops everything. The function's log follows.\n")


def _quoted(value: object) -> str:
    return shlex.quote(json.dumps(value, ensure_ascii=False))
