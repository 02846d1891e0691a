import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from pydantic import BaseModel

orders: list[dict] = []
app = FastAPI()


class NewOrder(BaseModel):
    customer_id: int
    item: str


@app.post("/orders")
def order(given: NewOrder, user: dict = Depends(current_user)) -> None:
    if given.customer_id != user["sub"]:
        raise HTTPException(403)
    orders.append({"customer_id": given.customer_id, "item": given.item})
