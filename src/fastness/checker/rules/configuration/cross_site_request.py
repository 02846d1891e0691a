"""
## What it looks for
Routes that change data for whoever has a session cookie, in an application without any defence against forged requests.

## Why it matters
Another site posts a form, the browser adds the cookie, and the change is made in the user's name.

## Bad
    import secrets

    from argon2 import PasswordHasher
    from fastapi import Depends, FastAPI, Form, HTTPException, Request, Response

    from fastness import limit

    app = FastAPI()
    hasher = PasswordHasher()
    users: dict[str, str] = {}
    sessions: dict[str, str] = {}
    mail: dict[str, str] = {}
    slow = [Depends(limit("30/minute", by="address"))]

    @app.post("/register", dependencies=slow)
    def register(email: str = Form(max_length=99), password: str = Form(min_length=12, max_length=64)) -> dict[str, str]:
        users[email] = hasher.hash(password)
        return {"email": email}

    @app.post("/login", dependencies=slow)
    def login(answer: Response, email: str = Form(max_length=99), password: str = Form(max_length=64)) -> None:
        if email not in users or not hasher.verify(users[email], password):
            raise HTTPException(401)
        key = secrets.token_urlsafe(32)
        sessions[key] = email
        answer.set_cookie("session", key, secure=True, httponly=True, samesite="none")

    def current_user(request: Request) -> str:
        user = sessions.get(request.cookies.get("session", ""))
        if user is None:
            raise HTTPException(401)
        return user

    @app.get("/me")
    def me(user: str = Depends(current_user)) -> str:
        return user

    @app.post("/address")
    def address(new: str = Form(max_length=200), user: str = Depends(current_user)) -> str:
        mail[user] = new
        return "changed"

## Good
    import secrets

    from argon2 import PasswordHasher
    from fastapi import Depends, FastAPI, Form, HTTPException, Request, Response

    from fastness import limit

    app = FastAPI()
    hasher = PasswordHasher()
    users: dict[str, str] = {}
    sessions: dict[str, str] = {}
    mail: dict[str, str] = {}
    slow = [Depends(limit("30/minute", by="address"))]

    @app.post("/register", dependencies=slow)
    def register(email: str = Form(max_length=99), password: str = Form(min_length=12, max_length=64)) -> dict[str, str]:
        users[email] = hasher.hash(password)
        return {"email": email}

    @app.post("/login", dependencies=slow)
    def login(answer: Response, email: str = Form(max_length=99), password: str = Form(max_length=64)) -> None:
        if email not in users or not hasher.verify(users[email], password):
            raise HTTPException(401)
        key = secrets.token_urlsafe(32)
        sessions[key] = email
        answer.set_cookie("session", key, secure=True, httponly=True, samesite="none")

    def current_user(request: Request) -> str:
        user = sessions.get(request.cookies.get("session", ""))
        if user is None:
            raise HTTPException(401)
        return user

    @app.get("/me")
    def me(user: str = Depends(current_user)) -> str:
        return user

    def same_site(request: Request) -> None:
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise HTTPException(403)

    @app.post("/address", dependencies=[Depends(same_site)])
    def address(new: str = Form(max_length=200), user: str = Depends(current_user)) -> str:
        mail[user] = new
        return "changed"

## How it is found
Applications whose routes take the caller from a session or cookie are searched for a CSRF token, an origin test, a package for it, or
`samesite="strict"`. With `lax`, the default, only pedantic readers hear of it; with `none` everybody does. An attack signs in and asks
each changing route that refuses strangers as a page of another site would: with the cookie, an `Origin` and `Sec-Fetch-Site` that say
so, and a body that needs no preflight. Cookies with `SameSite=Lax` or `Strict` are not sent then.

## What it cannot see
Defences of a proxy or of the front end; an attack needs a registration that it can use.

## How to tell the checker
`gateway = { csrf = "the proxy tests Origin" }`, or `ignore = ["FN607"]` in `[tool.fastness.check]`.

## References
OWASP API8:2023, ASVS 3.5.1, CWE-352
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.identities import Identity, spare
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_COOKIE = re.compile(r"session|cookie", re.IGNORECASE)
_DEFENCE = re.compile(
    r"csrf|xsrf|sec-fetch-site|sec_fetch_site|\borigin_?check|check_origin|verify_origin|allowed_origin", re.IGNORECASE
)
_STRANGE = (("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"))
_ROUTES = 20


class CrossSiteRequest(Rule):
    """Other sites act in the user's name."""

    id, name, control, severity = "FN607", "cross-site-request", "csrf", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.5.1",), (352,), (7,)
    why = "a page on another site changes data in the user's name"
    fix = 'samesite="strict" or "lax" with a test of Origin, or a CSRF token for every change'

    def inspect(self, application: Application) -> Iterator[Finding]:
        if "csrf" in application.controls or application.parent is not None:
            return
        routes = [r for r in application.routes if r.writes and _by_cookie(r)]
        project = next((r.handler.project for r in routes if r.handler is not None), None)
        if project is None or project.once(_defended):
            return
        same = project.once(_same_site)
        if same == "strict":
            return
        yield self.found(
            application.place,
            f"{len(routes)} routes change data for a cookie, and nothing tells a forged request",
            subject=application.name,
            confidence=Confidence.HIGH if same == "none" else Confidence.MEDIUM,
            persona=Persona.REGULAR if same == "none" else Persona.PEDANTIC,
        )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if not attacker.identities or not attacker.identities[0].cookies or not _travels(attacker):
            return
        who = await spare(attacker)
        for route in [r for r in attacker.routes if "POST" in r.methods][:_ROUTES] if who is not None else ():
            sent = attacker.request(route, "POST")
            kind = dict(sent.headers).get("content-type", "")
            # A form may be sent as it is; JSON goes as text/plain, which browsers do not ask about before.
            headers = [(n, "text/plain" if n == "content-type" and "json" in kind else v) for n, v in sent.headers]
            sent = replace(sent, headers=(*headers, *_STRANGE))
            stranger = await attacker.transmit(sent)
            answer = await attacker.transmit(sent, by=who)
            if answer.ok and stranger.refused:
                text = f"{route} obeys a page of another site that sends the visitor's cookie along"
                yield self.found(
                    attacker.place(route),
                    text,
                    confidence=Confidence.PROVED,
                    route=route,
                    subject="cross-site request",
                    proof=attacker.proof(text, stranger, answer),
                )


