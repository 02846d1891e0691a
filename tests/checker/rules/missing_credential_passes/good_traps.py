import os

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()
bearer = HTTPBearer(auto_error=False)


def maybe(credentials: HTTPAuthorizationCredentials | None = Depends(bearer)) -> dict | None:
    if credentials is None:
        return None
    return jwt.decode(credentials.credentials, os.environ["KEY"], algorithms=["HS256"])


@app.get("/articles")
async def articles(who: dict | None = Depends(maybe)) -> list[str]:
    return ["all"] if who else ["public"]


@app.get("/mine")
async def mine(credentials: HTTPAuthorizationCredentials | None = Depends(bearer)) -> dict:
    if not credentials:
        raise HTTPException(401)
    return jwt.decode(credentials.credentials, os.environ["KEY"], algorithms=["HS256"])
