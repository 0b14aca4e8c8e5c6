"""The stand-in's own table of labels: what colours look like, and how sellers call colours, prints, sleeves and necks.

It knows nothing of the function's code tables: labels reach it only through the tool schema of a request.
"""

import functools
import math

# label -> (red, green, blue), Korean names
_COLOURS: dict[str, tuple[tuple[int, int, int], str]] = {
    "black": ((20, 20, 20), "블랙 검정 검은색 먹색"),
    "white": ((250, 250, 250), "화이트 흰색 하양 백색"),
    "ivory": ((245, 240, 225), "아이보리 오프화이트"),
    "cream": ((250, 240, 205), "크림 크림색"),
    "beige": ((220, 200, 170), "베이지"),
    "gray": ((140, 140, 140), "그레이 회색"),
    "light-gray": ((200, 200, 200), "라이트그레이 연회색"),
    "charcoal": ((65, 65, 70), "차콜 진회색"),
    "silver": ((192, 196, 200), "실버 은색"),
    "gold": ((205, 165, 65), "골드 금색"),
    "red": ((210, 30, 40), "레드 빨강 빨간색"),
    "burgundy": ((110, 25, 45), "버건디 와인 자주"),
    "pink": ((245, 165, 190), "핑크 분홍"),
    "hot-pink": ((235, 50, 130), "핫핑크 마젠타"),
    "coral": ((245, 125, 105), "코랄 산호"),
    "orange": ((240, 130, 35), "오렌지 주황"),
    "yellow": ((245, 215, 55), "옐로우 옐로 노랑"),
    "mustard": ((205, 155, 45), "머스타드 겨자"),
    "brown": ((110, 70, 45), "브라운 갈색"),
    "camel": ((190, 145, 95), "카멜"),
    "khaki": ((115, 110, 75), "카키"),
    "olive": ((95, 100, 45), "올리브"),
    "green": ((40, 135, 70), "그린 초록 녹색"),
    "light-green": ((150, 205, 120), "라이트그린 연두"),
    "mint": ((165, 225, 200), "민트"),
    "teal": ((25, 125, 130), "청록 틸"),
    "sky-blue": ((145, 200, 235), "스카이블루 하늘색 소라 소라색"),
    "blue": ((40, 90, 200), "블루 파랑 파란색"),
    "navy": ((30, 40, 85), "네이비 남색 감색"),
    "purple": ((115, 60, 150), "퍼플 보라"),
    "lavender": ((195, 175, 225), "라벤더 라일락 연보라"),
}
_ALIASES = {
    "grey": "gray", "light-grey": "light-gray", "wine": "burgundy", "light-blue": "sky-blue", "violet": "purple",
    "off-white": "ivory", "tan": "camel", "turquoise": "teal", "lilac": "lavender", "magenta": "hot-pink",
    "striped": "stripe", "stripes": "stripe", "checked": "check", "checkered": "check", "plaid": "check",
    "dots": "dot", "dotted": "dot", "polka-dot": "dot", "plain": "solid", "none": "solid", "logo": "graphic",
    "printed": "graphic", "flower": "floral",
}  # fmt: skip
_PRINTS = {
    "solid": "무지 솔리드",
    "stripe": "스트라이프 줄무늬 단가라",
    "check": "체크 격자",
    "dot": "도트 물방울 땡땡이",
    "floral": "플로럴 꽃무늬 플라워",
    "graphic": "그래픽 프린팅 나염",
    "leopard": "호피 레오파드",
    "camouflage": "카모 카무플라주",
}
# Read from words alone: no pixel tells a sleeve.
_SLEEVES_AND_NECKS = {
    "sleeveless": "민소매 나시 슬리브리스",
    "short": "반팔 반소매",
    "three-quarter": "7부 칠부",
    "long": "긴팔 긴소매",
    "round": "라운드 크루넥",
    "v-neck": "브이넥 V넥",
    "square": "스퀘어넥",
    "off-shoulder": "오프숄더",
    "collar": "카라",
    "stand-collar": "차이나카라",
    "turtleneck": "터틀넥 목폴라",
    "hood": "후드 후디",
}


def canonical(label: str) -> str:
    """The label as this table spells it."""
    name = label.strip().lower().replace("_", "-").replace(" ", "-")
    return _ALIASES.get(name, name)


def names(label: str) -> tuple[str, ...]:
    """How sellers call it: the label itself in words, and its Korean names."""
    name = canonical(label)
    korean = _COLOURS[name][1] if name in _COLOURS else (_PRINTS | _SLEEVES_AND_NECKS).get(name, "")
    return (label.replace("-", " ").replace("_", " "), name.replace("-", " "), *korean.split())


def is_colour(label: str) -> bool:
    return canonical(label) in _COLOURS


def is_print(label: str) -> bool:
    return canonical(label) in _PRINTS


def distance(colour: tuple[int, int, int], label: str) -> float:
    """How different a colour looks from a label's, in CIE 1976 units: 2 is just visible, 100 is black from white."""
    return math.dist(_lab(colour), _lab(_COLOURS[canonical(label)][0]))


@functools.lru_cache(maxsize=4096)
def _lab(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    """sRGB to CIELAB under D65."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (channel / 255 for channel in colour)
    )
    x, y, z = (
        _cube_root((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505),
        _cube_root(0.2126 * red + 0.7152 * green + 0.0722 * blue),
        _cube_root((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089),
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube_root(value: float) -> float:
    return math.cbrt(value) if value > 0.008856 else 7.787 * value + 16 / 116
