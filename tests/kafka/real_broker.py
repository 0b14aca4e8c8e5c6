"""An Apache Kafka of the tests' own: one KRaft node from the jars that Maven resolves, on free ports, in a folder."""

import base64
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from workbench.function import free_port

POM = Path(__file__).with_name("pom.xml")
START_SECONDS = 60
STOP_SECONDS = 30
SMALL = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


class ToolMissingError(Exception):
    """Java or Maven is not on this machine."""


@contextmanager
def real_broker() -> Iterator[str]:
    """Its bootstrap servers. Raises `ToolMissingError`."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise ToolMissingError(f"{tool} is missing: install JDK 17 and Maven, or set KAFKA_BOOTSTRAP_SERVERS")
    jars = _jars()
    with tempfile.TemporaryDirectory(prefix="kafka-") as folder:
        port = free_port()
        settings = Path(folder) / "server.properties"
        settings.write_text(_settings(folder, port, free_port()), encoding="utf-8")
        java = ["java", *SMALL, "-cp", f"{jars}/*"]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        form = [*java, "kafka.tools.StorageTool", "format", "--config", str(settings), "--cluster-id", cluster]
        subprocess.run(form, check=True, capture_output=True, text=True, timeout=START_SECONDS)
        with (Path(folder) / "server.log").open("w+", encoding="utf-8") as log:
            process = subprocess.Popen([*java, "kafka.Kafka", str(settings)], stdout=log, stderr=log)
            try:
                _wait_for(f"127.0.0.1:{port}", process, Path(log.name))
                yield f"127.0.0.1:{port}"
            finally:
                _stop(process)


def _jars() -> Path:
    """Kept between runs, in a folder of the version's own."""
    found = re.search("<kafka.version>(.+)</kafka.version>", POM.read_text(encoding="utf-8"))
    assert found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "product-enricher"
    jars = cache / f"kafka-{found[1]}"
    if not jars.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as half:  # moved when whole: an aborted download is no cache
            copy = ["mvn", "--batch-mode", "--quiet", "--file", str(POM), "dependency:copy-dependencies"]
            subprocess.run([*copy, f"-DoutputDirectory={half}/jars"], check=True, timeout=600)
            Path(half, "jars").rename(jars)
    return jars


def _settings(folder: str, port: int, controller_port: int) -> str:
    return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
"""


def _wait_for(bootstrap_servers: str, process: subprocess.Popen[bytes], log: Path) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if admin.list_topics(timeout=1).brokers:
                return
        except KafkaException:
            continue  # it waited a second for an answer
    raise RuntimeError(f"Kafka did not start:\n{log.read_text(encoding='utf-8')[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
