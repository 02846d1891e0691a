from fastapi import Depends, FastAPI
from fastapi_pagination import Page, paginate
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.database import Item, get_session

app = FastAPI()
KINDS = ["a", "b"]


@app.get("/items")
def items(page: int = 1, session: Session = Depends(get_session)) -> list:
    return session.scalars(select(Item).offset(page * 10).limit(10)).all()


@app.get("/newest")
def newest(session: Session = Depends(get_session)) -> list:
    return session.scalars(select(Item).limit(10)).all()


@app.get("/pages")
def pages(session: Session = Depends(get_session)) -> Page:
    return paginate(session.scalars(select(Item)).all())


@app.get("/kinds")
def kinds() -> list[str]:
    return KINDS
