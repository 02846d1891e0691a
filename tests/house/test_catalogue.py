"""The catalogue has no hole: every control is named, documented, tested and honest about what is missing."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import fastness.controls
from fastness.core import catalog
from fastness.core.catalog import API_TOP_10, GUIDE_LINES, Control
from fastness.core.declare import provided

ROOT = Path(__file__).parents[2]
CATALOGUE = catalog.load()
CONTROL_MODULES = sorted(module.name for module in pkgutil.iter_modules(fastness.controls.__path__))
ASVS_IDS = re.compile(r"ASVS(?: 5\.0)?:?\s+((?:[0-9]+\.[0-9]+\.[0-9]+(?:\s\([^)]*\))?(?:,|\s|and|to)*)+)")
INSTALLED = CATALOGUE.installed()
PLANNED = tuple(control for control in CATALOGUE if control.planned)


def ids(controls: tuple[Control, ...]) -> list[str]:
    return [control.id for control in controls]


def public_things(module: ModuleType) -> Iterator[object]:
    for name, thing in vars(module).items():
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__:
            yield thing


def declared(thing: object) -> tuple[str, ...]:
    """What the thing itself says it provides; a child of a class that provides something says nothing."""
    return provided(thing) if "__fastness_provides__" in getattr(thing, "__dict__", {}) else ()


def modules_under(package: str) -> Iterator[ModuleType]:
    """Every importable module of a package; one that needs a missing extra is not installed here."""
    root = importlib.import_module(package)
    yield root
    for found in pkgutil.walk_packages(root.__path__, prefix=f"{package}.") if hasattr(root, "__path__") else ():
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


@pytest.mark.parametrize("name", CONTROL_MODULES)
def test_a_control_module_has_an_entry_a_page_and_a_test(name: str) -> None:
    assert name in CATALOGUE, "no entry in catalog.toml"
    control = CATALOGUE[name]
    assert not control.planned, "the module exists: say since which release"
    assert (ROOT / control.page).is_file(), f"{control.page} is missing"
    assert list((ROOT / "tests" / "controls").glob(f"test_{name}*.py")), "no test file of its own"


@pytest.mark.parametrize("control", INSTALLED, ids=ids(INSTALLED))
def test_an_installed_entry_has_its_mechanism_and_its_page(control: Control) -> None:
    mechanisms = [*control.modules, *control.tools]

    assert mechanisms, "nothing provides it"
    assert control.id in CONTROL_MODULES or control.tools
    assert all((ROOT / tool).is_file() for tool in control.tools)
    assert (ROOT / control.page).is_file(), f"{control.page} is missing"


def test_a_planned_entry_says_why_and_is_not_there_yet() -> None:
    assert [control.id for control in PLANNED if not control.reason or control.id in CONTROL_MODULES] == []


@pytest.mark.parametrize("line", sorted(GUIDE_LINES))
def test_every_line_of_the_guides_checklist_has_an_installed_control(line: int) -> None:
    assert any(not control.planned for control in CATALOGUE.guide_line(line))


@pytest.mark.parametrize("control", list(CATALOGUE), ids=ids(tuple(CATALOGUE)))
def test_an_entry_is_well_formed(control: Control) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", control.id)
    assert control.title
    assert control.does.endswith(".")
    assert set(control.guide) <= GUIDE_LINES.keys()
    assert set(control.api_top10) <= API_TOP_10.keys()
    assert all(re.fullmatch(r"(?:[1-9]|1[0-7])(?:\.[1-9][0-9]?){2}", requirement) for requirement in control.asvs)
    assert list(control.asvs) == sorted(set(control.asvs), key=lambda id_: [int(n) for n in id_.split(".")])
    assert all(package == package.lower() for package in control.packages)
    assert control.planned or re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", control.since)


@pytest.mark.parametrize("control", INSTALLED, ids=ids(INSTALLED))
def test_a_page_cites_no_requirement_that_the_catalogue_does_not(control: Control) -> None:
    page = ROOT / control.page
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    cited = {id_ for ids in ASVS_IDS.findall(text) for id_ in re.findall(r"[0-9]+\.[0-9]+\.[0-9]+", ids)}

    assert cited, "the page names no requirement of ASVS"
    assert cited <= set(control.asvs)
    assert {
        int(number) for number in re.findall(r"API([0-9]+)(?::2023)?\b", lines_about("OWASP|API Top 10", text))
    } <= set(control.api_top10)


def lines_about(words: str, text: str) -> str:
    """The paragraphs of references: the last lines of a page that cite both lists."""
    return "\n".join(part for part in text.split("\n\n") if re.search(words, part) and "ASVS" in part)


def test_what_code_says_it_provides_is_in_the_catalogue_under_that_module() -> None:
    for package in ("fastness.controls", "fastness.accounts", "fastness.chain"):
        if importlib.util.find_spec(package) is None:
            continue
        for module in modules_under(package):
            for thing in public_things(module):
                for identifier in declared(thing):
                    assert identifier in CATALOGUE, f"{module.__name__} provides an unknown {identifier!r}"
                    homes = CATALOGUE[identifier].modules
                    assert any(f"{module.__name__}.".startswith(f"{home}.") for home in homes), (
                        f"{module.__name__} provides {identifier!r}, which the catalogue places in {homes}"
                    )


@pytest.mark.parametrize("name", CONTROL_MODULES)
def test_a_control_module_says_that_it_provides_its_entry(name: str) -> None:
    things = [thing for module in modules_under(f"fastness.controls.{name}") for thing in public_things(module)]

    assert any(name in provided(thing) for thing in things), f'nothing in it is marked @provides("{name}")'


def test_the_catalogue_refuses_an_unknown_key_and_a_second_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    original = tomllib.loads
    twice = {"schema": 1, "control": 2 * original((ROOT / "src/fastness/core/catalog.toml").read_text())["control"]}
    typo = {"schema": 1, "control": [{"id": "headers", "titel": "Headers"}]}

    for document, words in ((twice, "twice"), (typo, "unknown keys"), ({"schema": 2}, "schema 2")):
        monkeypatch.setattr(tomllib, "loads", lambda _text, document=document: document)
        with pytest.raises(ValueError, match=words):
            catalog.load.__wrapped__()
