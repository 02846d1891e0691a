# file: deps.py
import os
from typing import Annotated

import jwt
from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: Annotated[str, Depends(bearer)]) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


CurrentUser = Annotated[str, Depends(current_user)]

# file: main.py
from deps import CurrentUser
from fastapi import FastAPI

app = FastAPI()
notes: list[str] = []


@app.post("/notes")
def write(text: str, user: CurrentUser) -> None:
    notes.append(text)
