import logging
import os

import httpx
import jwt

KEY = os.environ["KEY"]
KEYS = {"a.example": KEY}
logger = logging.getLogger(__name__)


def explicit(token: str) -> dict:
    return jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_signature": True})


def renewed(token: str) -> dict:
    return jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False})


def issuer_first(token: str) -> dict:
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    return jwt.decode(token, KEYS[issuer], algorithms=["HS256"], issuer=issuer)


def noted(token: str) -> None:
    claims = jwt.decode(token, options={"verify_signature": False})
    logger.info("token of %s", claims.get("sub"))


def ends(token: str) -> int:
    claims = jwt.decode(token, options={"verify_signature": False})
    return claims["exp"]


async def from_provider(code: str) -> dict:
    async with httpx.AsyncClient() as client:
        answer = await client.post("https://login.example.com/token", data={"code": "x"})
    return jwt.decode(answer.json()["id_token"], options={"verify_signature": False})


def _peek(token: str) -> str:
    return jwt.decode(token, options={"verify_signature": False})["tenant"]


def checked(token: str) -> dict:
    return jwt.decode(token, KEYS[_peek(token)], algorithms=["HS256"])
