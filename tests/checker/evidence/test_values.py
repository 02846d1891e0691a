"""Expressions are evaluated without running anything, and say where their value comes from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from checker.programs import write
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.value import Value

PROGRAM = """
import os
from datetime import timedelta
from config import KEY, Settings, minutes, settings
from decouple import config

PARTS = ["a", "b"]
BOTH = PARTS + ["c"]
if os.name == "nt":
    BRANCH = 1
else:
    BRANCH = 2
asked = {expression}
# file: config.py
import os, secrets
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

KEY = "k" * 3

def minutes(count, factor=60):
    return count * factor

class Settings(BaseSettings):
    NAME: str = "shop"
    PASSWORD: SecretStr = SecretStr("hidden")
    LIMIT: int = Field(default=7, ge=1)
    RANDOM: str = secrets.token_hex(32)
    NEEDED: str

settings = Settings()
"""


def value(folder: Path, expression: str) -> Value:
    write(folder, PROGRAM.replace("{expression}", expression))
    project = Project(folder)
    scope, asked = next(iter(project.assignments("^asked$")))
    return project.value(scope, asked.value)


@pytest.mark.parametrize(
    ("expression", "constant", "origin"),
    [
        ("KEY", "kkk", "literal"),
        ("BOTH", ["a", "b", "c"], "literal"),
        ("settings.NAME", "shop", "setting"),
        ("settings.PASSWORD.get_secret_value()", "hidden", "setting"),
        ("settings.LIMIT", 7, "setting"),
        ("Settings().NAME", "shop", "setting"),
        ("os.getenv('A', 'dev')", "dev", "environment"),
        ("os.environ.get('A') or 'dev'", "dev", "environment"),
        ("config('A', default='dev')", "dev", "environment"),
        ("f'{KEY}-{settings.NAME}'", "kkk-shop", "setting"),
        ("'a,b'.split(',')", ["a", "b"], "literal"),
        ("timedelta(minutes=minutes(2, 1))", timedelta(minutes=2), "literal"),
        ("minutes(2)", 120, "literal"),
        ("{'a': 1}['a']", 1, "literal"),
        ("not True", False, "literal"),
    ],
)
def test_a_value_is_known(expression: str, constant: object, origin: str, tmp_path: Path) -> None:
    known = value(tmp_path, expression)

    assert (known.constant, known.origin) == (constant, origin)


@pytest.mark.parametrize("expression", ["settings.NEEDED", "os.environ['A']", "unknown()", "settings.RANDOM"])
def test_what_only_the_running_program_knows_stays_unknown(expression: str, tmp_path: Path) -> None:
    unknown = value(tmp_path, expression)

    assert not unknown.known
    assert not unknown


def test_what_is_unknown_or_a_text_is_not_surely_the_text(tmp_path: Path) -> None:
    either = value(tmp_path, "unknown() or 'x'")

    assert not either.known
    assert either.may_be("x")


def test_branches_are_a_choice(tmp_path: Path) -> None:
    branch = value(tmp_path, "BRANCH")

    assert {choice.constant for choice in branch.choices()} == {1, 2}
    assert branch.may_be(2)
    assert not branch.known


def test_a_random_default_is_random(tmp_path: Path) -> None:
    assert value(tmp_path, "settings.RANDOM").origin == "random"
