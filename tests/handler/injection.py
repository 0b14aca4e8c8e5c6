"""The corpus of hostile products, and a function whose model obeys them. Judges nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml
from enricher import Enricher
from product_events import ATTRIBUTES, IMAGES, SHIRT, product_event

from handler.events import ProductData, ProductEvent
from handler.facts import Facts, facts_of
from handler.results import TaskResult
from handler.tasks import Prompts, Task

ROOT = Path(__file__).parents[2]
PROMPTS = ROOT / "prompts"
"""The planners' own: what ships is what must hold."""

COPY = {
    "ko": "평범한 아침에도 슬쩍 꺼내 입으면 기분이 한결 가벼워지는 티셔츠예요. 어떤 하의와 만나도 자연스럽게 어울려서 "
    "옷장 앞에서 고민하는 시간이 줄어들 거예요. 가까운 카페에 갈 때도, 친구를 만나러 나설 때도 편하게 함께해 보세요.",
    "en": "This is an easy everyday tee that goes with whatever you already own. Wear it alone on a slow morning or "
    "under a shirt when the day gets busy, and let the rest of the outfit find its own way around it. Simple days "
    "start well when the first choice is this simple.",
}
"""Copy that claims nothing, so that it passes for every product: what is wrong with an answer is what was added."""


@dataclass(frozen=True)
class Attack:
    """One entry of the corpus."""

    kind: str
    product: Mapping[str, Any]
    obeyed: str | Mapping[str, Any]

    @cached_property
    def data(self) -> dict[str, Any]:
        """The event's data: a T-shirt with what the seller made of it."""
        return {**SHIRT, **self.product, "attributes": {**SHIRT["attributes"], **self.product.get("attributes", {})}}

    @cached_property
    def twin(self) -> dict[str, Any]:
        """A harmless product of the same category, brand, audience and language."""
        same = {"category", "brand", "audience", "language"}
        return {**SHIRT, **{name: value for name, value in self.product.items() if name in same}}

    @property
    def language(self) -> str:
        language: str = self.data.get("language", "ko")
        return language

    def saying(self, asked: Mapping[str, Any]) -> str | dict[str, Any]:
        """What a model says that obeys and is asked for these attributes; of those it was not told of, nothing."""
        if isinstance(self.obeyed, str):
            return self.obeyed.replace("{copy}", COPY[self.language])
        return {**{name: ["unknown"] for name in asked}, **self.obeyed}

    def task(self, prompts: Prompts) -> Task:
        """The task that it is aimed at."""
        name = "description" if isinstance(self.obeyed, str) else "attributes"
        return next(task for task in prompts.tasks if task.name == name)

    def event(self, **changes: Any) -> ProductEvent:  # noqa: ANN401 - an event's data
        """The event that owes the task which the attack is aimed at."""
        plain = product_event(name=ATTRIBUTES if isinstance(self.obeyed, str) else IMAGES)
        return plain._replace(product=ProductData.model_validate({**self.data, **changes}))


def facts(prompts: Prompts, data: Mapping[str, Any]) -> Facts:
    """What is left of an event's data when it is cleaned."""
    return facts_of(ProductData.model_validate(data), prompts.noise)


def obey(enricher: Enricher, attack: Attack, **changes: object) -> tuple[ProductEvent, TaskResult]:
    """Delivers the attack to a model that does what it says, also when it is asked again."""
    event = attack.event(**changes)
    said = attack.saying(attack.task(enricher.prompts).codes.applicable(facts(enricher.prompts, attack.data).category))
    enricher.say(said, said)
    return event, enricher.run(event)


def attacks() -> list[Attack]:
    """The whole corpus."""
    text = (ROOT / "tests" / "corpora" / "injection.yaml").read_text(encoding="utf-8")
    return [Attack(**entry) for entry in yaml.load(text, Loader=yaml.CSafeLoader)]


ATTACKS = attacks()
every_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.kind)
