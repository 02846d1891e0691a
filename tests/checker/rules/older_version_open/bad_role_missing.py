import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


app = FastAPI()


def administrator(user: dict = Depends(current_user)) -> dict:
    if user["role"] != "admin":
        raise HTTPException(403)
    return user


@app.delete("/v1/reports/{number}", dependencies=[Depends(current_user)])
def remove_1(number: int) -> None:
    return None


@app.delete("/v2/reports/{number}", dependencies=[Depends(administrator)])
def remove_2(number: int) -> None:
    return None
