"""A value is followed to where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.programs import write
from fastness.checker.evidence.checks import checked
from fastness.checker.evidence.project import Project

HEAD = """
from enum import Enum
from typing import Literal
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel
app = FastAPI()
class Order(str, Enum):
    up = "up"
class Item(BaseModel):
    name: str
    size: int
def user(): ...
"""

ASKED = {
    "a parameter": ("def x(q: str):\n    sink(q)", True),
    "through a variable and a format": ('def x(q: str):\n    text = f"{q}!"\n    sink(text.strip())', True),
    "a field of the body": ("def x(item: Item):\n    sink(item.name)", True),
    "the query of the request": ('def x(request: Request):\n    sink(request.query_params.get("q"))', True),
    "the body of the request": (
        "async def x(request: Request):\n    data = await request.json()\n    sink(data['q'])",
        True,
    ),
    "into another function": ("def x(q: str):\n    other(q)\ndef other(value):\n    sink(value)", True),
    "out of another function": ("def x(q: str):\n    sink(shape(q))\ndef shape(value):\n    return value + '!'", True),
    "a number": ("def x(q: int):\n    sink(q)", False),
    "a number field": ("def x(item: Item):\n    sink(item.size)", False),
    "an enum": ("def x(q: Order):\n    sink(q)", False),
    "a literal type": ('def x(q: Literal["a", "b"]):\n    sink(q)', False),
    "made a number": ("def x(q: str):\n    sink(int(q))", False),
    "a constant": ('def x(q: str):\n    sink("a")', False),
    "a look-up": ("def x(q: str, db=Depends(user)):\n    sink(db.query(q).first())", False),
    "what a dependency gives": ("def x(who=Depends(user)):\n    sink(who.name)", False),
}


@pytest.mark.parametrize("case", ASKED)
def test_text_of_the_client_is_known(case: str, tmp_path: Path) -> None:
    program, wanted = ASKED[case]
    write(tmp_path, f'{HEAD}\n@app.post("/x")\n{program}\n')
    project = Project(tmp_path)
    call = next(iter(project.calls("sink")))

    assert bool(project.flow.requested(call.scope, call.arg(0))) is wanted


@pytest.mark.parametrize(
    ("test", "how"),
    [
        ('if q not in ("a", "b"):\n        raise ValueError', "membership"),
        ("if not PATTERN.fullmatch(q):\n        return None", "pattern"),
        ("row = find(q)\n    if row is None:\n        raise ValueError", "lookup"),
        ('if "x" in q:\n        raise ValueError', None),
        ("if not q:\n        raise ValueError", None),
    ],
)
def test_a_test_before_the_use_is_seen(test: str, how: str | None, tmp_path: Path) -> None:
    write(tmp_path, f"def x(q):\n    {test}\n    sink(q)\n")
    project = Project(tmp_path)
    call = next(iter(project.calls("sink")))

    assert checked(project, call.scope, call.positional[0]) == how
