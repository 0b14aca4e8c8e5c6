"""Runs the Dockerfile's own steps without an engine, and the function from what they leave behind.

Each stage gets a directory in the place of `/`. The only step left out is the installation of uv itself, which must be
the Makefile's version. What this cannot show: that the base image has what is assumed of it.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.product_service import ProductService

REPOSITORY = Path(__file__).parent.parent
IS_ROOT = os.geteuid() == 0
UNCHECKED_HASH = 0b01
INSTALLS_UV = re.compile(r"pip install .*\buv==(?P<version>[\d.]+)")


@dataclass
class Image:
    """What the Dockerfile leaves behind: a file system below `root`, and how to start it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: Path = Path()
    user: int | None = None
    entrypoint: list[str] = field(default_factory=list)

    def path(self, text: str) -> Path:
        """A path of the image: absolute below the root, relative below WORKDIR."""
        return Path(self.below_root(text)) if text.startswith("/") else self.workdir / text

    def below_root(self, text: str) -> str:
        """`text` with each path that the image has of its own moved below the root; the base image's stay."""
        return re.sub(r"(?<![\w.])/(?=(?:app|opt|tmp)\b)", f"{self.root}/", text)


def instructions() -> list[tuple[str, str]]:
    """(name, arguments) of the Dockerfile's instructions."""
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    words = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(name, arguments) for name, _, arguments in words]


def build(root: Path) -> Image:
    """Runs the Dockerfile with `root` in the place of `/`."""
    image, stage = Image(root), ""
    for name, arguments in instructions():
        match name:
            case "FROM":
                if stage:
                    root.rename(root.with_name(stage))
                stage = arguments.rpartition(" AS ")[2]
                root.mkdir()
                (root / "tmp").mkdir()
                (root / "tmp").chmod(0o1777)
                image = Image(root, env={"PATH": "/usr/bin:/bin"})
            case "ENV":
                for assignment in shlex.split(image.below_root(arguments)):
                    key, _, value = assignment.partition("=")
                    image.env[key] = value.replace("$PATH", image.env["PATH"])
            case "WORKDIR":
                image.workdir = image.path(arguments)
                image.workdir.mkdir()
            case "COPY":
                copy(image, shlex.split(arguments))
            case "RUN":
                run(image, arguments)
            case "USER":
                image.user = int(arguments.partition(":")[0])
            case "ENTRYPOINT":
                image.entrypoint = json.loads(arguments)
            case "EXPOSE":
                pass
            case _:
                raise NotImplementedError(name)
    return image


def copy(image: Image, arguments: list[str]) -> None:
    """COPY [--from=STAGE] SOURCE... TARGET."""
    stage = arguments.pop(0).removeprefix("--from=") if arguments[0].startswith("--from=") else None
    *sources, target = arguments
    for source in sources:
        origin = image.root.with_name(stage) / source.lstrip("/") if stage else REPOSITORY / source
        destination = image.path(target) / origin.name if target.endswith("/") else image.path(target)
        if origin.is_dir():
            ignored = None if stage else shutil.ignore_patterns("__pycache__")  # as .dockerignore says
            shutil.copytree(origin, destination, symlinks=True, ignore=ignored)
        else:
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, destination)


def run(image: Image, command: str) -> None:
    """RUN in the shell, with this environment's uv in the place of the one that the base image would get."""
    if INSTALLS_UV.match(command):
        return
    tools = sysconfig.get_path("scripts")
    env = os.environ | image.env | {"PATH": f"{image.env['PATH']}:{tools}", "UV_PYTHON": base_python()}
    subprocess.run(["/bin/sh", "-c", image.below_root(command)], cwd=image.workdir, env=env, check=True)


def base_python() -> str:
    """A Python that every user may run, as the base image's: not one in somebody's home directory."""
    for candidate in (f"{sys.base_prefix}/bin/python3", "/usr/local/bin/python3", "/usr/bin/python3"):
        check = [candidate, "-c", "import ssl, sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(check, user=65534 if IS_ROOT else None, check=False).returncode == 0:
                return candidate
        except OSError:
            continue
    pytest.skip("no Python 3.11+ that another user may run")


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, built once."""
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield build(Path(directory) / "root")
        subprocess.run(["chmod", "-R", "u+w", directory], check=True)


@pytest.fixture(scope="module")
def server(image: Image) -> Iterator[tuple[subprocess.Popen[bytes], str, ProductService]]:
    """The function, started as the container would be, as the image's user where the tests may change users."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with BedrockStandIn() as bedrock, ProductService(publish=lambda _: None) as products:
        env = image.env | {
            "PORT": str(port),
            "TMPDIR": str(image.root / "tmp"),
            "THREADS": "4",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock.url,
            "PRODUCT_SERVICE_URL": products.url,
            "LEDGER_URL": "memory://",
            "IMAGE_HOSTS": "127.0.0.1",
        }
        program = shutil.which(image.entrypoint[0], path=env["PATH"])
        assert program, "ENTRYPOINT's program is not in the image"
        user = image.user if IS_ROOT else None
        process = subprocess.Popen(
            [program, *image.entrypoint[1:]],
            cwd=image.workdir,
            env=env,
            user=user,
            group=user,
            extra_groups=[] if IS_ROOT else None,
        )
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(url)
            yield process, url, products
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_until_ready(url: str) -> None:
    """Returns as soon as the server says that it is ready; fails where it never does, and its stderr says why."""
    patience = Retry(total=None, connect=80, backoff_factor=0.02, backoff_max=0.5)
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=patience))
        session.get(f"{url}/health/readiness", timeout=10).raise_for_status()


