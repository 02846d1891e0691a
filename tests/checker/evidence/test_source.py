"""Files are read once, whatever their syntax, and what cannot be read is said."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
from pathlib import Path

import pytest

from checker.programs import write
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.source import at_work

NEWER = {
    "two exceptions without parentheses": "try:\n    a()\nexcept A, B:\n    f(1)\n",
    "a type statement": "type X = list[int]\nf(1)\n",
    "type parameters": "class A[T](B): ...\ndef g[T: int](x: T) -> T:\n    return f(1)\n",
    "the same quote inside an f-string": 'x = f"{a["b"]} {c}"\nf(1)\n',
    "a backslash inside an f-string": "x = (\n    f\"{'\\n'.join(a)}\"\n    'tail'\n)\nf(1)\n",
    "an f-string over lines": 'x = f"{\n    a\n}"\nf(1)\n',
}


@pytest.mark.parametrize("case", NEWER)
def test_newer_syntax_is_read_and_keeps_its_lines(case: str, tmp_path: Path) -> None:
    text = NEWER[case]
    write(tmp_path, text)
    project = Project(tmp_path)

    lines = [call.node.lineno for call in project.calls("f")]

    assert project.unread == ()
    assert lines == [1 + next(i for i, line in enumerate(text.splitlines()) if "f(1)" in line)]


def test_pieces_of_a_rewritten_text_are_still_seen(tmp_path: Path) -> None:
    write(tmp_path, 'x = f"{secret["key"]}"\n')
    project = Project(tmp_path)

    names = {node.id for module in project.modules for node in ast.walk(module.tree) if isinstance(node, ast.Name)}

    assert "secret" in names


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"def broken(:\n", "invalid syntax"),
        (b"\xff\xfe\x00binary", "not readable"),
        (b"x = 1\x00", "null bytes"),
        (b"(" * 5000, "nested"),
        (b"# coding: no-such-encoding\n", "not readable"),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_bytes(content)

    unread = Project(tmp_path).unread

    assert [u.path for u in unread] == ["bad.py"]
    assert why in unread[0].why


def test_a_cycle_of_imports_and_of_aliases_ends(tmp_path: Path) -> None:
    write(tmp_path, "from b import x\ny = x\nx()\n# file: b.py\nfrom main import y\nx = y\nclass A(A): ...\n")
    project = Project(tmp_path)

    assert len(list(project.calls("x"))) == 1


def test_environments_and_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "x = 1")
    write(tmp_path, "y = 1", "venv/lib/y.py")
    write(tmp_path, "home = x", "mine/pyvenv.cfg")
    write(tmp_path, "z = 1", "mine/z.py")
    (tmp_path / "link.py").symlink_to(tmp_path / "main.py")

    assert [module.path for module in Project(tmp_path).modules] == ["main.py"]


def test_the_static_checker_starts_without_the_framework(tmp_path: Path) -> None:
    write(tmp_path, 'from fastapi import FastAPI\napp = FastAPI()\n@app.get("/x")\ndef x(): ...')
    program = (
        "import sys\n"
        "from fastness.checker.engine import static\n"
        "from fastness.checker.evidence.project import Project\n"
        "from fastness.checker.rulebook import built_in\n"
        f"static(Project({str(tmp_path)!r}), built_in())\n"
        "print(sorted({'fastapi', 'starlette', 'pydantic', 'sqlalchemy', 'libcst'} & sys.modules.keys()))"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


def test_what_was_made_at_work_is_old_afterwards_and_collected_like_everything_else() -> None:
    with at_work():
        made = [[number] for number in range(10_000)]

        assert not gc.isenabled()

    young = {id(each) for each in gc.get_objects(generation=0)}
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert young.isdisjoint(map(id, made))


def test_what_a_host_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        with at_work():
            pass

        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
