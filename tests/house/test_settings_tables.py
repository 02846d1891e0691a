"""The settings tables say what a reader needs and never a secret."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

TOOL = Path(__file__).parents[2] / "tools" / "docs.py"


@pytest.fixture(scope="module")
def docs() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("tools_docs", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOOL.parent)
        spec.loader.exec_module(module)
        yield module


class InnerSettings(BaseModel, frozen=True):
    """FASTNESS_OUTER__INNER__*"""

    size: int = Field(default=1, description="How big.")


class OuterSettings(BaseModel, frozen=True):
    """FASTNESS_OUTER__*

    More words about it.
    """

    mode: Literal["a", "b"] = Field(default="a", description="Which | of the two.")
    names: tuple[str, ...] = Field(default=("x",), description="Who.")
    age: float | None = Field(default=None, description="In seconds.")
    token: SecretStr = Field(default=SecretStr("hunter2hunter2"), description="Opens it.")
    tokens: tuple[SecretStr, ...] = Field(default=(SecretStr("hunter3hunter3"),), description="Open it.")
    needed: str = Field(description="Must be there.")
    inner: InnerSettings = InnerSettings()


def test_a_row_has_variable_type_default_and_description(docs: ModuleType) -> None:
    assert docs.settings_table(OuterSettings).splitlines()[2:] == [
        "| `FASTNESS_OUTER__MODE` | `a` or `b` | `a` | Which \\| of the two. |",
        '| `FASTNESS_OUTER__NAMES` | list of text (JSON) | `["x"]` | Who. |',
        "| `FASTNESS_OUTER__AGE` | number, or unset | none | In seconds. |",
        "| `FASTNESS_OUTER__TOKEN` | secret | none | Opens it. |",
        "| `FASTNESS_OUTER__TOKENS` | secrets (JSON list) | none | Open it. |",
        "| `FASTNESS_OUTER__NEEDED` | text | required | Must be there. |",
    ]


def test_a_field_without_a_description_is_refused(docs: ModuleType) -> None:
    class BareSettings(BaseModel):
        """FASTNESS_BARE__*"""

        size: int = 1

    with pytest.raises(ValueError, match=r"BareSettings\.size has no description"):
        docs.settings_table(BareSettings)


def test_a_stale_part_is_found_and_what_people_wrote_stays(docs: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- settings: test_settings_tables:InnerSettings -->\nold\n<!-- /settings -->\nafter\n")

    text = docs.fresh(page)

    assert text.startswith("before\n<!-- settings")
    assert text.endswith("<!-- /settings -->\nafter\n")
    assert "old" not in text
    assert "FASTNESS_OUTER__INNER__SIZE" in text
