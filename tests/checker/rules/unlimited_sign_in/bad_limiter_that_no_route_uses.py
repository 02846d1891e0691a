from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from slowapi import Limiter
from slowapi.util import get_remote_address

from shop.accounts import issue_token, users, verify_password

app = FastAPI()
router = APIRouter(prefix="/auth")
limiter = Limiter(key_func=get_remote_address)
app.state.limiter = limiter


class Login(BaseModel):
    email: str
    password: str


@router.post("/login")
def login(request: Request, given: Login) -> dict[str, str]:
    user = users.get(given.email)
    if user is None or not verify_password(given.password, user.hashed_password):
        raise HTTPException(401)
    return {"access_token": issue_token(user)}


app.include_router(router)
