import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


tools = FastAPI()


@tools.get("/report")
def report(user: dict = Depends(current_user)) -> str:
    return "the report"


@tools.get("/health")
def health() -> str:
    return "ok"


app = FastAPI(dependencies=[Depends(current_user)])
app.mount("/tools", tools)
