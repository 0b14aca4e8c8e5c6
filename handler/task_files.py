"""The files of a task folder as typed models: the closed list of keys that planners may use. Pure."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from handler.categories import matches
from handler.content import Content, Mistake
from handler.facts import Facts

Publication = Literal["live", "shadow", "off"]


def _is_band(band: tuple[int, int]) -> tuple[int, int]:
    if not 0 < band[0] <= band[1]:
        raise Mistake(
            f"[{band[0]}, {band[1]}] has no length in it; give the least first, then the most",
            f"[{band[0]}, {band[1]}]에 드는 길이가 없습니다. 가장 짧은 길이를 먼저, 가장 긴 길이를 다음에 쓰세요",
        )
    return band


Band = Annotated[tuple[int, int], AfterValidator(_is_band), Field(description="least and most graphemes")]


class Needs(Content):
    """What a product must bring before the model is asked; less is `insufficient`."""

    fields: tuple[Literal["name", "category", "images"], ...] = ()
    facts: Annotated[int, Field(ge=0)] = 0
    """Attributes left after cleaning."""


class Images(Content):
    max: Annotated[int, Field(ge=1, le=20)]  # Bedrock: at most 20 images a request
    strips: Literal["skip", "tile"] = "skip"
    """Detail strips, many times taller than wide: passed over, or cut into tiles."""


class TextChecks(Content):
    """What a text is held to."""

    length: Literal["persona"] | dict[str, Band]
    """By language, or as the persona says."""
    emoji: Literal["persona", "no", "yes"] = "no"
    claims: tuple[str, ...] = ()
    """Packs of `prompts/shared/`, without `.yaml`."""
    grounding: tuple[str, ...] = ()
    """What must be in the facts if the text says it."""


class WriteBack(Content):
    """Where the output goes: PUT {PRODUCT_SERVICE_URL}{path}, under the key `field`."""

    path: Annotated[str, Field(pattern=r"^/.*\{productId\}")]
    field: Annotated[str, Field(min_length=1)]
    join: str = ""
    """Codes of one attribute as one string, `02:06`; empty: as a list."""


class TaskFile(Content):
    """`task.yaml`."""

    output: Literal["text", "codes"]
    events: Annotated[tuple[str, ...], Field(min_length=1)]
    needs: Needs = Field(default_factory=Needs)
    images: Literal["none"] | Images = "none"
    publish: Annotated[dict[str, Publication], Field(min_length=1)]
    checks: TextChecks | None = None
    max_tokens: Annotated[int, Field(ge=1, le=4096)]
    model: str = ""
    """Overrides MODEL_ID."""
    write_back: WriteBack

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.output == "text") != (self.checks is not None):
            raise Mistake(
                "give checks for output: text, and none for output: codes, whose check is the code table",
                "output: text 에는 checks 를 쓰고, output: codes 에는 쓰지 마세요. 코드표가 곧 검사입니다",
            )
        return self


class When(Content):
    """All that is given must fit; a list fits where one of it does."""

    category: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()

    @property
    def fits_all(self) -> bool:
        """Whether nothing is given."""
        return not (self.category or self.brand or self.audience)

    def fits(self, facts: Facts) -> bool:
        return (
            (not self.category or any(matches(pattern, facts.category) for pattern in self.category))
            and (not self.brand or facts.brand.casefold() in {brand.casefold() for brand in self.brand})
            and (not self.audience or facts.audience.casefold() in {audience.casefold() for audience in self.audience})
        )


class Persona(Content):
    """Who writes, for whom, and how."""

    when: When = Field(default_factory=When)
    role: str
    reader: str
    tone: str
    length: dict[str, Band]
    """By language."""
    emoji: Literal["no", "yes"] = "no"


class Example(Content):
    """One product with the answer to give; for `make prompts` it must pass the task's own checks."""

    persona: str = ""
    """The persona it is shown to; empty: all."""
    language: str = "ko"
    product: dict[str, Any]
    picture: str = ""
    """What its photo shows."""
    answer: str | dict[str, tuple[str, ...]]
