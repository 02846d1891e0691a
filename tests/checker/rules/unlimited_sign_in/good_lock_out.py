from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from shop.accounts import issue_token, users, verify_password

app = FastAPI()


class Login(BaseModel):
    email: str
    password: str


@app.post("/login")
def login(given: Login) -> dict[str, str]:
    user = users.get(given.email)
    if user.failed_login_attempts > 5:
        raise HTTPException(423)
    if not verify_password(given.password, user.hashed_password):
        user.failed_login_attempts += 1
        raise HTTPException(401)
    return {"access_token": issue_token(user)}
