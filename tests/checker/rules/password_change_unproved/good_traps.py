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


class Change(BaseModel):
    old_password: str
    new_password: str = Field(min_length=12)


class Reset(BaseModel):
    token: str
    new_password: str = Field(min_length=12)


@app.post("/me/password")
def change(given: Change, who: str = Depends(caller)) -> None:
    hasher.verify(accounts[who], given.old_password)
    accounts[who] = hasher.hash(given.new_password)


@app.post("/reset-password")
def reset(given: Reset) -> None:
    accounts[given.token] = hasher.hash(given.new_password)
