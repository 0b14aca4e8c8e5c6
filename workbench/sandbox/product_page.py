"""The sandbox's page for people: products before and after, as plain escaped HTML. It changes nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

NOTE = "Sandbox: a stand-in product service. The sandbox's model is a stand-in too: judge the way, not the texts."

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
# A seller may save anything as a value, so that the function meets it; the page has to show it.
_TEMPLATES.filters["words"] = lambda value: (
    ", ".join(map(str, value)) if isinstance(value, list) else str("" if value is None else value)
)
_TEMPLATES.filters["items_of"] = lambda value: value if isinstance(value, list) else []
_TEMPLATES.filters["segment"] = lambda value: quote(value, safe="")


def render(products: Sequence[dict[str, Any]]) -> str:
    """The page; `products` as the store gives them whole."""
    return _TEMPLATES.get_template("product_page.html.j2").render(note=NOTE, products=products)
