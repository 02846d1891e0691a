import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI()


class Person:
    name = ""


@app.put("/me")
def change(data: dict, user: dict = Depends(current_user)) -> None:
    person = Person()
    for key, value in data.items():
        if key in {"name", "city"}:
            setattr(person, key, value)
