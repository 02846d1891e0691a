import hashlib
import hmac
import os

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel, Field

router = APIRouter(prefix="/auth")
people: dict[str, str] = {}


class Registration(BaseModel):
    email: str
    password: str = Field(min_length=12, max_length=128)


@router.post("/register")
def register(given: Registration) -> None:
    people[given.email] = given.password


@router.post("/token")
def login(form: OAuth2PasswordRequestForm = Depends()) -> None:
    people[form.username] = "seen"


@router.post("/password-recovery/{email}")
def recover(email: str) -> None:
    people[email] = "asked"


@router.post("/logout")
def logout() -> None:
    people.clear()


@router.post("/webhook")
async def hook(request: Request) -> None:
    wanted = hmac.new(os.environb[b"KEY"], await request.body(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, request.headers["X-Signature"]):
        raise HTTPException(400)
    people.clear()


app = FastAPI()
app.include_router(router)
