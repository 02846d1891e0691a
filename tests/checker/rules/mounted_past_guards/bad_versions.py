import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


v1 = FastAPI()
router = APIRouter(prefix="/orders")


@router.delete("/{order_id}")
def remove(order_id: int) -> None:
    return None


v1.include_router(router)
app = FastAPI(dependencies=[Depends(current_user)])
app.mount("/v1", v1)
