"""What is seeded in `examples/vulnerable` is found where it was seeded, by reading and by attacking."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fastness.checker.checking import Request, check
from fastness.checker.finding import Confidence, Finding, Persona
from fastness.checker.settings import CheckSettings

FOLDER = Path(__file__).parents[2] / "examples" / "vulnerable"
ATTACKED = frozenset({"FN127"})
"""No lens reads these: what two answers differ in shows only when they are asked for."""
NEAR = 3
"""Lines below its mark: a decorator, a signature, another mark."""
EVERYTHING = CheckSettings(persona=Persona.AUDITOR)


@dataclass(frozen=True, slots=True)
class Seed:
    """One defect that was put there."""

    rule: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.rule}"

    def told(self, found: Finding) -> bool:
        """Whether a finding is about this seed."""
        near = self.line <= found.place.line <= self.line + NEAR
        return found.rule == self.rule and found.place.path == self.path and near


def seeds() -> list[Seed]:
    files = [*FOLDER.rglob("*.py"), *FOLDER.rglob("*.html")]
    return [
        Seed(rule, file.relative_to(FOLDER).as_posix(), number)
        for file in sorted(files)
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        for rule in re.findall(r"(?:#|\{#) seeded: (FN\d+)", line)
    ]


SEEDS = seeds()


@pytest.fixture(scope="module")
def read() -> tuple[Finding, ...]:
    return check(Request(FOLDER, settings=EVERYTHING)).outcome.findings


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finding, ...]:
    environment = pytest.MonkeyPatch()
    environment.setenv("DATABASE_URL", f"sqlite:///{tmp_path_factory.mktemp('shop')}/shop.db")
    with environment.context():
        asked = Request(FOLDER, ("shop.app:app",), probe=True, python=sys.executable, settings=EVERYTHING)
        found = check(asked).outcome.findings
    environment.undo()
    return found


def test_the_marks_are_read() -> None:
    assert len(SEEDS) > 35
    assert {seed.path.partition("/")[0] for seed in SEEDS} == {"guide", "shop"}


@pytest.mark.parametrize("seed", [seed for seed in SEEDS if seed.rule not in ATTACKED], ids=str)
def test_a_seed_is_found_by_reading(seed: Seed, read: tuple[Finding, ...]) -> None:
    near = [f"{f.rule} {f.place.line}" for f in read if f.place.path == seed.path]

    assert any(seed.told(found) for found in read), near


@pytest.mark.parametrize(
    "rule", ["FN127", "FN204", "FN318", "FN407", "FN409", "FN503", "FN507", "FN602", "FN604", "FN605"]
)
def test_an_attack_proves_what_the_shop_does(rule: str, attacked: tuple[Finding, ...]) -> None:
    proved = {found.rule for found in attacked if found.confidence is Confidence.PROVED}

    assert rule in proved
