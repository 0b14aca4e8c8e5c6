"""Composes copy from a product's own words and a few phrases that claim nothing about it. It is not a model.

Whatever the copy says about the product is quoted from the facts in the prompt.
"""

import itertools
import zlib
from collections.abc import Iterable, Sequence

import regex

from workbench.sandbox.bedrock.question import Product, Question
from workbench.sandbox.bedrock.voices import VOICES, Voice

_FACTS_A_SENTENCE = 3
_LONGEST_FACT = 60
# Copy quotes no line breaks, markup, links, phone numbers or emoji, and no value that is a sentence of its own.
_UNQUOTABLE = regex.compile(r"[\n<>{}\[\]#*_`|“”]|https?:|www\.|@|\d{2,4}-\d{3,4}-\d{4}|(?![\d#*])\p{Emoji}|[.!?…]\s*$")


def length(text: str) -> int:
    """Characters as a reader counts them."""
    return len(regex.findall(r"\X", text))


def compose(question: Question) -> str:
    """Copy for the question's product inside its band of characters where the facts and phrases can fill it."""
    if question.product is None:
        return "This is a stand-in, not a model: the request holds no <product> block to write about."
    voice, (low, high) = VOICES[question.language], question.band
    product = question.product
    opening = _opening(product, voice, question.unwanted, high)
    facts = _fitting(voice, opening, _quotable(product, question.unwanted), question.band)
    start = zlib.crc32(product.name.encode()) + question.turn
    phrases = [
        phrase
        for phrase in _rotated(voice.closings, start)
        if not any(excerpt in phrase for excerpt in question.unwanted)
    ]
    # A fact less where the band is too narrow for all of them and a phrase.
    for count in range(len(facts), -1, -1):
        text = " ".join([opening, *_sentences(voice, facts[:count])])
        filling = _filling(phrases, low - length(text), high - length(text))
        if filling is not None:
            return " ".join([text, *filling])
    return _cut([opening, *_sentences(voice, facts), *phrases], high)


def _opening(product: Product, voice: Voice, unwanted: Iterable[str], high: int) -> str:
    name = product.name or (product.category[-1] if product.category else "")
    if product.brand and product.brand.casefold() not in name.casefold():
        name = f"{product.brand} {name}"
    for excerpt in unwanted:
        name = name.replace(excerpt, " ")
    words = [word for word in name.split() if not _UNQUOTABLE.search(word)]
    while words and length(voice.opening(" ".join(words))) > high:
        words.pop()
    return voice.opening(" ".join(words)) if words else voice.nameless


def _quotable(product: Product, unwanted: Sequence[str]) -> list[tuple[str, str]]:
    facts = [(key, "·".join(values)) for key, values in product.attributes]
    return [
        (key, value)
        for key, value in facts
        if length(key + value) <= _LONGEST_FACT
        and not _UNQUOTABLE.search(key)
        and not _UNQUOTABLE.search(value)
        and not any(excerpt.casefold() in f"{key} {value}".casefold() for excerpt in unwanted)
    ]


def _fitting(voice: Voice, opening: str, facts: list[tuple[str, str]], band: tuple[int, int]) -> list[tuple[str, str]]:
    """As many facts, in the seller's order, as leave room for a friendly ending; one at least where it fits at all."""
    low, high = band
    for limit in ((low + high) // 2, high):
        chosen: list[tuple[str, str]] = []
        for fact in facts:
            if length(" ".join([opening, *_sentences(voice, [*chosen, fact])])) <= limit:
                chosen.append(fact)
        if chosen:
            return chosen
    return []


def _sentences(voice: Voice, facts: list[tuple[str, str]]) -> list[str]:
    groups = range(0, len(facts), _FACTS_A_SENTENCE)
    return [voice.sentence(facts[start : start + _FACTS_A_SENTENCE], start == 0) for start in groups]


def _filling(phrases: list[str], low: int, high: int) -> list[str] | None:
    """The fewest phrases that bring the text into the band, its middle half first; None where none do."""
    sizes = {phrase: length(phrase) + 1 for phrase in phrases}
    if sum(sizes.values()) < low or high < 0:
        return None
    margin = (high - low) // 4
    for least, most in ((low + margin, high - margin), (low, high)):
        for count in range(len(phrases) + 1):
            for chosen in itertools.combinations(phrases, count):
                if least <= sum(sizes[phrase] for phrase in chosen) <= most:
                    return list(chosen)
    return None


def _cut(sentences: list[str], high: int) -> str:
    """As many whole sentences as fit: the best that can be done for a band that nothing fills."""
    text, *others = sentences
    for sentence in others:
        if length(f"{text} {sentence}") <= high:
            text = f"{text} {sentence}"
    return text


def _rotated(phrases: Sequence[str], start: int) -> list[str]:
    offset = start % len(phrases)
    return [*phrases[offset:], *phrases[:offset]]
