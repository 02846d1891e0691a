from fastapi import FastAPI, HTTPException
from shop.accounts import account, issue, verify
from shop.config import settings

app = FastAPI()


@app.post("/login")
def login(password: str) -> str:
    user = account(settings.super_user)
    if user is None:
        raise HTTPException(500, "Superuser not found")
    if not verify(password, user.hash):
        raise HTTPException(401, "wrong")
    return issue(user)
