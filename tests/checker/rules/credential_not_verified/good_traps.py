import os

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer

app = FastAPI()
oauth2 = OAuth2PasswordBearer(tokenUrl="token")


class Verified(HTTPBearer):
    async def __call__(self, request: Request) -> dict:
        credentials: HTTPAuthorizationCredentials = await super().__call__(request)
        return self.claims(credentials.credentials)

    def claims(self, token: str) -> dict:
        try:
            return jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None


def claims(token: str = Depends(oauth2)) -> dict:
    try:
        return jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None


@app.get("/1")
async def one(who: dict = Depends(Verified())) -> dict:
    return who


@app.get("/2")
async def two(token: str = Depends(oauth2)) -> dict:
    return claims(token)


@app.get("/3", dependencies=[Depends(oauth2), Depends(claims)])
async def three() -> dict:
    return {}
