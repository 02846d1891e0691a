"""Taking one control of the guide's checklist out of `examples/guide` makes a rule speak, for each of its eleven lines.

A removal changes the text of a copy in one place, or takes both halves of a control that has two. What the source cannot
show, because the call is still there, is found by attacking the copy.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from fastness.checker.checking import Request, check
from fastness.checker.finding import Finding, Persona
from fastness.checker.settings import CheckSettings
from fastness.core.catalog import load

ROOT = Path(__file__).parents[2]
_SECURE = 'token_url="auth/token"'
_BOUND = 'select(User).from_statement(BY_CANONICAL), {"canonical": canonical}'
_FORMATTED = "select(User).from_statement(text(f\"SELECT * FROM users WHERE canonical = '{canonical}'\"))"
_ORIGINS = 'origins=("https://app.example.com", "https://www.example.com")'
_POLICY = "    parts.policy.refuse_weak(given.password, context=[given.email, given.name])\n"
_LOOSE = "class Listing(BaseModel):\n    limit: int = 20\n    offset: int = 0\n    search: str | None = None\n"


@dataclass(frozen=True, slots=True)
class Removal:
    """One control, taken out."""

    line: int
    """Of the guide's checklist."""
    what: str
    file: str
    changes: tuple[tuple[str, str], ...]
    rule: str
    probe: bool = False

    def __str__(self) -> str:
        return f"{self.line}-{self.what}"


REMOVALS = (
    Removal(
        1,
        "hash",
        "register.py",
        (("await parts.passwords.hash(given.password)", "given.password.get_secret_value()"),),
        "FN131",
    ),
    Removal(2, "role", "users.py", ((", dependencies=[Depends(require(role=ADMINISTRATORS))]", ""),), "FN203"),
    Removal(
        3, "password field", "register.py", (("password: NewPassword", "password: SecretStr"), (_POLICY, "")), "FN134"
    ),
    Removal(4, "query", "users.py", (("class Listing(Paging):\n", _LOOSE),), "FN401"),
    Removal(5, "bound values", "queries.py", ((_BOUND, _FORMATTED), ("select, true", "select, text, true")), "FN301"),
    Removal(6, "origins", "settings.py", ((_ORIGINS, 'origins=("*",), credentials=True'),), "FN601"),
    Removal(
        7,
        "sign-in limit",
        "login.py",
        ((", dependencies=[FIVE_A_MINUTE]", ""), ("    parts.attempts.count(canonical)\n", "")),
        "FN408",
    ),
    Removal(8, "headers", "app.py", ((_SECURE, f"{_SECURE}, headers=False"),), "FN604", probe=True),
    Removal(
        9,
        "typed settings",
        "wiring.py",
        (
            ("create_async_engine(settings.database_url,", 'create_async_engine(os.environ["DATABASE_URL"],'),
            ("from dataclasses", "import os\nfrom dataclasses"),
        ),
        "FN713",
    ),
    Removal(10, "handler", "app.py", ((_SECURE, f"{_SECURE}, problems=False"),), "FN506"),
    Removal(10, "handler, attacked", "app.py", ((_SECURE, f"{_SECURE}, problems=False"),), "FN507", probe=True),
    Removal(11, "hashes of the lock", "../requirements.txt", ((" \\\n    --hash=sha256:", "\n    # "),), "FN804"),
)


def copied(folder: Path) -> Path:
    """The example with the packages that it runs with, under hashes, as an application of its own has it."""
    shutil.copytree(ROOT / "examples" / "guide", folder / "guide", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements" / "run.txt", folder / "requirements.txt")
    return folder


def found(folder: Path, *, probe: bool = False) -> tuple[Finding, ...]:
    targets = ("guide.app:app",) if probe else ()
    settings = CheckSettings(persona=Persona.PEDANTIC)
    outcome = check(Request(folder, targets, probe=probe, python=sys.executable, settings=settings)).outcome
    assert not outcome.blind
    return outcome.findings


@pytest.mark.parametrize("probe", [False, True], ids=["read", "attacked"])
def test_nothing_is_found_while_every_control_is_there(tmp_path: Path, *, probe: bool) -> None:
    said = [f"{f.rule} {f.message}" for f in found(copied(tmp_path), probe=probe)]

    assert said == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("removal", REMOVALS, ids=str)
def test_a_control_that_is_taken_out_is_missed(removal: Removal, tmp_path: Path) -> None:
    file = copied(tmp_path) / "guide" / removal.file
    text = file.read_text()
    for old, new in removal.changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)

    assert removal.rule in {finding.rule for finding in found(tmp_path, probe=removal.probe)}


def test_every_line_of_the_checklist_has_a_removal() -> None:
    lines = {line for control in load().controls for line in control.guide}

    assert {removal.line for removal in REMOVALS} == lines
