"""The facts of products as sellers type them: tests/corpora/facts.yaml says what must be left."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from handler.content import Content, read
from handler.events import ProductData
from handler.facts import Facts, facts_of
from handler.noise import Noise

ROOT = Path(__file__).resolve().parent.parent.parent
NOISE = read(ROOT / "prompts" / "shared" / "noise-ko.yaml", Noise)


class Product(Content):
    """What a seller types, or what is left of it."""

    name: str = ""
    brand: str = ""
    category: tuple[str, ...] = ()
    attributes: dict[str, str | list[str]] = Field(default_factory=dict)


class Entry(Product):
    """A dirty product and the same product clean."""

    expect: Product

    def __str__(self) -> str:
        return " ".join([self.name, *map(str, self.attributes.values())])


ENTRIES = read(ROOT / "tests" / "corpora" / "facts.yaml", list[Entry])


def facts(product: Product) -> Facts:
    return facts_of(ProductData.model_validate({"productId": "p", **product.model_dump(exclude={"expect"})}), NOISE)


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_what_is_left_of_a_product(entry: Entry) -> None:
    """Nothing of price, delivery, stock, events and sellers, and all that is said of the product, as it was typed."""
    expected = entry.expect
    attributes = tuple(
        (key, (value,) if isinstance(value, str) else tuple(value)) for key, value in expected.attributes.items()
    )
    assert facts(entry) == Facts(expected.name, expected.category, attributes, brand=expected.brand)


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_dirt_is_no_other_question(entry: Entry) -> None:
    """The product that its seller typed clean asks the same: what is dropped is in no fingerprint."""
    assert facts(entry).block() == facts(entry.expect).block()


@pytest.mark.parametrize(
    ("name", "dropped"),
    [
        ("[무료배송] 1+1 기모 레깅스", ["무료", "배송", "1"]),
        ("정가 39,000원 → 29,900원 여성 페니 로퍼", ["39", "29", "원"]),
        ("최대 70% 세일 아웃도어 자켓", ["70", "세일"]),
        ("판매1위 누적판매 10만개 돌파 칼블럭", ["1위", "10만", "판매"]),
        ("[국내정품] 전동 칫솔모 4입", ["국내", "정품"]),
        ("단체 티셔츠 제작 문의 02-123-4567", ["02", "123", "문의"]),
    ],
)
def test_what_is_dropped_is_no_evidence(name: str, dropped: list[str]) -> None:
    """No claim can rest on it: neither the copy's numbers nor its words."""
    evidence = "\n".join(facts(next(entry for entry in ENTRIES if entry.name == name)).evidence())
    assert evidence
    assert not [word for word in dropped if word in evidence]


def test_the_corpus_is_large_and_no_entry_stands_twice() -> None:
    """A test of a hundred copies would prove little."""
    typed = Counter(json.dumps(entry.model_dump(exclude={"expect"}), ensure_ascii=False) for entry in ENTRIES)
    assert len(ENTRIES) >= 150
    assert not [entry for entry, times in typed.items() if times > 1]


DECORATIONS = [
    "[무료배송]",
    "[오늘출발/무료배송]",
    "(당일발송)",
    "국내당일배송",
    "【특가】",
    "★재입고★",
    "♥MD추천♥",
    "〈정품〉",
    "[BEST]",
    "[1+1 행사]",
    "쿠폰가 19,900원",
    "10%할인",
    "(파우치 증정)",
    "[일시품절]",
    "[3차 재입고]",
    "(문의 010-1234-5678)",
    "<b>[단독]</b>",
    "🔥",
    "\u3164",
]
"""What sellers put before and behind a name, and change from one day to the next."""
CLEAN = [entry.expect for entry in ENTRIES]


@given(
    product=st.sampled_from(CLEAN),
    before=st.lists(st.sampled_from(DECORATIONS), max_size=3),
    behind=st.lists(st.sampled_from(DECORATIONS), max_size=3),
)
def test_decorations_are_no_other_question(product: Product, before: list[str], behind: list[str]) -> None:
    """A shop that promotes its whole catalogue pays for none of it again."""

    def decorated(text: str) -> str:
        return " ".join([*before, text, *behind])

    attributes = {
        key: decorated(value) if isinstance(value, str) else [decorated(each) for each in value]
        for key, value in product.attributes.items()
    }
    promoted = product.model_copy(update={"name": decorated(product.name), "attributes": attributes})
    assert facts(promoted).block() == facts(product).block()
