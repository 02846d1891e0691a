"""What people install is whole: the built wheel, not the tree."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from fastness import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "fastness"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    files = {f"fastness/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*") if path.is_file()}
    wanted = {name for name in files if "__pycache__" not in name}

    assert {name for name in wheel.namelist() if name.startswith("fastness/")} == wanted
    assert {"fastness/py.typed", "fastness/core/catalog.toml"} <= wanted


def test_the_wheel_holds_the_licence_and_no_tests(wheel: zipfile.ZipFile) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    assert not any(name.startswith(("tests/", "tools/", "docs/")) for name in wheel.namelist())


def test_the_metadata_says_version_python_and_extras(metadata: Message) -> None:
    assert metadata["Name"] == "fastness"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "service",
        "postgres",
        "redis",
        "metrics",
        "phone",
        "docs",
        "all",
    }


def test_no_requirement_has_an_upper_bound(metadata: Message) -> None:
    assert not [line for line in metadata.get_all("Requires-Dist", []) if "<" in line.partition(";")[0]]
