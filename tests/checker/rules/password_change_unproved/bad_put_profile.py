import os

import jwt
from argon2 import PasswordHasher
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, Field

from database import accounts

bearer = OAuth2PasswordBearer(tokenUrl="token")
hasher = PasswordHasher()


def caller(token: str = Depends(bearer)) -> str:
    try:
        return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"]
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None


app = FastAPI()
router = APIRouter(prefix="/users")


class Change(BaseModel):
    password: str = Field(min_length=12)


@router.put("/me/change-password")
async def update(given: Change, who: str = Depends(caller)) -> None:
    accounts[who] = hasher.hash(given.password)


app.include_router(router)
