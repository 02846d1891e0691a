"""The cost of a check grows with the program, not with its square."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fastness.checker.engine import static
from fastness.checker.evidence.project import Project
from fastness.checker.rulebook import built_in

HEAD = """
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

class Base(DeclarativeBase): ...

class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column()

class New(BaseModel):
    name: str

app = FastAPI()

def db() -> Session:
    return Session()

def user(token: str) -> int:
    return int(token)
"""
ROUTES = """
@app.get("/items{n}/{{item_id}}")
def read{n}(item_id: int, s: Session = Depends(db), u: int = Depends(user)):
    return s.get(Item, item_id)

@app.post("/items{n}")
def make{n}(given: New, s: Session = Depends(db)):
    s.add(Item(owner_id=1))
    s.commit()

@app.get("/items{n}")
def every{n}(s: Session = Depends(db)):
    return s.scalars(select(Item)).all()
"""


def cost(folder: Path, count: int) -> float:
    """Processor seconds of a check of `count` routes."""
    folder.mkdir()
    (folder / "main.py").write_text(HEAD + "".join(ROUTES.format(n=n) for n in range(count // 3)))
    began = time.thread_time()
    project = Project(folder)
    static(project, built_in())
    took = time.thread_time() - began
    assert len(project.applications[0].routes) == count // 3 * 3
    return took


@pytest.mark.timeout(300)
def test_eight_times_the_routes_cost_about_eight_times_as_much(tmp_path: Path) -> None:
    cost(tmp_path / "warm", 30)

    small, large = cost(tmp_path / "small", 300), cost(tmp_path / "large", 2_400)

    # Each route against each other would be 64 times as much.
    assert large < 16 * small
