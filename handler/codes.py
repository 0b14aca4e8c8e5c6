"""Closed code tables: what the model may answer, what sellers state, and the codes that stand behind the labels. Pure.

The model sees and returns labels; codes are mapped here, outside of it. A label outside the table is a violation and is
never rounded to the nearest one.
"""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, RootModel, StringConstraints, model_validator

from handler.categories import matches
from handler.checks import Violation
from handler.checks.rules import Colour
from handler.checks.wording import excerpt_of
from handler.content import Content, Mistake, shape_of
from handler.facts import Facts
from handler.options import options_of

UNKNOWN = "unknown"
NOT_APPLICABLE = "not_applicable"
REJECTED = "rejected"

_COLOUR_ENDINGS = ("빛", "톤")
"""What makes a colour of a noun, as the frames of `prompts/shared/grounding-ko.yaml` have it: 초콜릿빛, 와인톤."""

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
    """The wider label that it is a kind of: where both fit, this one is meant."""
    alone: Literal["no", "yes"] = "no"
    """Whether it stands beside no other label."""


class Attribute(Content):
    """One catalogue attribute and its closed list of labels."""

    ko: str
    applies_to: Words = ("**",)
    """Category patterns; elsewhere the outcome is not_applicable."""
    stated_in: Words = ()
    """Seller attributes that state it: where all their options are known words, the model is not asked."""
    max: Annotated[int, Field(ge=1)] = 1
    more: str = ""
    """The label for more than `max` values; it stands alone, too."""
    labels: Annotated[dict[str, Label], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if UNKNOWN in self.labels or NOT_APPLICABLE in self.labels:
            raise Mistake(
                f"'{UNKNOWN}' and '{NOT_APPLICABLE}' are outcomes; remove the label",
                f"'{UNKNOWN}', '{NOT_APPLICABLE}': 결과의 이름입니다. 라벨에서 지우세요",
                at=("labels", UNKNOWN if UNKNOWN in self.labels else NOT_APPLICABLE),
            )
        for name, label in self.labels.items():
            if label.within and label.within not in self.labels:
                raise Mistake(
                    f"label '{name}' is within '{label.within}', which is no label; add it or correct the word",
                    f"라벨 '{name}'의 within: '{label.within}' 라벨이 없습니다. 더하거나 철자를 고치세요",
                    at=("labels", name, "within"),
                )
            if label.within and (wider := self.labels[label.within].within):  # so there is no circle, either
                raise Mistake(
                    f"label '{name}' is within '{label.within}', which is within '{wider}'; name the widest",
                    f"라벨 '{name}'의 within '{label.within}'도 '{wider}' 안에 있습니다. 가장 넓은 라벨을 쓰세요",
                    at=("labels", name, "within"),
                )
        if self.more and self.more not in self.labels:
            raise Mistake(
                f"'{self.more}' is no label; add it or correct the word",
                f"'{self.more}' 라벨이 없습니다. 더하거나 철자를 고치세요",
                at=("more",),
            )
        owners: dict[str, str] = {}
        for name, label in self.labels.items():
            if (owner := owners.setdefault(label.code, name)) != name:
                raise Mistake(
                    f"code {label.code} stands twice, under '{owner}' and '{name}'; give each label its own",
                    f"코드 {label.code}: '{owner}', '{name}' 두 라벨이 같이 씁니다. 라벨마다 다른 코드를 쓰세요",
                    at=("labels", name),
                )
        self.words  # noqa: B018 - raises where a word stands under two labels
        return self

    @cached_property
    def words(self) -> dict[str, str]:
        """Every accepted word, folded, with its label."""
        words: dict[str, str] = {}
        for name, label in self.labels.items():
            for word in {fold(text) for text in (name, label.ko, *label.also)}:
                if words.setdefault(word, name) != name:
                    raise Mistake(
                        f"'{word}' stands under '{words[word]}' and '{name}'; keep it under one",
                        f"'{word}': '{words[word]}', '{name}' 두 라벨에 모두 있습니다. 한 곳에만 두세요",
                        at=("labels", name),
                    )
        return words

    @cached_property
    def alone(self) -> frozenset[str]:
        """The labels that stand beside no other."""
        return frozenset(name for name, label in self.labels.items() if label.alone == "yes" or name == self.more)

    @cached_property
    def _stating(self) -> frozenset[str]:
        return frozenset(map(fold, self.stated_in))

    @cached_property
    def _endings(self) -> tuple[str, ...]:
        has_colours = any(label.colours for label in self.labels.values())
        return ("", *map(fold, (self.ko, *self.stated_in)), *(_COLOUR_ENDINGS if has_colours else ()))

    def labels_of(self, values: Iterable[str]) -> tuple[str, ...] | None:
        """The labels that these options state, in order; None where one is not in the table, or the photo must say."""
        options = self._options(values)
        labels = tuple(label for label in options if label)
        return self._held(labels) if labels and len(labels) == len(options) else None

    def is_stated_in(self, key: str) -> bool:
        """Whether the seller attribute of this name states it."""
        return fold(key) in self._stating

    def stated(self, facts: Facts) -> tuple[str, ...] | None:
        """The labels that the seller states; None where the model must be asked."""
        return self.labels_of(self._values(facts))

    def with_stated(self, labels: tuple[str, ...], facts: Facts) -> tuple[str, ...]:
        """What the model said, after what the seller states in known words beside others that the table lacks.

        The photo of one option does not hide the others. Where the table cannot hold them together, the photo decides.
        """
        known = (label for label in self._options(self._values(facts)) if label)
        return self._held((*known, *labels)) or labels

    def read(self, name: str, said: Any) -> tuple[tuple[str, ...] | None, tuple[Violation, ...]]:  # noqa: ANN401 - the model's JSON
        """The labels that the model said for the attribute `name`, or what is wrong with them.

        `()` means the model cannot tell; None goes with violations.
        """
        if said is None:
            en = f"{name}: the answer lacks it; add it, with {UNKNOWN} where it cannot be told."
            return None, (Violation("shape", "", en, f"{name}: 답에 없습니다. 넣으세요.", name),)
        if not isinstance(said, list) or not said or not all(isinstance(word, str) for word in said):
            return None, (_violation("shape", name, str(said), "must be a list of labels", "라벨 목록이 아닙니다"),)
        words = tuple(dict.fromkeys(fold(word) for word in said))
        if words == (UNKNOWN,):
            return (), ()
        outside = [word for word in words if self._label(word) is None]
        if outside:
            advice = f"must use only labels of the list, or {UNKNOWN}"
            return None, tuple(_violation("offtable", name, word, advice, "코드표에 없는 값입니다") for word in outside)
        labels = tuple(dict.fromkeys(label for word in words if (label := self._label(word))))
        alone = next((label for label in labels if label in self.alone), None)
        if alone and len(labels) > 1:
            advice = f"must be {alone} alone, or labels without it"
            return None, (_violation("notalone", name, ", ".join(labels), advice, f"{alone}은(는) 단독으로만 씁니다"),)
        if len(labels) > self.max:
            limit = f"{self.more} alone" if self.more else "the most visible"
            advice = f"must have at most {self.max}; where there are more, answer {limit}"
            return None, (_violation("toomany", name, ", ".join(labels), advice, f"값은 {self.max}개까지입니다"),)
        return labels, ()

    def codes(self, labels: Iterable[str]) -> list[str]:
        return [self.labels[label].code for label in labels]

    def _values(self, facts: Facts) -> Iterator[str]:
        return (value for key, values in facts.attributes if self.is_stated_in(key) for value in values)

    def _options(self, values: Iterable[str]) -> list[str | None]:
        """The label of each option; None for one that is not in the table."""
        return [self._label_of(*option) for value in values for option in options_of(value)]

    def _label_of(self, name: str, *remarks: str) -> str | None:
        """An option's label. A remark may say it more exactly, 그레이(차콜), or something else, 그레이(M)."""
        label = self._label(name)
        if label is None:
            return None
        for remark in remarks:
            also = self._label(remark)
            if also is None or also == label or self.labels[label].within == also:
                continue
            if self.labels[also].within != label:
                return None  # 블랙(화이트): which of them, the photo must say
            label = also
        return label

    def _label(self, word: str) -> str | None:
        """The label that a word names, also with the attribute's own name after it, or 빛, 톤: 블랙 색상, 체크무늬."""
        folded = fold(word)
        stems = (folded.removesuffix(ending) for ending in self._endings if folded.endswith(ending))
        return next((self.words[stem] for stem in stems if stem in self.words), None)

    def _held(self, labels: Iterable[str]) -> tuple[str, ...] | None:
        """These labels, once each, as the table holds them together; None where it cannot."""
        labels = tuple(dict.fromkeys(labels))
        if len(labels) > 1 and self.alone.intersection(labels):
            return None
        if len(labels) > self.max:
            return (self.more,) if self.more else None
        return labels


class CodeTable(RootModel[dict[AttributeName, Attribute]]):
    """The attributes of one task, by the name that is written back."""

    model_config = ConfigDict(defer_build=True)  # as `Content`

    @cached_property
    def shape(self) -> str:
        """As a content's."""
        return shape_of(self.root)

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
        coloured = type(self).model_validate(table)
        _ = coloured.shape  # kept with it
        return coloured

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


@lru_cache(maxsize=1024)
def fold(word: str) -> str:
    """A word as tables compare it: NFC, lower case, without spaces, `_` and `-` alike."""
    return "".join(unicodedata.normalize("NFC", word).casefold().replace("_", "-").split())


def _violation(code: str, attribute: str, excerpt: str, en: str, ko: str) -> Violation:
    excerpt = excerpt_of(excerpt)
    return Violation(code, excerpt, f"{attribute}: “{excerpt}” {en}.", f"{attribute}: ‘{excerpt}’ {ko}.", attribute)
