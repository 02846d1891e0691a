import os

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from jose import jwt

app = FastAPI()


def make(user: str) -> str:
    return jwt.encode({"sub": user, "exp": 1}, os.environ["KEY"])


@app.get("/sign-out")
def sign_out() -> RedirectResponse:
    answer = RedirectResponse("/")
    answer.delete_cookie("session")
    return answer
