"""The rules about packages: the bad program of each page is found, the good one is not."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pytest

from fastness.checker.evidence.advisories import BuiltIn
from fastness.checker.evidence.packages import audited, gather
from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule
from fastness.checker.rules.packages.unlocked_packages import UnlockedPackages
from fastness.checker.rules.packages.unmaintained_package import UnmaintainedPackage
from fastness.checker.rules.packages.vulnerable_package import VulnerablePackage
from fastness.checker.rules.packages.vulnerable_range import VulnerableRange

RULES = (VulnerablePackage, VulnerableRange, UnmaintainedPackage, UnlockedPackages)


def program(rule: type[Rule], heading: str) -> str:
    page = sys.modules[rule.__module__].__doc__ or ""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert found
    return textwrap.dedent(found[1])


def found(rule: type[Rule], folder: Path, files: dict[str, str]) -> list[Finding]:
    for name, text in files.items():
        (folder / name).write_text(text)
    return list(rule().audit(audited(gather(folder), BuiltIn())))


def of_page(rule: type[Rule], heading: str, folder: Path) -> list[Finding]:
    name, _, text = program(rule, heading).partition("\n")
    return found(rule, folder, {name.removeprefix("# file: "): text})


@pytest.fixture(autouse=True)
def no_active_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_program_is_found_and_the_good_one_is_not(rule: type[Rule], tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "good").mkdir()

    assert [finding.rule for finding in of_page(rule, "Bad", tmp_path / "bad")] == [rule.id]
    assert of_page(rule, "Good", tmp_path / "good") == []


def test_a_package_is_one_finding_with_the_version_that_repairs_all(tmp_path: Path) -> None:
    (one,) = found(VulnerablePackage, tmp_path, {"requirements.txt": "fastapi==0.165.0\nstarlette==0.40.0\n"})

    assert (one.place.line, one.severity) == (2, Severity.HIGH)
    assert one.fix == "update starlette to 1.3.1 or newer"
    assert "and 2 more" in one.message


def test_a_package_without_repair_is_to_be_replaced(tmp_path: Path) -> None:
    (one,) = found(VulnerablePackage, tmp_path, {"requirements.txt": "ecdsa==0.19.0\n"})

    assert one.fix == "replace ecdsa: no version is repaired"


@pytest.mark.parametrize(
    ("line", "persona"),
    [
        ("starlette<0.40", Persona.REGULAR),
        ("starlette>=0.27,<0.28.0", Persona.REGULAR),
        ("fastapi~=0.100.0", Persona.REGULAR),
        ("starlette>=0.40", Persona.PEDANTIC),
        ("starlette", Persona.PEDANTIC),
        ("starlette>=1.3.1", None),
        ("starlette>=1.3.1,<2", None),
        ("unknown<1", None),
    ],
)
def test_a_range_is_judged_by_what_it_admits(tmp_path: Path, line: str, persona: Persona | None) -> None:
    text = f'[project]\nname = "shop"\ndependencies = ["{line}"]\n'

    assert [f.persona for f in found(VulnerableRange, tmp_path, {"pyproject.toml": text})] == (
        [persona] if persona else []
    )


def test_a_lock_file_decides_over_a_range(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["starlette<2"]\n',
        "uv.lock": '[[package]]\nname = "starlette"\nversion = "1.3.1"\n',
    }

    assert found(VulnerableRange, tmp_path, files) == []


def test_what_only_others_ask_for_is_for_the_auditor(tmp_path: Path) -> None:
    lock = '[[package]]\nname = "ecdsa"\nversion = "0.19.0"\n'

    (one,) = found(UnmaintainedPackage, tmp_path, {"uv.lock": lock})

    assert one.persona is Persona.AUDITOR


def test_a_lock_without_hashes_is_told(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["h11"]\n',
        "pdm.lock": '[[package]]\nname = "h11"\nversion = "0.16.0"\n',
    }

    (one,) = found(UnlockedPackages, tmp_path, files)

    assert one.message == "the lock file holds no hashes"
