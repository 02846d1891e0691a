import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from pydantic import BaseModel

router = APIRouter(prefix="/orders", dependencies=[Depends(current_user)])
orders: list[dict] = []


class NewOrder(BaseModel):
    customer_id: int
    item: str


@router.post("/")
def order(given: NewOrder) -> None:
    orders.append({"customer_id": given.customer_id, "item": given.item})


app = FastAPI()
app.include_router(router)
