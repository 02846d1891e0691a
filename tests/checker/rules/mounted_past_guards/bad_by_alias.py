import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


GUARDS = [Depends(current_user)]
tools = FastAPI()


@tools.get("/report")
def report() -> str:
    return "the report"


app = FastAPI(dependencies=GUARDS)
app.mount(path="/tools", app=tools)
