"""Tasks: the folders of `prompts/`, as they are used. A new task of the known kinds is a new folder and no Python."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import jinja2

from handler.categories import matches
from handler.checks.rules import Rules
from handler.codes import CodeTable, tool_schema
from handler.content import shape_of
from handler.converse import Prefix
from handler.facts import Facts
from handler.noise import Noise
from handler.task_files import Example, Persona, Publication, TaskFile


@dataclass(frozen=True)
class Task:
    """One task folder, ready to use."""

    name: str
    file: TaskFile
    model_id: str
    system: jinja2.Template
    user: jinja2.Template
    examples: tuple[Example, ...]
    personas: Mapping[str, Persona]
    codes: CodeTable
    rules: Rules | None

    @cached_property
    def edition(self) -> str:
        """The digest of all that shapes the output but not the question: codes, rules, publish map, write-back."""
        personas = {name: [persona.length, persona.emoji] for name, persona in self.personas.items()}
        rules = self.rules.shape if self.rules else None
        file = self.file
        return shape_of([file.publish, file.checks, file.write_back, self.codes.shape, personas, rules])[:16]

    @property
    def languages(self) -> Collection[str]:
        """What it can write in; empty where its output has no language."""
        return self.rules.languages if self.rules else ()

    def publication(self, category: tuple[str, ...]) -> Publication:
        """The first pattern that fits decides; where none does, nothing is published."""
        for pattern, publication in self.file.publish.items():
            if matches(pattern, category):
                return publication
        return "off"

    def lacks(self, facts: Facts, *, has_images: bool) -> tuple[str, ...]:
        """What the product must still bring before the model is asked."""
        present = {"name": bool(facts.name), "category": bool(facts.category), "images": has_images}
        missing: list[str] = [field for field in self.file.needs.fields if not present[field]]
        if len(facts.attributes) < self.file.needs.facts:
            missing.append(f"{self.file.needs.facts} attributes that say something (it has {len(facts.attributes)})")
        return tuple(missing)

    def persona(self, facts: Facts) -> tuple[str, Persona | None]:
        """The first persona in file order that fits the product."""
        return next(
            ((name, persona) for name, persona in self.personas.items() if persona.when.fits(facts)), ("", None)
        )

    def prefix(self, *, persona: str = "", language: str = "", attributes: tuple[str, ...] = ()) -> Prefix:
        """The stable part of a question about these attributes: nothing that a seller writes is in it."""
        return self._prefix(persona, language, attributes)

    @cached_property
    def _prefix(self) -> Callable[[str, str, tuple[str, ...]], Prefix]:
        return lru_cache(maxsize=256)(self._made_prefix)  # ten attributes can be asked for in a thousand ways

    def _made_prefix(self, persona: str, language: str, attributes: tuple[str, ...]) -> Prefix:
        asked = {name: self.codes.root[name] for name in attributes}
        system = self.system.render(
            persona=self.personas.get(persona),
            language=self.rules.languages[language].name if self.rules and language else "",
            length=self.length(persona, language) if language else None,
            attributes=asked,
            examples=[
                each
                for each in self.examples
                if each.persona in {"", persona} and (not language or each.language == language)
            ],
        )
        return Prefix(system, tool_schema(asked) if asked else None)

    def length(self, persona: str, language: str) -> tuple[int, int]:
        """Least and most graphemes of a text."""
        checks = self.file.checks
        assert checks is not None  # noqa: S101 - TaskFile guarantees it for texts, and only they have a length
        return (self.personas[persona].length if checks.length == "persona" else checks.length)[language]

    def allows_emoji(self, persona: str) -> bool:
        checks = self.file.checks
        assert checks is not None  # noqa: S101 - as above
        return (self.personas[persona].emoji if checks.emoji == "persona" else checks.emoji) == "yes"


@dataclass(frozen=True)
class Prompts:
    """All tasks and what they share."""

    tasks: tuple[Task, ...]
    noise: Noise

    @property
    def event_types(self) -> frozenset[str]:
        """The names that some task listens to."""
        return frozenset(name for task in self.tasks for name in task.file.events)

    @cached_property
    def languages(self) -> frozenset[str]:
        """What every text can be written and judged in."""
        texts = [frozenset(task.languages) for task in self.tasks if task.rules]
        return frozenset.intersection(*texts) if texts else frozenset({"ko"})

    def lacking(self, language: str) -> tuple[str, ...]:
        """The tasks whose texts cannot be written in it, by name: while there is one, an event in it is refused."""
        return tuple(task.name for task in self.tasks if task.rules and language not in task.languages)

    def owed(self, event_type: str) -> Iterator[Task]:
        """The tasks of one event, in order of their folders' names."""
        return (task for task in self.tasks if event_type in task.file.events)
