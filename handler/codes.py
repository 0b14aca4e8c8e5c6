"""Closed code tables: what the model may answer, what sellers state, and the codes that stand behind the labels. Pure.

The model sees and returns labels; codes are mapped here, outside of it. A label outside the table is a violation and is
never rounded to the nearest one.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, RootModel, StringConstraints, model_validator

from handler.categories import matches
from handler.checks import Violation
from handler.checks.rules import Colour
from handler.content import Content
from handler.facts import Facts

UNKNOWN = "unknown"
NOT_APPLICABLE = "not_applicable"
REJECTED = "rejected"

Words = tuple[str, ...]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]
"""Claude refuses other property names in a tool's schema (Anthropic, "Define tools")."""


class Label(Content):
    """One value of an attribute. The key of the label is what the model sees."""

    code: Annotated[str, Field(min_length=1)]
    """What is written back."""
    ko: str
    also: Words = ()
    """Synonyms that sellers and the model may use."""
    colours: Words = ()
    """Rows of `prompts/shared/colours.yaml` that are this label: their words are synonyms too."""
    means: Annotated[str, Field(alias="is")] = ""
    """One line that tells it from its neighbour."""
    within: str = ""
    """The wider label that it is a kind of."""


class Attribute(Content):
    """One catalogue attribute and its closed list of labels."""

    ko: str
    applies_to: Words = ("**",)
    """Category patterns; elsewhere the outcome is not_applicable."""
    stated_in: Words = ()
    """Seller attributes that state it: where all their options are known words, the model is not asked."""
    max: Annotated[int, Field(ge=1)] = 1
    more: str = ""
    """The label for more than `max` values; it stands alone."""
    labels: Annotated[dict[str, Label], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if UNKNOWN in self.labels or NOT_APPLICABLE in self.labels:
            raise ValueError(f"'{UNKNOWN}' and '{NOT_APPLICABLE}' are outcomes; remove the label")
        for name, label in self.labels.items():
            if label.within and label.within not in self.labels:
                raise ValueError(
                    f"label '{name}' is within '{label.within}', which is no label; add it or correct the word"
                )
        if self.more and self.more not in self.labels:
            raise ValueError(f"more: '{self.more}' is no label; add it or correct the word")
        codes = [label.code for label in self.labels.values()]
        if twice := {code for code in codes if codes.count(code) > 1}:
            raise ValueError(f"code {min(twice)} stands twice; give each label its own")
        self.words  # noqa: B018 - raises where a word stands under two labels
        return self

    @cached_property
    def words(self) -> dict[str, str]:
        """Every accepted word, folded, with its label."""
        words: dict[str, str] = {}
        for name, label in self.labels.items():
            for word in {fold(text) for text in (name, label.ko, *label.also)}:
                if words.setdefault(word, name) != name:
                    raise ValueError(f"'{word}' stands under '{words[word]}' and '{name}'; keep it under one")
        return words

    def labels_of(self, values: Iterable[str]) -> tuple[str, ...] | None:
        """The labels that these options state, in order; None where one of them is not in the table."""
        options = [fold(option) for value in values for option in _options(value)]
        if not options or any(option not in self.words for option in options):
            return None
        labels = tuple(dict.fromkeys(self.words[option] for option in options))
        if self.more in labels and len(labels) > 1:
            return None  # it stands alone: which of them the product has, the photo must say
        if len(labels) > self.max:
            return (self.more,) if self.more else None
        return labels

    def is_stated_in(self, key: str) -> bool:
        """Whether the seller attribute of this name states it."""
        return fold(key) in map(fold, self.stated_in)

    def stated(self, facts: Facts) -> tuple[str, ...] | None:
        """The labels that the seller states; None where the model must be asked."""
        return self.labels_of(value for key, values in facts.attributes if self.is_stated_in(key) for value in values)

    def read(self, name: str, said: Any) -> tuple[tuple[str, ...] | None, tuple[Violation, ...]]:  # noqa: ANN401 - the model's JSON
        """The labels that the model said for the attribute `name`, or what is wrong with them.

        `()` means the model cannot tell; None goes with violations.
        """
        if not isinstance(said, list) or not said or not all(isinstance(word, str) for word in said):
            return None, (_violation("shape", name, str(said), "must be a list of labels", "라벨 목록이 아닙니다"),)
        words = tuple(dict.fromkeys(fold(word) for word in said))
        if words == (UNKNOWN,):
            return (), ()
        outside = [word for word in words if word not in self.words]
        if outside:
            advice = f"must use only labels of the list, or {UNKNOWN}"
            return None, tuple(_violation("offtable", name, word, advice, "코드표에 없는 값입니다") for word in outside)
        labels = tuple(dict.fromkeys(self.words[word] for word in words))
        if self.more in labels and len(labels) > 1:
            advice = f"must be {self.more} alone, or single labels without it"
            return None, (_violation("notalone", name, ", ".join(labels), advice, f"{self.more}는 단독으로만 씁니다"),)
        if len(labels) > self.max:
            limit = f"{self.more} alone" if self.more else "the most visible"
            advice = f"must have at most {self.max}; where there are more, answer {limit}"
            return None, (_violation("toomany", name, ", ".join(labels), advice, f"값은 {self.max}개까지입니다"),)
        return labels, ()

    def codes(self, labels: Iterable[str]) -> list[str]:
        return [self.labels[label].code for label in labels]


class CodeTable(RootModel[dict[AttributeName, Attribute]]):
    """The attributes of one task, by the name that is written back."""

    def with_colours(self, colours: Mapping[str, Colour]) -> Self:
        """The table with the words of the shared colours that its labels name, none of them `unknown_colour`.

        Raises `pydantic.ValidationError` where a colour's word stands under another label, too.
        """
        table = self.model_dump(by_alias=True)
        for attribute in table.values():
            for label in attribute["labels"].values():
                for colour in label["colours"]:
                    row = colours[colour]
                    label["also"] = (*label["also"], colour, row.ko, *row.also, *row.framed)
        return type(self).model_validate(table)

    def unknown_colour(self, colours: Collection[str]) -> tuple[tuple[str, ...], str] | None:
        """The first colour that a label names and the shared table lacks, with its place in the file."""
        for attribute, entry in self.root.items():
            for name, label in entry.labels.items():
                for colour in label.colours:
                    if colour not in colours:
                        return (attribute, "labels", name, "colours"), colour
        return None

    def applicable(self, category: tuple[str, ...]) -> dict[str, Attribute]:
        """The attributes that products of this category have."""
        return {
            name: attribute
            for name, attribute in self.root.items()
            if any(matches(pattern, category) for pattern in attribute.applies_to)
        }


def tool_schema(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    """The JSON Schema of the answer tool: one list of labels for each attribute."""
    return {
        "type": "object",
        "properties": {
            name: {
                "type": "array",
                "items": {"type": "string", "enum": [*attribute.labels, UNKNOWN]},
                "description": f"{attribute.ko}: at most {attribute.max}, or {UNKNOWN} alone",
            }
            for name, attribute in attributes.items()
        },
        "required": list(attributes),
        "additionalProperties": False,
    }


def fold(word: str) -> str:
    """A word as tables compare it: NFC, lower case, without spaces, `_` and `-` alike."""
    return "".join(unicodedata.normalize("NFC", word).casefold().replace("_", "-").split())


def _options(value: str) -> list[str]:
    """A seller's options: `차콜/오트밀, 먹색` are three."""
    for separator in "/,|·;\n":
        value = value.replace(separator, "\x1f")
    return [option for option in value.split("\x1f") if option.strip()]


def _violation(code: str, attribute: str, excerpt: str, en: str, ko: str) -> Violation:
    excerpt = excerpt[:100]
    return Violation(code, excerpt, f"{attribute}: “{excerpt}” {en}.", f"{attribute}: ‘{excerpt}’ {ko}.", attribute)
