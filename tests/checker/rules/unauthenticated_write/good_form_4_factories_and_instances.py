import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")
notes: list[str] = []


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


app = FastAPI()


class Signed:
    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, request: Request) -> None:
        if request.headers.get("Authorization") != os.environ[self.kind]:
            raise HTTPException(401)


def needing(kind: str):
    def inner(authorization: str = Header()) -> None:
        if authorization != os.environ[kind]:
            raise HTTPException(status_code=403)

    return inner


class Gate:
    @staticmethod
    def closed(authorization: str = Header()) -> None:
        if authorization != os.environ["A"]:
            raise HTTPException(status_code=401)

    def bound(self, authorization: str = Header()) -> None:
        if authorization != os.environ["B"]:
            raise HTTPException(status_code=401)


gate = Gate()


@app.post("/a", dependencies=[Depends(Signed("KEY"))])
def a(text: str) -> None:
    notes.append(text)


@app.post("/b", dependencies=[Depends(needing("KEY"))])
def b(text: str) -> None:
    notes.append(text)


@app.post("/c", dependencies=[Depends(Gate.closed)])
def c(text: str) -> None:
    notes.append(text)


@app.post("/d", dependencies=[Depends(gate.bound)])
def d(text: str) -> None:
    notes.append(text)
