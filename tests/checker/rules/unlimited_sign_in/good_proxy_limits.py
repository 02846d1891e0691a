from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordRequestForm

from shop.accounts import issue_token, verify_password

app = FastAPI()


@app.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> str:
    if not verify_password(form.username, form.password):
        raise HTTPException(401)
    return issue_token(form.username)
# file: deploy/nginx.conf
http {
    limit_req_zone $binary_remote_addr zone=login:10m rate=5r/m;
    location /token {
        limit_req zone=login burst=5;
    }
}
