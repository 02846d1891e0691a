import os

import jwt
from fastapi import Depends, FastAPI, Query

app = FastAPI()


def caller(token: str = Query()) -> dict:
    return jwt.decode(token, os.environ["KEY"], algorithms=["HS256"])


@app.get("/me")
def me(api_key: str, who: dict = Depends(caller)) -> dict:
    return who