def test_image_holds_the_functions_dependencies_and_no_others(image: Image) -> None:
    """Everything in [project] dependencies is installed; nothing of the dev extra is, nor the project itself."""
    project: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    listed = {
        extra: {re.split(r"[><=]", line)[0].lower() for line in lines}
        for extra, lines in {"": project["dependencies"], **project["optional-dependencies"]}.items()
    }
    metadata = (image.root / "opt/venv/lib").glob("python3.*/site-packages/*.dist-info")
    installed = {path.name.partition("-")[0].replace("_", "-").lower() for path in metadata}

    assert listed[""] <= installed
    assert not installed & (listed["dev"] | {project["name"]})


def test_image_holds_handler_and_prompts_and_no_others(image: Image) -> None:
    """No tests, no sandbox, no lock file: what does not run is not shipped."""
    assert {path.name for path in (image.root / "app").iterdir()} == {"handler", "prompts"}


def test_context_holds_what_is_copied_and_no_others() -> None:
    """.dockerignore lets in the sources of COPY, so that neither secrets nor .git reach the builder."""
    first, *rules = [x for x in (REPOSITORY / ".dockerignore").read_text().splitlines() if not x.startswith("#")]
    copied = {
        source
        for name, arguments in instructions()
        if name == "COPY" and not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    }

    assert first == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied


def test_image_installs_the_makefiles_uv() -> None:
    """One version reads the lock file everywhere."""
    (version,) = [match["version"] for _, arguments in instructions() if (match := INSTALLS_UV.match(arguments))]
    (made,) = re.findall(r"^UV_VERSION := (\S+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)

    assert version == made


def test_every_module_is_compiled_for_good(image: Image) -> None:
    """Each source has byte code that is used without a look at times, which layers and registries may change."""
    sources = [path for folder in ("app", "opt/venv/lib") for path in (image.root / folder).rglob("*.py")]
    compiled = {path: list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc")) for path in sources}

    assert sources
    assert [path for path, caches in compiled.items() if not caches] == []
    flags = {int.from_bytes(cache.read_bytes()[4:8], "little") for caches in compiled.values() for cache in caches}
    assert flags == {UNCHECKED_HASH}


def test_what_a_start_derives_from_the_prompts_is_there(image: Image) -> None:
    """Nothing can be written later, and without it each start and its first text take half a second more."""
    (derived,) = (image.root / "app/handler/__pycache__").glob("derived.cpython-*.pickle")
    script = "from handler.derived import STORE; print(STORE._path); print(len(STORE._kept))"
    python = shutil.which("python", path=image.env["PATH"])
    assert python
    said = subprocess.check_output([python, "-c", script], cwd=image.workdir, env=image.env, text=True).split()
    assert Path(said[0]).resolve() == derived.resolve()
    assert int(said[1]) > 100


def test_image_is_read_only_and_readable_by_all(image: Image) -> None:
    """Nobody may write a file or directory of the image; everybody may read it."""
    paths = [
        path for folder in ("app", "opt/venv") for path in (image.root / folder).rglob("*") if not path.is_symlink()
    ]
    modes = {path: path.stat().st_mode for path in paths}

    assert [path for path, mode in modes.items() if mode & 0o222] == []
    assert [path for path, mode in modes.items() if not mode & 0o004] == []


def test_image_answers_an_event(server: tuple[subprocess.Popen[bytes], str, ProductService]) -> None:
    """From the read-only tree, started by ENTRYPOINT, the function enriches a product and writes it back."""
    _, url, products = server
    attributes = {"소재": "면 100%", "색상": "화이트", "핏": "레귤러핏"}
    product = {"name": "베이직 코튼 티셔츠", "category": ["의류", "여성의류", "티셔츠"], "attributes": attributes}
    products.save("GD-1", product)
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "ProductAttributesUpdatedEvent"}

    reply = requests.post(url, json={"productId": "GD-1", "version": 1, **product}, headers=headers, timeout=60)

    assert reply.status_code == 200, reply.text
    assert reply.json()["results"][0]["outcome"] == "written"
    assert products.product("GD-1")["description"]


@pytest.mark.skipif(not IS_ROOT, reason="only root may start a process as another user")
def test_process_is_the_images_user(image: Image, server: tuple[subprocess.Popen[bytes], str, ProductService]) -> None:
    """The process that answers runs as USER, a number above 0, without any capability left."""
    process, _, _ = server

    status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())

    assert set(status["Uid"].split()) == {str(image.user)}
    assert image.user
    assert int(status["CapEff"], 16) == 0
