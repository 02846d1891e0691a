"""The pinned environment is the one that pyproject.toml describes, whole, hashed and free of hosts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str | dict[str, str]]] = PROJECT["dependency-groups"]
CORE: list[str] = PROJECT["project"]["dependencies"]
RUN = [*CORE, *EXTRAS["service"], *EXTRAS["postgres"], *EXTRAS["redis"], *EXTRAS["metrics"]]
DEV = [*RUN, *(entry for entry in GROUPS["dev"] if isinstance(entry, str))]
BUILD = [entry for entry in GROUPS["build"] if isinstance(entry, str)]


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^([a-z0-9][a-z0-9._-]*)==([^\s;]+)", text))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("dev.txt", [*DEV, *BUILD]), ("run.txt", [*RUN, *BUILD])],
)
def test_every_requirement_is_pinned_to_a_version_that_it_allows(name: str, wanted: list[str]) -> None:
    pinned = pins(name)

    for text in wanted:
        requirement = Requirement(text)
        if requirement.name == "fastness":
            continue
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is missing: run tools/export_requirements.py"
        assert requirement.specifier.contains(version, prereleases=True), f"{text} is pinned to {version}"


def test_what_runs_has_the_versions_that_were_tested() -> None:
    tested = pins("dev.txt")

    assert {name: tested.get(name) for name in pins("run.txt")} == pins("run.txt")


def test_what_runs_needs_no_test_tool() -> None:
    assert not {"pytest", "mypy", "ruff", "pyright", "uv"} & pins("run.txt").keys()


@pytest.mark.parametrize("name", ["dev.txt", "run.txt"])
def test_a_pin_has_hashes_and_names_no_host(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    entries = re.findall(r"(?ms)^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text)

    assert len(entries) == len(pins(name))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "index" not in text


def test_all_means_every_extra() -> None:
    (everything,) = (Requirement(text) for text in EXTRAS["all"])

    assert everything.extras == EXTRAS.keys() - {"all"}
