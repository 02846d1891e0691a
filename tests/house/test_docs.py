"""What the documentation says is true: snippets run, generated parts are fresh, links lead somewhere."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from fastapi import FastAPI

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS = re.compile(r'class (\w+)\([^)]*\):\n    """FASTNESS_(.*?)(?=^class |\Z)', re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def snippets() -> Iterator[Any]:
    for page in dict.fromkeys(PAGES):
        text = page.read_text(encoding="utf-8")
        for block in FENCE.finditer(text):
            if block[1] == "python":
                line = text.count("\n", 0, block.start()) + 2
                yield pytest.param(page, line, block[2], id=f"{page.relative_to(ROOT)}:{line}")


async def start_and_stop(app: FastAPI) -> str:
    """Run the lifespan of an application as a server does, and say how its start ended."""
    said: list[str] = []
    asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> dict[str, str]:
        return next(asked)

    async def send(message: Any) -> None:
        said.append(message["type"] + (f": {message['message']}" if message.get("message") else ""))

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
    return said[0]


@pytest.mark.parametrize(("page", "line", "code"), list(snippets()))
def test_a_snippet_runs_as_printed_and_its_application_starts(
    page: Path, line: int, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if code.startswith("# not run: "):
        pytest.skip(code.splitlines()[0])
    outside = {name: value for name, value in os.environ.items() if not name.startswith("FASTNESS_")}
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("snippet")
    monkeypatch.setitem(sys.modules, "snippet", module)

    # A snippet may set variables; they end with it.
    with mock.patch.dict(os.environ, outside | {"FASTNESS_ENVIRONMENT": "development"}, clear=True):
        exec(compile("\n" * (line - 1) + code, str(page), "exec", dont_inherit=True), vars(module))

        for app in [thing for thing in vars(module).values() if isinstance(thing, FastAPI)]:
            assert asyncio.run(start_and_stop(app)) == "lifespan.startup.complete"


def test_generated_parts_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "docs.py", "--check"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", list(dict.fromkeys(PAGES)), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))

    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} is not there"
        assert ROOT in file.parents, f"{target} leaves the repository"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{target}: no such heading"


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_page_of_a_control_has_the_table_of_each_of_its_settings_classes() -> None:
    controls = ROOT / "src" / "fastness" / "controls"
    missing = [
        f"{page.name}: {name}"
        for page in sorted((ROOT / "docs" / "controls").glob("*.md"))
        for source in [*controls.glob(f"{page.stem}.py"), *controls.glob(f"{page.stem}/**/*.py")]
        for name, body in re.findall(SETTINGS, source.read_text(encoding="utf-8"))
        if "Field(" in body and f":{name} -->" not in page.read_text(encoding="utf-8")
    ]

    assert not missing
