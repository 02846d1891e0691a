import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")
notes: list[str] = []


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


app = FastAPI()


def session_user(request: Request) -> str | None:
    return request.session.get("user")


@app.post("/notes")
def write(request: Request, text: str) -> Response | None:
    if session_user(request) is None:
        return Response(status_code=401)
    notes.append(text)
    return None
