"""Taking one control of the guide's checklist out of `examples/guide` makes a rule speak, for each of its eleven lines.

A removal is one change to the text of a copy. What the source cannot show (headers and refusals come from a call that is
still there) is found by attacking the copy.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fastness.checker.checking import Request, check
from fastness.checker.finding import Persona
from fastness.checker.settings import CheckSettings
from fastness.core.catalog import load

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True, slots=True)
class Removal:
    """One control, taken out."""

    line: int
    """Of the guide's checklist."""
    file: str
    old: str
    new: str
    rule: str
    probe: bool = False
    persona: Persona = Persona.REGULAR


REMOVALS = (
    Removal(
        1,
        "register.py",
        "await parts.passwords.hash(given.password)",
        "given.password.get_secret_value()",
        "FN131",
    ),
    Removal(1, "account.py", "user: CurrentAccount", "user_id: str, db: Db", "FN102"),
    Removal(2, "users.py", ", dependencies=[Depends(require(role=ADMINISTRATORS))]", "", "FN203"),
    Removal(3, "register.py", "password: NewPassword", "password: SecretStr", "FN134"),
    Removal(4, "users.py", "class Listing(Paging):", "class Listing(Loose):", "FN401"),
    Removal(
        5,
        "queries.py",
        'query("SELECT * FROM users WHERE canonical = :canonical")',
        "None",
        "FN301",
    ),
    Removal(
        6,
        "settings.py",
        'origins=("https://app.example.com", "https://www.example.com")',
        'origins=("*",), credentials=True',
        "FN601",
    ),
    Removal(7, "login.py", ", dependencies=[FIVE_A_MINUTE]", "", "FN408"),
    Removal(8, "app.py", 'token_url="auth/token"', 'token_url="auth/token", headers=False', "FN604", probe=True),
    Removal(9, "settings.py", "x", "y", "FN713"),
    Removal(10, "app.py", 'token_url="auth/token"', 'token_url="auth/token", problems=False', "FN506", probe=True),
    Removal(11, "requirements.txt", "--hash", "#", "FN804", persona=Persona.PEDANTIC),
)
