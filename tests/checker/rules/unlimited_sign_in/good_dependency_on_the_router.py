from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordRequestForm
from fastapi_limiter.depends import RateLimiter

from shop.accounts import issue_token, verify_password

router = APIRouter(dependencies=[Depends(RateLimiter(times=5, seconds=60))])


@router.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> str:
    if not verify_password(form.username, form.password):
        raise HTTPException(401)
    return issue_token(form.username)


app = FastAPI()
app.include_router(router, prefix="/auth")
