"""Fills a tool's input: colours and prints as measured in the photo, everything else from the seller's words."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.sandbox.bedrock.measurement import Measured, measure
from workbench.sandbox.bedrock.palette import canonical, distance, is_colour, is_print, names
from workbench.sandbox.bedrock.question import Question

UNKNOWN = "unknown"
# A colour on less of the product than this is a button, a seam or a shadow.
_COLOUR_SHARE = 0.18
# Farther from every offered label than this, a colour has no name in the table.
_FARTHEST = 45
# A schema may say its limit in words only.
_AT_MOST = re.compile(r"at most (\d+)")


def tool_input(spec: Mapping[str, Any], question: Question) -> dict[str, Any]:
    """An input that fits the tool's schema; labels come only from its own lists."""
    schema = spec["inputSchema"]["json"]
    required = schema.get("required", [])
    hints = "\n".join((question.prompt, spec.get("description", "")))
    filled = {
        key: _value(key, part, question, hints, required=key in required)
        for key, part in schema.get("properties", {}).items()
    }
    return {key: value for key, value in filled.items() if value is not None}


def _value(key: str, schema: Mapping[str, Any], question: Question, hints: str, *, required: bool) -> object:
    items = schema.get("items", {})
    if schema.get("type") == "array" and "enum" in items:
        chosen = _labels(key, items["enum"], question, "\n".join((hints, schema.get("description", ""))))
        limit = _AT_MOST.search(schema.get("description", ""))
        most = schema.get("maxItems", int(limit[1]) if limit else len(items["enum"]))
        many = [label for label in items["enum"] if label in ("multi", "multicolor")]
        return many[:1] if len(chosen) > most and many else chosen[:most]
    if "enum" in schema:
        return (_labels(key, schema["enum"], question, hints) or schema["enum"])[0]
    empty = {"array": [], "object": {}, "string": "", "boolean": False, "integer": 0, "number": 0}
    return empty.get(schema.get("type", "string")) if required else None


def _labels(key: str, offered: Sequence[str], question: Question, hints: str) -> list[str]:
    measured = measure(question.image) if question.image else None
    real = [label for label in offered if label not in (UNKNOWN, "multi", "multicolor")]
    found: list[str] = []
    if measured and _about(key, real, is_colour, ("color", "colour", "색")):
        found = _seen_colours(measured, real)
    elif measured and _about(key, real, is_print, ("print", "pattern", "무늬", "패턴")):
        found = [label for label in real if canonical(label) == measured.print][:1]
    found = found or _stated(real, question, hints)
    return found or [label for label in offered if label == UNKNOWN]


def _about(key: str, labels: Sequence[str], known: Any, words: Sequence[str]) -> bool:  # noqa: ANN401
    return any(word in key.lower() for word in words) or 2 * sum(map(known, labels)) > len(labels)


def _seen_colours(measured: Measured, offered: Sequence[str]) -> list[str]:
    """The labels that the product's pixels are nearest to, the largest share first."""
    known = [label for label in offered if is_colour(label)]
    shares: Counter[str] = Counter()
    for colour, count in measured.colours:
        nearest = min(known, key=lambda label: distance(colour, label), default=None)
        if nearest is not None and distance(colour, nearest) <= _FARTHEST:
            shares[nearest] += count
    total = sum(count for _, count in measured.colours)
    return [label for label, count in shares.most_common() if count >= _COLOUR_SHARE * total]


def _stated(offered: Sequence[str], question: Question, hints: str) -> list[str]:
    """The labels whose names the seller's words hold; a longer name hides the shorter one inside it."""
    if question.product is None:
        return []
    text = question.product.words().casefold()
    spelled = [(name.casefold(), label) for label in offered for name in {*names(label), *_synonyms(label, hints)}]
    found: list[str] = []
    for name, label in sorted(spelled, key=lambda pair: -len(pair[0])):
        pattern = rf"(?<![a-z]){re.escape(name)}(?![a-z])"
        if re.search(pattern, text):
            text = re.sub(pattern, " ", text)
            found.append(label)
    return [label for label in offered if label in found]


def _synonyms(label: str, hints: str) -> set[str]:
    """Korean words on the prompt's own lines about a label, such as `- sky-blue: 스카이블루, 하늘색`."""
    lines = re.findall(rf"^\W*{re.escape(label)}\b(.*)$", hints, re.MULTILINE)
    return {word for line in lines for word in re.findall(r"[가-힣]{2,}", line)}
