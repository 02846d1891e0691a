"""
## What it looks for
A sign-in, a code test or a route that sends a reset mail, without anything that counts the tries.

## Why it matters
Passwords from other sites' leaks are tried at thousands a minute, six-digit codes fall in an hour, and a mail route
floods somebody's inbox at your cost.

## Bad
    from typing import Annotated
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordRequestForm
    from shop.accounts import issue_token, verify_password

    app = FastAPI()

    @app.post("/login")
    def login(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> str:
        if not verify_password(form.username, form.password):
            raise HTTPException(401)
        return issue_token(form.username)

## Good
    from typing import Annotated
    from fastapi import Depends, FastAPI, HTTPException, Request
    from fastapi.security import OAuth2PasswordRequestForm
    from shop.accounts import issue_token, verify_password
    from slowapi import Limiter
    from slowapi.util import get_remote_address

    app = FastAPI()
    limiter = Limiter(key_func=get_remote_address)

    @app.post("/login")
    @limiter.limit("5/minute")
    def login(request: Request, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> str:
        if not verify_password(form.username, form.password):
            raise HTTPException(401)
        return issue_token(form.username)

## How it is found
Routes are known as sign-in by what they take and do: a password form, a password that is verified, a token that is
issued; the sign-in router of fastapi-users is known by its call. A limit may be a dependency at any level, a decorator, a
middleware with limits, a lock-out or a captcha in the handler or in what it calls, or a limit in the configuration of
nginx, Caddy or Traefik that lies in the same folder.

## What it cannot see
A gateway in front of the application whose configuration lies elsewhere.

## How to tell the checker
In pyproject.toml: `gateway = {limits = "nginx limit_req"}`, or your own limiters under `limiters`.

## References
OWASP API2:2023, ASVS 6.3.1, CWE-307.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.found import matches
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.limited_paths import limited_paths, names
from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.own import SLOWAPI, limits_everywhere
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.purpose import Purpose, purposes, takes_password
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Place, Severity
from fastness.checker.rule import Rule

_CODE = re.compile(r"(^|_)(code|otp|pin|totp)($|_)", re.IGNORECASE)
_TESTS = re.compile(
    r"verify_?(password|hash|login|credential|otp|code)|check_?(password|pw|credential|login|code|otp)|checkpw|password_?verify"
    r"|compare_?password|(^|[._])authenticate(_\w+)?$|login_user$|sign_in_with_password|(^|[._])try_login|password_context\.verify"
    r"|pwd_context\.verify|hasher\.verify|get_auth_router",
    re.IGNORECASE,
)
_PROXY = r"(?i)^\s*(limit_req|limit_conn)\s|^\s*rate_limit\b|^[^#]*rate-?limit"
_LIMITING = re.compile(r"rate_?limit|throttl|slowapi|too_?many|fail2ban|brute", re.IGNORECASE)
_SAID: dict[Purpose, str] = {
    "login": "takes passwords without counting the tries",
    "forgot": "sends mails for strangers without a limit",
    "verify": "takes codes without counting the tries",
    "register": "makes accounts without a limit",
}


class UnlimitedSignIn(Rule):
    """A credential test without a limit."""

    id, name, control, severity = "FN408", "unlimited-sign-in", "limits", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023", "API4:2023"), ("6.3.1",), (307,), (7,)
    why = "passwords and codes can be tried at full speed"
    fix = 'limit it by address and account: Depends(limit("5/minute", by="address"))'

    def inspect(self, application: Application) -> Iterator[Finding]:
        project = next((route.handler.project for route in application.routes if route.handler is not None), None)
        if project is None or limits_everywhere(project, application) or _middleware_limits(application):
            return
        seen: set[Place] = set()
        for route in application.routes:
            purpose = _tried(route)
            if purpose is None or route.guarded("limits") or route.place in seen or _in_front(route):
                continue
            seen.add(route.place)
            yield self.found(
                route.place,
                f"{route} {_SAID[purpose]}",
                route=route,
                subject=str(route),
                confidence=Confidence.HIGH if route.placed else Confidence.MEDIUM,
                persona=Persona.PEDANTIC if purpose == "register" else Persona.REGULAR,
            )

    def read(self, project: Project) -> Iterator[Finding]:
        """Routers that fastapi-users makes: their routes stand in no source."""
        limited = any(limits_everywhere(project, a) or _middleware_limits(a) for a in project.applications)
        if limited or project.once(_proxied):
            return
        seen: set[str] = set()
        for call in project.calls("get_auth_router"):
            if call.target is None and call.module.path not in seen and not _included_with_limits(call):
                seen.add(call.module.path)
                yield self.found(
                    call.place,
                    "the sign-in of this router takes passwords without counting the tries",
                    subject=call.code,
                    confidence=Confidence.MEDIUM,
                )


def _middleware_limits(application: Application) -> bool:
    """Whether a middleware of the application answers 429, or is named after limits."""
    names = [middleware.name for middleware in application.middleware if not matches(middleware.name, SLOWAPI)]
    return any(_LIMITING.search(name.rpartition(".")[2]) for name in names)


def _in_front(route: Route) -> bool:
    if route.handler is None:
        return False
    project = route.handler.project
    return project.once(_proxied) or names(project.once(limited_paths), route.path)


def _proxied(project: Project) -> bool:
    """Whether a proxy whose configuration lies in the folder limits requests."""
    return any(True for path in project.files.proxies() for _ in project.files.lines(path, _PROXY))


def _included_with_limits(call: Call) -> bool:
    """Whether the `include_router` around the call names a limiter."""
    for node in call.scope.calls:
        func = node.func
        if (
            isinstance(func, ast.Attribute)
            and func.attr == "include_router"
            and any(part is call.node for part in walk(node))
        ):
            return any(_LIMITING.search(written(k.value)) for k in node.keywords if k.arg == "dependencies")
    return False


def _tried(route: Route) -> Purpose | None:
    """What a stranger can try here again and again; None for routes of other kinds and for signed-in callers."""
    if route.kind != "http" or route.development or route.guarded("access"):
        return None
    known = purposes(route)
    if "login" in known and "register" not in known and _tests(route):
        return "login"
    if "forgot" in known and route.writes:
        return "forgot"
    if known & {"verify", "reset"} and any(_CODE.search(p.name) or _fields(p.model) for p in route.parameters):
        return "verify"
    if "register" in known and route.writes:
        return "register"
    return None


def _tests(route: Route) -> bool:
    """Whether the route tests a password, a code or the like: it takes one, or calls what does."""
    if takes_password(route):
        return True
    if route.handler is None or not route.writes:
        return False
    return any(_TESTS.search(call.name) for one in route.handler.reaches(2) for call in one.calls())


def _fields(model: object) -> bool:
    return any(_CODE.search(field.name) for field in getattr(model, "fields", ()))
