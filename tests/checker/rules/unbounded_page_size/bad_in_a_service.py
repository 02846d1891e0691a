from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.database import Item, get_session

router = APIRouter()


class Items:
    def __init__(self, session: Session) -> None:
        self.session = session

    def some(self, count: int) -> list[Item]:
        return list(self.session.scalars(select(Item).limit(count)))


@router.get("/items")
def items(session: Annotated[Session, Depends(get_session)], n: int = Query(20, ge=1)) -> list[Item]:
    return Items(session).some(n)


app = FastAPI()
app.include_router(router)
