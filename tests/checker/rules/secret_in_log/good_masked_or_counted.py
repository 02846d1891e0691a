import logging

from fastapi import FastAPI
from pydantic import BaseModel, SecretStr

app = FastAPI()
logger = logging.getLogger(__name__)


class Login(BaseModel):
    email: str
    password: SecretStr


def mask(text: str) -> str:
    return text[:2] + "***"


@app.get("/login-page")
def page(given: Login, token: str = "", max_tokens: int = 1) -> None:
    logger.info("login %s", given)
    logger.info("token %s of %s characters", token[:4], len(token))
    logger.info("masked %s", mask(token))
    logger.info("Incorrect password for %s; token expired", given.email)
    logger.info("max_tokens=%s", max_tokens)
