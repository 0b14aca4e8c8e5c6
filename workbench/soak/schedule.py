"""What happens in a soak, decided by its seed alone: edits, the faults of each question, kills, storms. Pure.

Everything is keyed to an edit's number or a question, never to the clock: the same seed gives the same schedule on a
slow machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, get_args

SLOTS = ("a", "b")
"""Two functions run, whichever process has the slot now."""
MATERIALS = ("면 100%", "린넨 100%", "울 30%, 아크릴 70%", "폴리에스터 100%")
FITS = ("레귤러핏", "오버핏", "슬림핏", "세미오버핏")
PHOTOS = ("striped-shirt.jpg", "knit.jpg")
GARBAGE = "최고의 선택! 지금 구매하면 무료배송"
"""Breaks rules for length and claims, and quotes nothing of a product: what mends it keeps the product's own words."""
WARM_UP = 40
"""Edits before the first fault."""

Storm = Literal["throttled", "slow", "broken", "down"]
Kind = Literal["save", "repeat", "photo", "copy", "delete"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Edit:
    """One act of the shop's people."""

    product: str
    kind: Kind
    variant: int = 0
    """Which facts; the same variant in two products is the same question."""
    photo: int | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the seller types; photos are file names."""
        return facts_of_variant(self.variant, self.photo)


@dataclass(frozen=True)
class Kill:
    """SIGKILL for the process in a slot; `moment` answer: right after Bedrock answered it the next time."""

    slot: str
    moment: Literal["any", "answer"]


@dataclass(frozen=True)
class LedgerStorm:
    kind: Storm
    seconds: float


@dataclass(frozen=True)
class ShopRestart:
    seconds: float
    """It is gone for so long."""


@dataclass(frozen=True)
class ShopFaults:
    faults: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class SourceCrash:
    """KafkaSource dies without committing, and another takes over."""


Happening = Kill | LedgerStorm | ShopRestart | ShopFaults | SourceCrash


def _draw(purpose: str) -> Random:
    """Numbers of its own for each purpose: more of one thing moves no other."""
    return Random(purpose)  # noqa: S311 - a schedule, no secret


def token(variant: int) -> str:
    """The word of a question by which its faults are chosen."""
    return f"SK{variant:06d}"


def facts_of_variant(variant: int, photo: int | None) -> dict[str, Any]:
    draw = _draw(f"facts {variant}")
    facts: dict[str, Any] = {
        "name": f"베이직 티셔츠 {token(variant)}",
        "category": ["남성의류", "티셔츠"],
        "attributes": {
            "소재": draw.choice(MATERIALS),
            "핏": draw.choice(FITS),
            "두께": draw.choice(("얇음", "보통", "도톰")),
        },
        "language": "ko",
    }
    return facts if photo is None else {**facts, "imageUrls": [PHOTOS[photo]]}


def edits(seed: int, products: int) -> Iterator[Edit]:
    """Without end."""
    draw = _draw(f"edits {seed}")
    history: dict[str, list[int]] = {}
    photos: dict[str, int | None] = {}
    recent, variants, born = [0], 0, 0
    while True:
        if len(history) < products and (not history or draw.random() < 0.2):
            born += 1
            product, kind = f"p{born:05d}", KINDS[0]
            history[product], photos[product] = [], draw.choice((None, None, 0, 1))
        else:
            product = draw.choice(list(history))
            [kind] = draw.choices(KINDS, (20, 75, 3, 1, 1))  # most saves change nothing
        past = history[product]
        if kind == "save":
            roll = draw.random()
            if roll < 0.08 and len(past) > 1:
                variant = past[-2]  # taken back
            elif roll < 0.16:
                variant = draw.choice(recent)  # the same question as another product's
            else:
                variants += 1
                variant = variants
            past.append(variant)
            recent = [*recent[-20:], variant]
        elif kind == "photo":
            photos[product] = 1 - (photos[product] or 0)
        yield Edit(product, kind, past[-1], photos[product])
        if kind == "delete":
            del history[product], photos[product]


def happenings(seed: int, *, edits: int, kills: int) -> dict[int, list[Happening]]:
    """What happens after which edit, spread over so many edits."""
    draw = _draw(f"happenings {seed}")
    found: list[Happening] = [Kill(draw.choice(SLOTS), "answer" if number % 2 else "any") for number in range(kills)]
    storms: tuple[Storm, ...] = ("throttled", "slow", "broken", "down")
    rounds = max(1, kills // 5)
    for number in range(rounds):
        found += [LedgerStorm(storms[number % 4], draw.uniform(2, 5)), ShopRestart(draw.uniform(0.5, 2))]
        statuses = [{"status": draw.choice((500, 502, 503)), "times": draw.randint(3, 12)} for _ in range(2)]
        found.append(ShopFaults((*statuses, {"hang": True, "times": 1})))
    found += [SourceCrash()] * max(1, kills // 12)
    draw.shuffle(found)
    last = max(WARM_UP + 1, edits - WARM_UP)
    step = (last - WARM_UP) / len(found)
    planned: dict[int, list[Happening]] = {}
    for index, happening in enumerate(found):
        planned.setdefault(round(WARM_UP + (index + draw.random()) * step), []).append(happening)
    return planned


def bedrock_fault(seed: int, word: str, *, turn: int, attempt: int) -> dict[str, Any] | None:
    """What Bedrock does wrong with a question's `turn` (0: first, 1: re-ask) at its n-th `attempt` (from 0)."""
    nature = _draw(f"question {seed} {word}").random()
    if nature < 0.003:
        return {"hang": True}
    if nature < 0.013:
        return {"stop_reason": "refusal"}
    if nature < 0.038 and (turn == 0 or nature < 0.02):
        return {"text": GARBAGE}
    roll = _draw(f"attempt {seed} {word} {turn} {attempt}").random()
    for share, fault in (
        (0.03, {"error": "ThrottlingException"}),
        (0.04, {"error": "InternalServerException"}),
        (0.048, {"hang": True}),
        (0.058, {"drop": True}),
        (0.066, {"truncate": True}),
        (0.12, {"latency_seconds": 0.3}),
    ):
        if roll < share:
            return fault
    return None
