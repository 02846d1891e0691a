import re
from enum import Enum
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException, Query
from pydantic import BaseModel, field_validator
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shop.database import Item, get_session

app = FastAPI()
TABLE = "items"
SORTS = {"new": "created_at DESC", "name": "name"}
Db = Annotated[Session, Depends(get_session)]


class Column(str, Enum):
    NAME = "name"


class Report(BaseModel):
    table: str
    rows: int

    @field_validator("table")
    @classmethod
    def known(cls, value: str) -> str:
        if value not in {"items", "orders"}:
            raise ValueError("unknown")
        return value


@app.get("/constant")
def constant(db: Db, q: str) -> list:
    return db.execute(text(f"SELECT * FROM {TABLE} WHERE name LIKE :q"), {"q": f"%{q}%"}).all()


@app.get("/enum")
def chosen(db: Db, column: Column, way: Literal["ASC", "DESC"], limit: Annotated[int, Query(le=10)]) -> list:
    return db.execute(text(f"SELECT * FROM items ORDER BY {column.value} {way} LIMIT {limit}")).all()


@app.get("/table")
def table(db: Db, sort: str = "new") -> list:
    order = SORTS.get(sort, "name")
    return db.execute(text(f"SELECT * FROM items ORDER BY {order}")).all()


@app.get("/tested")
def tested(db: Db, name: str) -> list:
    if name not in ("items", "orders"):
        raise HTTPException(400)
    return db.execute(text(f"SELECT * FROM {name}")).all()


@app.get("/pattern")
def pattern(db: Db, name: str, other: Annotated[str, Query(pattern=r"^[a-z]+$")]) -> list:
    if not re.fullmatch(r"[a-z_]+", name):
        raise HTTPException(400)
    return db.execute(text(f"SELECT {name} FROM {other}")).all()


@app.get("/validated")
def validated(db: Db, report: Annotated[Report, Query()]) -> list:
    return db.execute(text(f"SELECT * FROM {report.table} LIMIT {report.rows}")).all()


@app.get("/ilike")
def ilike(db: Db, q: str) -> list:
    return list(db.scalars(select(Item).where(Item.name.ilike(f"%{q}%"))))


@app.get("/placeholders")
def placeholders(db: Db, wanted: Annotated[list[str], Query()]) -> list:
    marks = ", ".join(f":n{number}" for number, _ in enumerate(wanted))
    return db.execute(text(f"SELECT * FROM items WHERE name IN ({marks})"), dict(enumerate(wanted))).all()


@app.get("/prose")
def prose(q: str) -> dict:
    from shop.chat import model

    return {"answer": model.query(f"Tell me where {q} comes from, and select the best answer")}
