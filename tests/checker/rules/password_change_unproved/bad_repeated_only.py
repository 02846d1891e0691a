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


class Passwords(BaseModel):
    new_password: str = Field(min_length=12)
    repeat_password: str


@app.patch("/account/password", dependencies=[Depends(caller)])
def set_password(given: Passwords, who: str = Depends(caller)) -> None:
    if given.new_password != given.repeat_password:
        raise HTTPException(400)
    accounts[who] = hasher.hash(given.new_password)
