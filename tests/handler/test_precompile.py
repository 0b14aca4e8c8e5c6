"""After one run of the build's step, a start reads no YAML and compiles nothing, whatever a text needs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent

START = """
import json, sys
from pathlib import Path
import regex
from handler.checks.text import check_text
from handler.codes import CodeTable
from handler.content import Content
from handler.facts import Facts
from handler.task_folders import load_prompts

compiled = []

def note(frame, event, _):
    if event == "call" and frame.f_code is regex._main._compile.__code__:
        compiled.append(frame.f_locals["pattern"])

sys.setprofile(note)
prompts = load_prompts(Path("prompts"), "model")
noise = prompts.noise
cleaned = noise.clean("[무료배송] Qwx 3 zzk"), noise.clean_value("qxk", "zzk"), noise.ignores("qxk")
rules = next(task.rules for task in prompts.tasks if task.rules)
facts = Facts("Qwx", (), (("qxk", ("zzk",)),))
for language in rules.languages:
    check_text("Qwx 3 zzk vvq 10cm.", facts=facts, language=language, length=(1, 99), emoji=False, rules=rules)
sys.setprofile(None)
models = [CodeTable, *Content.__subclasses__()]
built = [model.__name__ for model in models if model.__pydantic_complete__]
print(json.dumps({"compiled": compiled, "yaml": "yaml" in sys.modules, "built": built, "cleaned": cleaned}))
"""


@pytest.fixture(scope="module")
def pycache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for byte code where the build's step ran once."""
    folder = tmp_path_factory.mktemp("pycache")
    _python(folder, "-m", "handler.precompile")
    return folder


def _python(pycache: Path, *arguments: str, **env: str) -> str:
    command = [sys.executable, "-X", f"pycache_prefix={pycache}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout


def _start(pycache: Path) -> dict[str, Any]:
    started: dict[str, Any] = json.loads(_python(pycache, "-c", START))
    return started


def test_start_after_it_derives_nothing(pycache: Path) -> None:
    """No YAML is parsed, no model of such files built, and no pattern compiled that planners or this code wrote."""
    started = _start(pycache)
    assert not started["yaml"]
    assert started["built"] == []
    # What modules compile as they are imported, and scripts' names, do not grow with planners' files.
    assert [pattern for pattern in started["compiled"] if len(pattern) > 60] == []


@pytest.mark.slow
def test_start_without_it_works_as_well(pycache: Path, tmp_path: Path) -> None:
    """Only slower."""
    started = _start(tmp_path)
    assert started["yaml"]
    assert "CodeTable" in started["built"]
    assert any(len(pattern) > 60 for pattern in started["compiled"])
    assert started["cleaned"] == _start(pycache)["cleaned"] == ["Qwx 3 zzk", "zzk", False]


def test_step_fails_where_nothing_may_be_written(tmp_path: Path) -> None:
    """An image that would start slowly is not built."""
    (tmp_path / "file").touch()
    with pytest.raises(subprocess.CalledProcessError) as raised:
        _python(tmp_path / "file", "-m", "handler.precompile")
    assert "NotADirectoryError" in raised.value.stderr


def test_step_writes_where_python_writes_no_byte_code(tmp_path: Path) -> None:
    """As `compileall` does: whoever runs it asks for it."""
    _python(tmp_path, "-B", "-m", "handler.precompile")
    assert not _start(tmp_path)["yaml"]


APPLICATION = 'import functions_framework; functions_framework.create_app("handle", "handler/main.py", "http")'
SETTINGS = {
    "PRODUCT_SERVICE_URL": "http://127.0.0.1:1",
    "IMAGE_HOSTS": "127.0.0.1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}


@pytest.mark.slow
@pytest.mark.parametrize(("options", "reads_yaml"), [([], False), (["-B"], True)])
def test_first_start_does_it_where_python_writes_byte_code(
    tmp_path: Path, options: list[str], reads_yaml: bool
) -> None:
    """So in a checkout only the first start is slow, and a process that may write nothing writes nothing."""
    _python(tmp_path, *options, "-c", APPLICATION, **SETTINGS)
    assert _start(tmp_path)["yaml"] == reads_yaml


@pytest.mark.slow
def test_first_start_with_another_regex_does_it_again(tmp_path: Path) -> None:
    """Its patterns are of another make, though the files are those of before."""
    upgrade = "import regex; regex.__version__ = 'another'; "
    _python(tmp_path, "-m", "handler.precompile")
    _python(tmp_path, "-c", upgrade + APPLICATION, **SETTINGS)
    started = json.loads(_python(tmp_path, "-c", upgrade + START))
    assert [pattern for pattern in started["compiled"] if len(pattern) > 60] == []
