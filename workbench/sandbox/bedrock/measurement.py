"""Measures colour and print from pixels. It names nothing: which label a colour gets is decided in labels."""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from workbench.sandbox.bedrock.photos import pixels

Colour = tuple[int, int, int]
Place = tuple[int, int]
Pixels = dict[Place, Colour]

# A background is what one colour covers of the border, and what hangs together with it.
_UNIFORM_SHARE = 0.8
_SAME_COLOUR = 40
# Colours that differ less are folds and shadows, not a print; marks on less than this share of it are none either.
_PRINT_CONTRAST = 75
_PRINT_SHARE = 0.04
_MANY_CHANGES = 3
_DOTS_SHARE = 0.36


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The product's pixels by colour (channels in steps of 8), and its print: solid, stripe, check, dot or graphic."""

    colours: tuple[tuple[Colour, int], ...]
    print: str


@functools.lru_cache(maxsize=256)
def measure(image: bytes) -> Measured | None:
    """What is in the picture apart from a plain background; None when it cannot be decoded."""
    picture = pixels(image)
    if picture is None:
        return None
    width, height = picture.size
    raw = picture.tobytes()
    places = ((index % width, index // width) for index in range(width * height))
    everything = dict(zip(places, zip(raw[::3], raw[1::3], raw[2::3], strict=True), strict=True))
    product = _without_background(everything, width, height)
    colours = Counter(_rounded(colour) for colour in product.values())
    return Measured(colours=tuple(colours.most_common()), print=_print(product))


def _without_background(everything: Pixels, width: int, height: int) -> Pixels:
    border = [(x, y) for x, y in everything if x in (0, width - 1) or y in (0, height - 1)]
    channels = zip(*(everything[place] for place in border), strict=True)
    red, green, blue = (sorted(channel)[len(border) // 2] for channel in channels)
    plain = {place for place in border if _difference(everything[place], (red, green, blue)) <= _SAME_COLOUR}
    if len(plain) < _UNIFORM_SHARE * len(border):
        inner = {(x, y): c for (x, y), c in everything.items() if _central(x, width) and _central(y, height)}
        return inner or everything
    background, edge = set(plain), list(plain)
    while edge:
        x, y = edge.pop()
        for place in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            colour = everything.get(place)
            if place not in background and colour and _difference(colour, (red, green, blue)) <= _SAME_COLOUR:
                background.add(place)
                edge.append(place)
    product = _filled({place: colour for place, colour in everything.items() if place not in background}, everything)
    # A product of the background's own colour, or a plain swatch, is all background.
    return product if len(product) >= len(everything) * 0.02 else everything


def _filled(product: Pixels, everything: Pixels) -> Pixels:
    """The product with what it encloses on all four sides: a white stripe before a white background is part of it."""
    rows, columns = _spans(product), _spans((y, x) for x, y in product)
    return {
        (x, y): colour
        for (x, y), colour in everything.items()
        if (x, y) in product
        or (y in rows and x in columns and rows[y][0] < x < rows[y][1] and columns[x][0] < y < columns[x][1])
    }


def _spans(places: Iterable[Place]) -> dict[int, tuple[int, int]]:
    """From where to where each line is occupied; an empty line between two others takes the span of the one before."""
    spans: dict[int, tuple[int, int]] = {}
    for position, line in places:
        first, last = spans.get(line, (position, position))
        spans[line] = min(first, position), max(last, position)
    for line in range(min(spans, default=0), max(spans, default=0)):
        spans.setdefault(line, spans.get(line - 1, (0, 0)))
    return spans


def _print(product: Pixels) -> str:
    left, right = _middle(x for x, _ in product)
    top, bottom = _middle(y for _, y in product)
    patch = [[product.get((x, y)) for x in range(left, right + 1)] for y in range(top, bottom + 1)]
    inside = [colour for row in patch for colour in row if colour]
    if not inside:
        return "solid"
    ground = Counter(map(_rounded, inside)).most_common(1)[0][0]
    contrast = sorted(_difference(colour, ground) for colour in inside)[int(len(inside) * (1 - _PRINT_SHARE))]
    if contrast < _PRINT_CONTRAST:
        return "solid"
    marked = [[colour is not None and _difference(colour, ground) > contrast / 2 for colour in row] for row in patch]
    share = sum(map(sum, marked)) / len(inside)
    columns = list(zip(*marked, strict=True))
    across, down = _changes(marked), _changes(columns)
    if max(across, down) < _MANY_CHANGES:
        return "graphic"
    if min(across, down) < 1:
        return "stripe"
    full_line = any(sum(line) > 0.85 * len(line) for line in (*marked, *columns))
    if share < _DOTS_SHARE and not full_line:
        return "dot"
    return "check"


def _changes(lines: list[list[bool]] | list[tuple[bool, ...]]) -> float:
    """How often a line changes between ground and mark, on average."""
    return sum(sum(a != b for a, b in itertools.pairwise(line)) for line in lines) / len(lines)


def _middle(positions: Iterable[int]) -> tuple[int, int]:
    """The middle two fifths of the span, away from collar, hem and outline."""
    found = list(positions)
    low, high = min(found), max(found)
    margin = (high - low) * 3 // 10
    return low + margin, high - margin


def _central(position: int, size: int) -> bool:
    return size // 5 <= position < size - size // 5


def _rounded(colour: Colour) -> Colour:
    red, green, blue = colour
    return red & ~7 | 4, green & ~7 | 4, blue & ~7 | 4


def _difference(one: Colour, other: Colour) -> float:
    return math.dist(one, other)
