from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.orm import Session

from .database import Order, User, get_db
from .tokens import current_user

router = APIRouter(prefix="/orders")


class NewOrder(BaseModel):
    item: str
    # seeded: FN403
    quantity: int
    note: str = ""


@router.post("", status_code=201)
def place(given: NewOrder, user: User = Depends(current_user), db: Session = Depends(get_db)) -> dict:
    order = Order(owner_id=user.id, **given.model_dump())
    db.add(order)
    db.commit()
    return {"id": order.id}


# seeded: FN401
@router.get("")
def mine(limit: int = 50, user: User = Depends(current_user), db: Session = Depends(get_db)) -> list[dict]:
    found = db.query(Order).filter(Order.owner_id == user.id).limit(limit)
    return [{"id": order.id, "item": order.item} for order in found]


@router.get("/search")
def search(
    q: str = Query(max_length=50), user: User = Depends(current_user), db: Session = Depends(get_db)
) -> list[dict]:
    # seeded: FN301
    found = db.execute(text(f"SELECT id, item FROM orders WHERE owner_id = {user.id} AND item LIKE '%{q}%'"))
    return [{"id": row[0], "item": row[1]} for row in found]


# seeded: FN203
@router.get("/{order_id}")
def one(order_id: int, user: User = Depends(current_user), db: Session = Depends(get_db)) -> dict:
    order = db.get(Order, order_id)
    if order is None:
        raise HTTPException(404)
    return {"id": order.id, "item": order.item, "note": order.note}


# seeded: FN101
@router.post("/{order_id}/cancel", status_code=204)
def cancel(order_id: int, db: Session = Depends(get_db)) -> None:
    db.delete(db.get(Order, order_id))
    db.commit()
