"""Category patterns as planners write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.categories import matches

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("pattern", "category"),
    [
        ("**", ()),
        ("**", ("의류",)),
        ("**", ("의류", "셔츠", "반팔")),
        ("의류/**", ("의류",)),
        ("의류/**", ("의류", "셔츠")),
        ("*의류/**", ("남성의류", "셔츠")),
        ("*의류/**", ("의류",)),
        ("**/화장품/**", ("화장품",)),
        ("**/화장품/**", ("뷰티", "화장품", "크림")),
        ("**/셔츠", ("의류", "셔츠")),
        ("*/셔츠", ("의류", "셔츠")),
        ("패션*잡화", ("패션의류잡화",)),
        ("의류 (남성)", ("의류 (남성)",)),
        ("가전.*", ("가전.TV",)),
        ("건강기능식품", ("건강 기능식품",)),
        ("건강기능식품", ("건강·기능식품",)),
        ("건강 기능식품", ("건강기능식품",)),
        ("LP판/**", ("ＬＰ판", "재즈")),
        ("lp판", ("LP판",)),
    ],
)
def test_a_pattern_fits(pattern: str, category: tuple[str, ...]) -> None:
    """`**` is any number of names, `*` any part of one; every other sign stands for itself."""
    assert matches(pattern, category)


@pytest.mark.parametrize(
    ("pattern", "category"),
    [
        ("의류", ()),
        ("의류", ("의류", "셔츠")),
        ("의류/**", ("남성의류",)),
        ("*", ("의류", "셔츠")),
        ("*", ()),
        ("*/셔츠", ("의류", "상의", "셔츠")),
        ("**/셔츠", ("의류", "셔츠", "반팔")),
        ("**/화장품/**", ("화장품용기",)),
        ("가전.*", ("가전제품",)),
        ("의류/셔츠", ("의류/셔츠",)),  # one name that has a slash in it
    ],
)
def test_a_pattern_does_not_fit(pattern: str, category: tuple[str, ...]) -> None:
    """A name is matched whole, and a slash within a name parts nothing."""
    assert not matches(pattern, category)


@given(category=st.lists(NAMES, max_size=4).map(tuple))
def test_every_category_fits_two_stars(category: tuple[str, ...]) -> None:
    """The last line of a publish map catches whatever shops call their categories."""
    assert matches("**", category)


@given(category=st.lists(NAMES.filter(lambda name: not set("*/") & set(name)), min_size=1, max_size=4).map(tuple))
def test_a_category_without_pattern_signs_fits_itself_alone(category: tuple[str, ...]) -> None:
    """Written out, a path of names is a pattern for exactly that path."""
    assert matches("/".join(category), category)
    assert not matches("/".join(category), (*category, "more"))
