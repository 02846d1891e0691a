"""
## What it looks for
Forged tokens that open a closed route: no signature (`alg: none`), a cut signature, a changed body, another key, an empty
key, and where the key is known to the checker, an expired token and one that counts from tomorrow.

## Why it matters
Whoever can write a token is whoever they like, an administrator too.

## Bad
    import base64
    import json
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
    from joserfc import jwt
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
        return {"access_token": jwt.encode({"alg": "HS256"}, {"sub": form.username}, key)}

    def caller(token: str = Depends(bearer)) -> str:
        try:
            body = token.split(".")[1]
            return json.loads(base64.urlsafe_b64decode(body + "=="))["sub"]
        except (ValueError, LookupError):
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
        return {"access_token": jwt.encode({"alg": "HS256"}, {"sub": form.username}, key)}

    def caller(token: str = Depends(bearer)) -> str:
        try:
            token_ = jwt.decode(token, key, algorithms=["HS256"])
            jwt.JWTClaimsRegistry().validate(token_.claims)
        except (JoseError, ValueError):
            raise HTTPException(401) from None
        return token_.claims["sub"]

    @app.get("/profile")
    async def profile(who: str = Depends(caller)) -> str:
        return who

## How it is found
An account registers and signs in through the application's own routes. Routes that refuse a stranger and answer this
account are then asked with each forgery of its token. A 2xx is the proof.

## What it cannot see
Applications without a registration that the checker can use, and tokens that are no JWT.

## How to tell the checker
There is no reason to accept a forged token; ignore the finding with a comment that names one.

## References
OWASP API2:2023, ASVS 9.1.1 and 9.2.1, CWE-347, RFC 8725
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastness.checker.evidence.attacker import Attacker, Closed
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.forged import Forgery, forgeries
from fastness.checker.finding import Confidence, Finding, Place, Severity
from fastness.checker.rule import Rule

_TRIED = 12
"""Routes; they nearly always share what verifies."""


class ForgedToken(Rule):
    """A forged token is believed."""

    id, name, control, severity = "FN111", "forged-token", "tokens", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("9.1.1", "9.2.1"), (347,), (1,)
    why = "whoever can write such a token is whoever they like"
    fix = "verify signature, algorithm and times with one call that takes the key and the list of algorithms"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if not attacker.identities:
            return
        who, accepted = attacker.identities[0], dict[Place | None, list[_Accepted]]()
        for closed in (await attacker.closed())[:_TRIED]:
            for forgery in forgeries(who.token, attacker.loaded.values):
                answer = await attacker.transmit(closed.sent, by=who.carrying(forgery.token))
                if answer.ok:
                    accepted.setdefault(closed.verifier, []).append(_Accepted(closed, forgery, answer))
        for verifier, all_of in accepted.items():
            first = all_of[0]
            kinds = list(dict.fromkeys(each.forgery.what.partition(" (")[0] for each in all_of))
            routes = len({each.closed.route for each in all_of})
            more = f" and {routes - 1} other{'s' if routes > 2 else ''}" if routes > 1 else ""  # noqa: PLR2004 - grammar
            text = f"{first.closed.route}{more} accept{'' if more else 's'} {'; '.join(kinds)}"
            yield self.found(
                verifier or attacker.place(first.closed.route),
                text,
                confidence=Confidence.PROVED,
                route=first.closed.route,
                subject="forged token",
                proof=attacker.proof(text, first.closed.stranger, first.answer),
            )


@dataclass(frozen=True, slots=True)
class _Accepted:
    closed: Closed
    forgery: Forgery
    answer: Answer
