import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.security import HTTPBearer, OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")
notes: list[str] = []


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


router = APIRouter()


@router.post("/notes")
def write(text: str) -> None:
    notes.append(text)


app = FastAPI()
if os.environ["ENVIRONMENT"] == "local":
    app.include_router(router)