def _by_cookie(route: Route) -> bool:
    guards = [g for g in route.guards if g.duty == "access" and not g.optional]
    return bool(guards) and all(_COOKIE.search(g.how) for g in guards)


def _defended(project: Project) -> bool:
    return any(_DEFENCE.search(module.text) for module in project.modules_of())


def _same_site(project: Project) -> str:
    """The weakest `samesite` that the project's cookies have."""
    found: set[str] = set()
    for call in (*project.calls("set_cookie"), *project.calls("SessionMiddleware")):
        found.add(_of(call))
    return next((word for word in ("none", "lax", "strict") if word in found), "lax")


def _of(call: Call) -> str:
    for name in ("samesite", "same_site"):
        if call.has(name):
            return call.value(name).text.lower() or "lax"
    return "lax"


def _travels(attacker: Attacker) -> bool:
    """Whether browsers send the session cookie along with another site's POST: SameSite=None, or no word of it."""
    names = _names(attacker.identities[0])
    lines = [line for answer in attacker.cookies for line in answer.all("set-cookie")]
    mine = [line.lower() for line in lines if line.partition("=")[0] in names]
    return any("samesite=none" in line or "samesite" not in line for line in mine)


def _names(who: Identity) -> set[str]:
    cookies = next((value for name, value in who.headers if name == "cookie"), "")
    return {each.strip().partition("=")[0] for each in cookies.split(";")}
