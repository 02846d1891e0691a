import os

import jwt
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2PasswordBearer

app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


@app.get("/statement", dependencies=[Depends(current_user)])
def statement() -> JSONResponse:
    return JSONResponse({"sum": 1}, headers={"Cache-Control": "s-maxage=60"})
