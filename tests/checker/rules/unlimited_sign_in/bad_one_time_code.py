from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from shop.accounts import codes, issue_token

app = FastAPI()


class Code(BaseModel):
    email: str
    code: str


@app.post("/verify-otp")
def verify_otp(given: Code) -> dict[str, str]:
    if codes.get(given.email) != given.code:
        raise HTTPException(401)
    return {"access_token": issue_token(given.email)}
