import os

import jwt
from fastapi import APIRouter, FastAPI

app = FastAPI()
router = APIRouter(prefix="/auth")


def access_token(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, os.environ["KEY"])


@router.post("/logout")
def leave() -> dict:
    return {"message": "bye"}


app.include_router(router)
