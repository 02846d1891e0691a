import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")
notes: list[str] = []


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


app = FastAPI()


class IsSignedIn:
    def check(self, request: Request) -> None:
        if not request.headers.get("Authorization"):
            raise HTTPException(401)


class Permissions:
    def __init__(self, wanted: list[type[IsSignedIn]]) -> None:
        self.wanted = wanted

    def __call__(self, request: Request) -> None:
        if not request.headers.get("Authorization"):
            raise HTTPException(401)
        for one in self.wanted:
            one().check(request)


@app.post("/notes", dependencies=[Depends(Permissions([IsSignedIn]))])
def write(text: str) -> None:
    notes.append(text)
