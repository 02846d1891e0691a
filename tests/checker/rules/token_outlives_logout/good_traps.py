import os

import jwt
from fastapi import FastAPI, Header

from database import blacklist

app = FastAPI()


def access_token(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, os.environ["KEY"])


@app.post("/logout")
def logout(authorization: str = Header()) -> None:
    blacklist.add(authorization)
