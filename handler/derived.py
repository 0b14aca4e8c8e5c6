"""What is derived from planners' texts (models, templates and patterns), kept as Python keeps byte code.

Deriving takes half a second of a start and of its first text, so it is done once: for the image, or by the first start
that may write, and again for what an edit changed. Without the file all works, only slower.

The file lies where this module's byte code lies, under Python's own rules (PYTHONDONTWRITEBYTECODE, pycache_prefix),
because it must be trusted as byte code is: loading a pickle can run anything. It must never lie in PROMPTS_DIR, which
people may write who write no code. Knows nothing of YAML, templates or patterns.
"""

import os
import pickle
import sys
from collections.abc import Callable
from functools import cache, cached_property
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class Store:
    """Derived things by the text that they come from and the recipe that they are made by.

    A recipe's name must change whenever it would make something else of the same text.
    """

    def __init__(self, path: Path, *, most_bytes: int = 4_000_000) -> None:
        """`most_bytes`: what a file may hold of texts that are edited since, or are another checkout's."""
        self._path = path
        self._most_bytes = most_bytes
        self._asked: set[str] = set()
        self.grew = False
        """Whether something was derived that the file has not."""

    @cached_property
    def _kept(self) -> dict[str, bytes]:
        try:
            kept = pickle.loads(self._path.read_bytes())  # noqa: S301 - trusted as byte code is
        except Exception:  # noqa: BLE001 - a file that is missing or damaged is only written anew
            return {}
        return kept if isinstance(kept, dict) else {}

    def recall(self, recipe: str, text: str) -> Any:  # noqa: ANN401 - whatever the recipe makes
        """What was made of the text, a copy each time; None where nothing is kept."""
        key = _key(recipe, text)
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._asked.add(key)
        return pickle.loads(kept)  # noqa: S301 - as above

    def keep(self, recipe: str, text: str, made: object) -> None:
        """Has it for `recall`, and for other processes once it is saved."""
        key = _key(recipe, text)
        self._asked.add(key)
        self._kept[key] = pickle.dumps(made, pickle.HIGHEST_PROTOCOL)
        self.grew = True

    def derive(self, recipe: str, text: str, make: Callable[[str], T]) -> T:
        """`make(text)`, made only if it is not kept. Raises what `make` does."""
        made: T | None = self.recall(recipe, text)
        if made is None:
            made = make(text)
            self.keep(recipe, text, made)
        return made

    def ensure(self, recipe: str, text: str, make: Callable[[str], object]) -> None:
        """Makes and keeps it if it is not kept; what is kept is not even loaded. Raises what `make` does."""
        key = _key(recipe, text)
        self._asked.add(key)
        if key not in self._kept:
            self.keep(recipe, text, make(text))

    @property
    def is_welcome(self) -> bool:
        """Whether Python itself would write byte code here unasked."""
        existing = next(folder for folder in self._path.parents if folder.exists())
        return not sys.dont_write_bytecode and existing.is_dir() and os.access(existing, os.W_OK)

    def save(self) -> None:
        """Writes what is kept, if some of it is new; of a full file, what this process asked for. Raises `OSError`."""
        if not self.grew:
            return
        is_full = sum(map(len, self._kept.values())) > self._most_bytes
        kept = {key: made for key, made in self._kept.items() if key in self._asked or not is_full}
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(pickle.dumps(kept))
        new.replace(self._path)  # at once: another start may be reading
        self.grew = False


@cache
def code_version() -> str:
    """Of all that this package does: a part of recipes that any of its modules may change.

    By the modules' texts, because layers and registries change the times of an image's files.
    """
    package = Path(__file__).parent
    modules = (entry for folder in (package, package / "checks", package / "clients") for entry in os.scandir(folder))
    paths = sorted(entry.path for entry in modules if entry.name.endswith(".py"))
    return sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()


def _key(recipe: str, text: str) -> str:
    return f"{recipe} {sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


STORE = Store(Path(cache_from_source(__file__)).with_suffix(".pickle"))
"""This interpreter's."""
