"""
## What it looks for
A refresh token that opens a route which asks for an access token.

## Why it matters
Refresh tokens live for weeks. When they open routes, ten-minute access tokens protect nothing.

## Bad
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import OctKey
    from pydantic import BaseModel

    app = FastAPI()
    key = OctKey.import_key("a long key that nobody knows but this application")
    bearer = OAuth2PasswordBearer(tokenUrl="login")
    users: dict[str, str] = {}

    class Account(BaseModel):
        email: str
        password: str

    @app.post("/register")
    async def register(given: Account) -> dict[str, str]:
        users[given.email] = given.password
        return {"email": given.email}

    @app.post("/login")
    async def login(form: OAuth2PasswordRequestForm = Depends()) -> dict[str, str]:
        if users.get(form.username) != form.password:
            raise HTTPException(401)
        kinds = ("access", "refresh")
        return {f"{kind}_token": jwt.encode({"alg": "HS256"}, {"sub": form.username, "kind": kind}, key) for kind in kinds}

    def caller(token: str = Depends(bearer)) -> str:
        try:
            return jwt.decode(token, key, algorithms=["HS256"]).claims["sub"]
        except (JoseError, ValueError):
            raise HTTPException(401) from None

    @app.get("/profile")
    async def profile(who: str = Depends(caller)) -> str:
        return who

## Good
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import OctKey
    from pydantic import BaseModel

    app = FastAPI()
    key = OctKey.import_key("a long key that nobody knows but this application")
    bearer = OAuth2PasswordBearer(tokenUrl="login")
    users: dict[str, str] = {}

    class Account(BaseModel):
        email: str
        password: str

    @app.post("/register")
    async def register(given: Account) -> dict[str, str]:
        users[given.email] = given.password
        return {"email": given.email}

    @app.post("/login")
    async def login(form: OAuth2PasswordRequestForm = Depends()) -> dict[str, str]:
        if users.get(form.username) != form.password:
            raise HTTPException(401)
        kinds = ("access", "refresh")
        return {f"{kind}_token": jwt.encode({"alg": "HS256"}, {"sub": form.username, "kind": kind}, key) for kind in kinds}

    def caller(token: str = Depends(bearer)) -> str:
        try:
            claims = jwt.decode(token, key, algorithms=["HS256"]).claims
        except (JoseError, ValueError):
            raise HTTPException(401) from None
        if claims["kind"] != "access":
            raise HTTPException(401)
        return claims["sub"]

    @app.get("/profile")
    async def profile(who: str = Depends(caller)) -> str:
        return who

## How it is found
An account signs in through the application's own route. Where the answer holds a refresh token, each route that refuses
strangers and answers the access token is asked with the refresh token instead.

## What it cannot see
Refresh tokens in cookies, and applications without a registration that the checker can use.

## How to tell the checker
Ignore the finding with a comment that says why one kind of token is enough.

## References
OWASP API2:2023, ASVS 9.2.2, CWE-287, RFC 9068 section 2.1
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.finding import Confidence, Finding, Place, Severity
from fastness.checker.rule import Rule


class RefreshAsAccess(Rule):
    """A refresh token opens what an access token should."""

    id, name, control, severity = "FN117", "refresh-token-as-access", "tokens", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("9.2.2",), (287,), (1,)
    why = "a stolen refresh token works everywhere for weeks, and the short life of access tokens protects nothing"
    fix = "put the kind of a token into a claim or the typ header, and refuse the other kind"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        who = attacker.identities[0] if attacker.identities else None
        if who is None or not who.refresh or who.refresh == who.access:
            return
        told = set[Place | None]()
        for closed in await attacker.closed():
            answer = await attacker.transmit(closed.sent, by=who.carrying(who.refresh))
            if answer.ok and closed.verifier not in told:
                told.add(closed.verifier)
                text = f"{closed.route} accepts the refresh token as an access token"
                yield self.found(
                    closed.verifier or attacker.place(closed.route),
                    text,
                    confidence=Confidence.PROVED,
                    route=closed.route,
                    subject="refresh token as access token",
                    proof=attacker.proof(text, closed.stranger, answer),
                )
