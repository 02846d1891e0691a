from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shop.database import Item, get_session

app = FastAPI()
Db = Annotated[Session, Depends(get_session)]
COLUMNS = {"name": "name", "new": "created_at desc"}


@app.get("/list")
def listed(db: Db, sort: str) -> list:
    if sort not in COLUMNS:
        raise HTTPException(400)
    return db.scalars(select(Item).order_by(text(sort))).all()


@app.get("/table")
def table(db: Db, sort: str) -> list:
    return db.scalars(select(Item).order_by(text(COLUMNS.get(sort, "name")))).all()


@app.get("/pattern")
def pattern(db: Db, sort: Annotated[str, Query(pattern="^(name|price)$")]) -> list:
    return db.scalars(select(Item).order_by(text(sort))).all()


@app.get("/bound")
def bound(db: Db, name: str) -> list:
    statement = select(Item).where(Item.name == name)
    return db.execute(statement).all()
