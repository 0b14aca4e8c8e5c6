"""What one task asks about one product, and how the answer is judged: for texts, and for codes. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from handler.checks import Violation
from handler.checks.text import check_text
from handler.codes import NOT_APPLICABLE, REJECTED, UNKNOWN, Attribute
from handler.converse import Answer, Picture, Request, digest
from handler.facts import Facts
from handler.tasks import Task


class Judgement(NamedTuple):
    """What may be written of an answer, and which rules it broke."""

    output: Any
    """None where nothing may be written."""
    outcomes: Mapping[str, str] = MappingProxyType({})
    """For attributes: why one has no codes, or is left out."""
    violations: tuple[Violation, ...] = ()


class Question(Protocol):
    """One task's question about one product."""

    @property
    def needs_model(self) -> bool:
        """Whether anything must be asked at all."""
        ...

    def request(self, pictures: tuple[Picture, ...]) -> Request | None:
        """What to ask; None where nothing needs asking."""
        ...

    def fingerprint(self, request: Request | None) -> str:
        """What the output rests on: the request, and what the seller states."""
        ...

    def judge(self, answer: Answer | None) -> Judgement:
        """Checks the answer, which is untrusted, and maps it to the output."""
        ...


def question_of(task: Task, facts: Facts, language: str) -> Question:
    """The question that this task asks about this product."""
    return (
        _AttributesQuestion.of(task, facts) if task.file.output == "codes" else _TextQuestion.of(task, facts, language)
    )


@dataclass(frozen=True, slots=True)
class _TextQuestion:
    task: Task
    facts: Facts
    language: str
    persona: str

    @classmethod
    def of(cls, task: Task, facts: Facts, language: str) -> "_TextQuestion":
        return cls(task, facts, language, task.persona(facts)[0])

    @property
    def needs_model(self) -> bool:
        return True

    def request(self, pictures: tuple[Picture, ...]) -> Request:
        return Request(
            model_id=self.task.model_id,
            prefix=self.task.prefix(persona=self.persona, language=self.language),
            text=self.task.user.render(product=self.facts.block()),
            pictures=pictures,
            max_tokens=self.task.file.max_tokens,
        )

    def fingerprint(self, request: Request | None) -> str:
        return request.fingerprint if request else ""

    def judge(self, answer: Answer | None) -> Judgement:
        text = unicodedata.normalize("NFC", answer.text.strip()) if answer else ""
        if not text:
            empty = Violation("shape", "", "Answer with the text itself.", "글이 없습니다.")
            return Judgement(None, violations=(empty,))
        assert self.task.rules is not None  # noqa: S101 - TaskFile guarantees checks for texts
        violations = check_text(
            text,
            facts=self.facts,
            language=self.language,
            length=self.task.length(self.persona, self.language),
            emoji=self.task.allows_emoji(self.persona),
            rules=self.task.rules,
        )
        return Judgement(None if violations else text, violations=violations)


@dataclass(frozen=True, slots=True)
class _AttributesQuestion:
    task: Task
    facts: Facts
    stated: Mapping[str, tuple[str, ...]]
    """Labels that the seller states, by attribute."""
    asked: Mapping[str, Attribute]

    @classmethod
    def of(cls, task: Task, facts: Facts) -> "_AttributesQuestion":
        applicable = task.codes.applicable(facts.category)
        stated = {name: labels for name, attribute in applicable.items() if (labels := attribute.stated(facts))}
        asked = {name: attribute for name, attribute in applicable.items() if name not in stated}
        return cls(task, facts, stated, asked)

    @property
    def needs_model(self) -> bool:
        return bool(self.asked)

    def request(self, pictures: tuple[Picture, ...]) -> Request | None:
        if not self.needs_model:
            return None
        return Request(
            model_id=self.task.model_id,
            prefix=self.task.prefix(attributes=tuple(self.asked)),
            text=self.task.user.render(product=self._shown().block()),
            pictures=pictures,
            max_tokens=self.task.file.max_tokens,
        )

    def _shown(self) -> Facts:
        """Only the seller attributes that speak of what is asked: an edit of any other asks nothing again."""
        spoken = [
            (key, values)
            for key, values in self.facts.attributes
            if any(attribute.is_stated_in(key) for attribute in self.asked.values())
        ]
        return self.facts._replace(attributes=tuple(spoken))

    def fingerprint(self, request: Request | None) -> str:
        if request and not self.stated:
            return request.fingerprint
        return digest({"request": request.fingerprint if request else "", "stated": self.stated})

    def judge(self, answer: Answer | None) -> Judgement:
        said = answer.tool_use["input"] if answer and answer.tool_use else {}
        if self.asked and not isinstance(said, dict):
            said = {}
        codes: dict[str, list[str] | str] = {}
        outcomes: dict[str, str] = {}
        violations: list[Violation] = []
        for name, attribute in self.task.codes.root.items():
            labels: tuple[str, ...] | None = self.stated.get(name)
            if name in self.asked:
                labels, broken = attribute.read(name, said.get(name))
                violations += broken
                if labels is None:
                    outcomes[name] = REJECTED
                    continue
                labels = attribute.with_stated(labels, self.facts)
                if not labels:
                    outcomes[name] = UNKNOWN
            elif labels is None:
                labels = ()
                outcomes[name] = NOT_APPLICABLE
            codes[name] = self._joined(attribute.codes(labels))
        settled = any(outcomes.get(name) != NOT_APPLICABLE for name in codes) or not self.asked
        return Judgement(codes if settled else None, outcomes, tuple(violations))

    def _joined(self, codes: list[str]) -> list[str] | str:
        join = self.task.file.write_back.join
        return join.join(codes) if join else codes
