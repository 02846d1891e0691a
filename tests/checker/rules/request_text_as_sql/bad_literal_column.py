from fastapi import APIRouter, Depends, FastAPI, Query
from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from shop.database import Item, get_session

router = APIRouter()


def ordered(column: str):
    return select(Item).order_by(literal_column(column))


@router.get("/items")
def items(order_by: str = Query("name"), session: Session = Depends(get_session)) -> list:
    return session.scalars(ordered(order_by)).all()


app = FastAPI()
app.include_router(router)
