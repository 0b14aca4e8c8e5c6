"""What is derived from planners' texts is made once and read by later processes, and never stands in the way."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from handler import derived
from handler.derived import Store


def _never(text: str) -> str:
    raise AssertionError(f"{text} was made again")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "derived.pickle"


def _saved(path: Path, *texts: str) -> None:
    store = Store(path)
    for text in texts:
        store.derive("upper-1", text, str.upper)
    store.save()


def test_what_was_made_is_there_for_the_next_process(path: Path) -> None:
    """The second one makes nothing."""
    _saved(path, "a")
    later = Store(path)
    later.ensure("upper-1", "a", _never)
    assert later.derive("upper-1", "a", _never) == "A"
    assert later.recall("upper-1", "a") == "A"


def test_another_recipe_or_text_is_made(path: Path) -> None:
    """Neither an edited text nor a new way of making it finds the old thing."""
    _saved(path, "a")
    assert Store(path).derive("upper-2", "a", str.title) == "A"
    assert Store(path).derive("upper-1", "ab", str.upper) == "AB"
    assert Store(path).recall("upper-2", "a") is None


def test_each_gets_a_thing_of_its_own(path: Path) -> None:
    """Whoever changes what he got changes nobody else's."""
    store = Store(path)
    store.keep("list-1", "a", ["a"])
    store.recall("list-1", "a").append("b")
    assert store.recall("list-1", "a") == ["a"]


def test_what_cannot_be_made_is_not_kept(path: Path) -> None:
    """The maker's error is the caller's, every time."""
    store = Store(path)
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            store.derive("number-1", "x", int)
        with pytest.raises(ValueError, match="invalid literal"):
            store.ensure("number-1", "x", int)
    assert store.recall("number-1", "x") is None


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(["a list"]), pickle.dumps({})[:-1]])
def test_damaged_file_is_only_written_anew(path: Path, content: bytes) -> None:
    """All is made as if there were none, and the next process reads it again."""
    path.parent.mkdir()
    path.write_bytes(content)
    _saved(path, "a")
    assert Store(path).derive("upper-1", "a", _never) == "A"


def test_full_file_keeps_what_was_asked_for(path: Path) -> None:
    """Texts that are edited again and again do not let it grow for ever; those in use stay."""
    _saved(path, "a", "b")
    store = Store(path, most_bytes=10)
    store.ensure("upper-1", "a", _never)
    store.derive("upper-1", "c", str.upper)
    store.save()
    later = Store(path)
    assert [later.recall("upper-1", text) for text in "abc"] == ["A", None, "C"]


def test_two_checkouts_share_a_file(path: Path) -> None:
    """What another process asked for stays while there is room."""
    _saved(path, "a")
    _saved(path, "b")
    assert Store(path).recall("upper-1", "a") == "A"


def test_nothing_is_written_where_nothing_can_be(tmp_path: Path) -> None:
    """Without a place for the file all is made as well; only who saves it hears of it."""
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "derived.pickle")
    assert not store.is_welcome
    assert store.derive("upper-1", "a", str.upper) == "A"
    with pytest.raises(OSError, match="file"):
        store.save()


def test_file_goes_where_byte_code_goes(tmp_path: Path) -> None:
    """Beside it, and nowhere where Python is told to write none: it is trusted no less."""
    script = "from handler.derived import STORE; print(STORE.is_welcome, STORE._path)"
    command = ["-X", f"pycache_prefix={tmp_path}", "-c", script]
    root = Path(__file__).parent.parent.parent
    env = {"PATH": ""}
    for options, expected in ([], "True"), (["-B"], "False"):
        said = subprocess.check_output([sys.executable, *options, *command], cwd=root, env=env, text=True).split()
        assert said[0] == expected
        assert Path(said[1]).parent == Path(f"{tmp_path}{root / 'handler'}")


def test_every_folder_of_the_package_is_a_part_of_its_version() -> None:
    """A model of planners' files that another folder's code makes is not mistaken for the old one."""
    package = Path(derived.__file__).parent
    assert {path.parent for path in package.rglob("*.py")} == {package, package / "checks", package / "clients"}
