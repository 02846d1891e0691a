"""
## What it looks for
A cookie that signs somebody in, set without `secure` or without `httponly`; and any cookie with `samesite="none"` that is
not `secure`.

## Why it matters
Without `secure` the cookie travels over plain HTTP once and is copied; without `httponly` one injected script sends it away.

## Bad
    from fastapi import FastAPI, Response

    app = FastAPI()

    @app.get("/welcome")
    def welcome(response: Response) -> None:
        response.set_cookie("session_id", "made elsewhere")

## Good
    from fastapi import FastAPI, Response

    app = FastAPI()

    @app.get("/welcome")
    def welcome(response: Response) -> None:
        response.set_cookie("session_id", "made elsewhere", secure=True, httponly=True, samesite="lax")

## How it is found
Every `set_cookie` is read with its flags, constants and settings followed. The cookie's name, or the name of what is put
in, says whether it signs somebody in; other cookies are left to pedantic readers, and a CSRF cookie may be readable. A flag
that a setting decides is taken as set. `Set-Cookie` headers written as text are read too. An attack looks at every cookie that
the application sets while it is asked, over https.

## What it cannot see
Flags that a proxy adds; an attack sees only cookies of routes that it reaches.

## How to tell the checker
`# fastness: ignore[FN605] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 3.3.1, 3.3.2, 3.3.4, CWE-614 and 1004
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SIGNS_IN = re.compile(
    r"sess|token|auth|jwt|(^|_)sid($|_)|refresh|access|remember|log_?in|credential|api_?key", re.IGNORECASE
)
_READABLE = re.compile(r"csrf|xsrf", re.IGNORECASE)
_FLAG = re.compile(
    r"^['\"]?(is|has|show)_|_(expired|enabled|consent|banner|method|provider|hint|theme|lang)\b", re.IGNORECASE
)
_FLAGS = frozenset({"true", "false", "1", "0", "yes", "no"})
"""What a page reads to know that somebody is signed in is no credential."""
_VALUE = 1
_HTTPONLY, _SECURE, _SAMESITE = 7, 6, 8
"""Positions in Starlette's `set_cookie(key, value, max_age, expires, path, domain, secure, httponly, samesite)`."""
_UNSECRET = re.compile(r"csrf|xsrf|lang|locale|theme|consent|tz|timezone", re.IGNORECASE)
_GONE = re.compile(r"max-age=0\b|expires=thu, 0?1[ -]jan[ -]1970", re.IGNORECASE)


class InsecureCookie(Rule):
    """A session cookie that others can copy."""

    id, name, control, severity = "FN605", "insecure-cookie", "cookies", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.3.1", "3.3.2", "3.3.4"), (614, 1004), (7,)
    why = "the cookie is copied from plain HTTP or by a script, and whoever has it is the user"
    fix = 'set_cookie(..., secure=True, httponly=True, samesite="lax")'

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("set_cookie"):
            if call.target is None and not call.spread and not _removes(call):
                finding = self._judged(call)
                if finding is not None:
                    yield finding
        yield from self._headers(project)

    def _judged(self, call: Call) -> Finding | None:
        named = call.value("key", 0).text or (written(key) if (key := call.arg("key", 0)) is not None else "")
        value = call.arg("value", _VALUE)
        signs_in = bool(_SIGNS_IN.search(named)) or (value is not None and bool(_SIGNS_IN.search(written(value))))
        if _FLAG.search(named) or (value is not None and call.value("value", _VALUE).text.lower() in _FLAGS):
            signs_in = False
        missing = [
            flag
            for flag, at in (("secure", _SECURE), ("httponly", _HTTPONLY))
            if _off(call, flag, at) and not (flag == "httponly" and _READABLE.search(named))
        ]
        none = call.value("samesite", _SAMESITE).text.lower() == "none" and "secure" in missing
        if not missing:
            return None
        certain = signs_in and not _READABLE.search(named)
        return self.found(
            call.place,
            f"the cookie {named.strip(chr(34) + chr(39))} is set without {' and '.join(missing)}",
            subject=f"{call.scope.name} {named}",
            confidence=Confidence.HIGH if certain else Confidence.MEDIUM,
            persona=Persona.REGULAR if certain or none else Persona.PEDANTIC,
        )

    def _headers(self, project: Project) -> Iterator[Finding]:
        for scope, node in project.nodes(ast.Assign):
            for target in node.targets:
                if (
                    isinstance(target, ast.Subscript)
                    and project.value(scope, target.slice).text.lower() == "set-cookie"
                ):
                    value = project.value(scope, node.value)
                    text = (value.text or " ".join(i.text for i in value.items)).lower()
                    missing = [flag for flag in ("secure", "httponly") if flag not in text]
                    if missing and _SIGNS_IN.search(text.partition("=")[0]):
                        yield self.found(
                            project.place(scope, node),
                            f"a Set-Cookie header lacks {' and '.join(missing)}",
                            subject=f"{scope.name} set-cookie",
                        )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for route in attacker.routes:
            if route.kind == "http" and "GET" in route.methods and attacker.left:
                await attacker.attempt(route, "GET")
        told = set[str]()
        for answer in attacker.cookies:
            for cookie in answer.all("set-cookie"):
                name = cookie.partition("=")[0]
                lacks = _lacks(name, cookie)
                if lacks and name not in told:
                    told.add(name)
                    setter = next((r for r in attacker.routes if _pattern(r.path).fullmatch(answer.sent.path)), None)
                    text = f"the cookie {name} is set without {', '.join(lacks)}"
                    yield self.found(
                        attacker.place(setter),
                        text,
                        confidence=Confidence.PROVED,
                        route=setter,
                        subject=f"cookie {name}",
                        proof=attacker.proof(text, answer),
                    )


def _off(call: Call, flag: str, at: int) -> bool:
    """Whether a flag is surely off: not given, or the constant False."""
    if not call.has(flag, at):
        return True
    value = call.value(flag, at)
    return value.literal and not value.constant


def _removes(call: Call) -> bool:
    """Whether it empties the cookie."""
    gone = call.value("max_age", 2).constant == 0 or call.value("expires", 3).constant == 0
    return gone or (call.has("value", _VALUE) and call.value("value", _VALUE).constant == "")


def _lacks(name: str, cookie: str) -> list[str]:
    if _GONE.search(cookie):
        return []
    flags = {part.partition("=")[0].strip().lower() for part in cookie.split(";")[1:]}
    wanted = ["Secure", "SameSite"] if _UNSECRET.search(name) else ["Secure", "HttpOnly", "SameSite"]
    return [flag for flag in wanted if flag.lower() not in flags]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))
