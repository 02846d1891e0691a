from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordRequestForm

from shop.accounts import issue_token, verify_password
from shop.limits import AuthThrottling

app = FastAPI()
app.add_middleware(AuthThrottling, per_minute=5)


@app.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> str:
    if not verify_password(form.username, form.password):
        raise HTTPException(401)
    return issue_token(form.username)
