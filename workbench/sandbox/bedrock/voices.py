"""How copy sounds in each language: the phrases around the facts.

They must stay free of colours, materials, numbers, origins, functions, prices and superlatives: a claim about the
product comes from its facts alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from workbench.sandbox.bedrock.korean import as_object, is_, topic


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How one language says it."""

    opening: Callable[[str], str]
    nameless: str
    sentence: Callable[[list[tuple[str, str]], bool], str]  # facts as (key, value); whether it is the first sentence
    closings: tuple[str, ...]


def _korean_sentence(facts: list[tuple[str, str]], first: bool) -> str:
    *others, last = (f"{topic(key)} {value}" for key, value in facts)
    return ("" if first else "그리고 ") + ", ".join([*others, is_(last)]) + "."


def _english_sentence(facts: list[tuple[str, str]], first: bool) -> str:
    return ("Good to know: " if first else "And also: ") + "; ".join(f"{key}, {value}" for key, value in facts) + "."


VOICES = {
    "ko": Voice(
        opening=lambda name: f"{as_object(name)} 소개할게요.",
        nameless="이 상품을 소개할게요.",
        sentence=_korean_sentence,
        closings=(
            "있는 그대로의 모습을 천천히 살펴봐 주세요.",
            "내 취향과 잘 맞는지 편하게 둘러보세요.",
            "마음이 머무는 점이 있다면 그걸로 충분해요.",
            "고민될 땐 오늘의 나에게 어울리는지 떠올려 보세요.",
            "꾸밈없는 소개라 고르는 재미는 그대로 남겨 두었어요.",
            "일상 속 어느 순간에 함께할지 상상해 보는 것도 즐거워요.",
            "작은 정보까지 챙겨 보면 고르는 시간이 더 즐거워져요.",
            "취향은 모두 다르니까 나만의 기준으로 골라 보세요.",
            "궁금했던 점이 조금이나마 풀렸다면 좋겠어요.",
            "좋아하는 마음으로 고른 물건은 기억에 남더라고요.",
            "지금의 나와 잘 어울릴지 설레는 마음으로 만나 보세요.",
            "마음 가는 대로 찬찬히 살펴보면 돼요.",
            "어떤가요?",
            "만나서 반가워요.",
        ),
    ),
    "en": Voice(
        opening=lambda name: f"Say hello to {name}.",
        nameless="Say hello to this product.",
        sentence=_english_sentence,
        closings=(
            "Take your time and see if it feels like you.",
            "Picture where it could fit into your day.",
            "If something here makes you smile, trust that feeling.",
            "Your taste makes the choice, so choose your own way.",
            "We kept the words plain so the fun of choosing stays yours.",
            "Have a look and see what speaks to you.",
            "We hope this answers what you were wondering about.",
            "Things chosen with joy tend to stay in mind.",
            "Imagine the moments you might share with it.",
            "Let it join the ideas you are playing with today.",
            "Curious?",
            "Take a look.",
        ),
    ),
}
