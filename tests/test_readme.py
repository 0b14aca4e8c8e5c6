"""What the README says is what the project does."""

import re

import pytest

from handler.settings import Settings
from workbench.function import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown_default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    match default:
        case None | dict():
            return ""
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}`"
        case _:
            return f"`{default}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_settings_table_has_every_setting_with_its_default_and_meaning(name: str) -> None:
    """Each row is what `Settings` says."""
    row = f"| `{name.upper()}` | {shown_default(name)} | {Settings.model_fields[name].description} |"
    assert row in README


def test_the_settings_table_has_nothing_else() -> None:
    """No row outlives its setting."""
    rows = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert rows == [name.upper() for name in Settings.model_fields]


def test_every_link_leads_to_a_file() -> None:
    """No link of the documents is dead."""
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), (document.name, target)
