from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from shop.accounts import create_access_token, current_user, tokens

app = FastAPI()


class NewToken(BaseModel):
    name: str


@app.post("/tokens")
def create(given: NewToken, user: Annotated[str, Depends(current_user)]) -> str:
    return tokens.create(given.name, user)


@app.post("/webhook/tokens")
def channel(given: NewToken) -> str:
    """Issues nothing against a password."""
    return create_access_token(given.name)
