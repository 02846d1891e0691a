from datetime import UTC, datetime, timedelta

import jwt
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from database import users
from settings import KEY

app = FastAPI()


class Who(BaseModel):
    email: str


@app.post("/session")
def session(given: Who) -> dict:
    user = users.get(given.email)
    if user is None:
        raise HTTPException(404)
    return {"token": jwt.encode({"sub": user.id, "exp": datetime.now(UTC) + timedelta(hours=1)}, KEY)}
