"""Each control works alone: importing it loads nothing that it does not need."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import fastness.controls
from fastness.core import catalog

CONTROLS = sorted(module.name for module in pkgutil.iter_modules(fastness.controls.__path__))
NEVER = ("sqlalchemy", "aiosqlite", "asyncpg", "alembic", "argon2", "pwdlib", "bcrypt", "redis", "jinja2", "typer")
HEAVY = {
    "sql": {"sqlalchemy"},  # its functions build SQLAlchemy expressions
}


def loaded(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_alone_loads_no_store_hash_template_or_cryptography(name: str) -> None:
    found = loaded(f"import fastness.controls.{name}")

    assert not found & ({*NEVER, "cryptography", "joserfc"} - HEAVY.get(name, set()))


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_alone_loads_no_other_control(name: str) -> None:
    code = f"import sys, fastness.controls.{name}; print(*(m for m in sys.modules if m.startswith('fastness.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    strangers = {module.split(".")[2] for module in done.stdout.split() if module.startswith("fastness.controls.")}
    assert strangers == {name}
    assert not any(module.startswith(("fastness.accounts", "fastness.chain")) for module in done.stdout.split())


def test_the_package_itself_loads_only_the_standard_library() -> None:
    bare = loaded("pass")

    assert loaded("import fastness") - bare - sys.stdlib_module_names == {"fastness"}


@pytest.mark.parametrize("module", ["errors", "exchange", "store", "events", "policy", "keys", "catalog", "asgi"])
def test_the_core_loads_only_the_standard_library(module: str) -> None:
    bare = loaded("pass")

    assert loaded(f"import fastness.core.{module}") - bare - sys.stdlib_module_names == {"fastness"}


def test_secure_and_its_whole_chain_load_no_database_and_no_hash() -> None:
    found = loaded("from fastness import secure")

    assert not found & set(NEVER)
    assert "cryptography" not in found


def test_the_catalogue_is_readable_without_fastapi() -> None:
    assert "fastapi" not in loaded("from fastness.core import catalog; catalog.load()")
    assert "headers" in catalog.load()
