"""
## What it looks for
Claims that are read from a token whose signature nobody tests: `verify_signature` off, `get_unverified_claims`, or the
middle part decoded by hand.

## Why it matters
A token is text that the client sends. Without the test of its signature its claims are whatever the client wrote.

## Bad
    import jwt
    from fastapi import Depends, FastAPI
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    def caller(token: str = Depends(bearer)) -> str:
        claims = jwt.decode(token, options={"verify_signature": False})
        return claims["sub"]

    @app.get("/me")
    async def me(who: str = Depends(caller)) -> str:
        return who

## Good
    import os
    import jwt
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")
    KEY = os.environ["TOKEN_KEY"]

    def caller(token: str = Depends(bearer)) -> str:
        try:
            claims = jwt.decode(token, KEY, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None
        return claims["sub"]

    @app.get("/me")
    async def me(who: str = Depends(caller)) -> str:
        return who

## How it is found
Calls of PyJWT, python-jose, joserfc and Authlib are read with their options, through constants and settings. A look into
a token that the same code, or its caller, also verifies is left alone; so is one whose answer is only logged, one that
reads nothing but times and ids, and a token that just came from a provider's own answer.

## What it cannot see
A flag that is computed, and libraries of the application's own.

## How to tell the checker
`# fastness: ignore[FN107] the reason` on the line.

## References
OWASP API2:2023, ASVS 9.1.1, CWE-347, RFC 8725 section 3.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.jwts import decodings, peeks, verifies
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.results import keys_read, only_logged
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Finding, Persona, Severity
from fastness.checker.rule import Rule

_TIMES = frozenset({"exp", "iat", "nbf", "jti", "iss", "kid", "aud", "tid"})
"""Claims that people read to renew, revoke or choose a key, and that give nobody a right."""
_FETCHING = (
    "post", "request", "fetch_token", "fetch_access_token", "authorize_access_token", "get_access_token", "exchange_code",
    "acquire_token_by_authorization_code", "acquire_token_for_client",
)  # fmt: skip
_PROVING = frozenset({"compare_digest", "verify", "verify_signature", "new", "construct_event"})

_ASKING = re.compile(
    r"token_?review|introspect|verify_(id_)?token|validate_(id_)?token|tokeninfo|userinfo", re.IGNORECASE
)


class UnverifiedToken(Rule):
    """Claims are believed without a signature."""

    id, name, control, severity = "FN107", "unverified-token", "tokens", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("9.1.1",), (347,), (1,)
    why = "whoever sends the token writes its claims, an administrator's too"
    fix = "decode with the key and a list of algorithms, and leave the signature test on"

    def read(self, project: Project) -> Iterator[Finding]:
        for decoding in project.once(decodings):
            if decoding.unverified:
                unless = " unless the environment turns it on" if decoding.switch.configured else ""
                yield from self._judged(decoding.call, f"the token's signature is not tested{unless}")
        for call in project.once(peeks):
            yield from self._judged(call, "the token's claims are read without a test of its signature")
        for call in project.calls("b64decode", "urlsafe_b64decode", "base64url_decode"):
            if _middle(project, call):
                yield from self._judged(call, "the token's claims are decoded by hand, without a test of its signature")

    def _judged(self, call: Call, message: str) -> Iterator[Finding]:
        function = call.function
        if function is None or _proved(function) or only_logged(function, call):
            return
        keys = keys_read(function, call)
        mild = _from_provider(call) or (bool(keys) and keys is not None and keys <= _TIMES)
        yield self.found(
            call.place,
            message,
            persona=Persona.PEDANTIC if mild else Persona.REGULAR,
            subject=f"{function.short} {call.name.rpartition('.')[2]}",
        )


def _proved(function: Function) -> bool:
    """Whether it, what it calls or who calls it verifies the token as well, itself or by asking the issuer."""
    if any(c.name.rpartition(".")[2] in _PROVING or _ASKING.search(c.name) for c in function.calls()):
        return True
    if verifies(function):
        return True
    for call in function.callers():
        around = call.function
        if around is not None and (verifies(around) or _asks_before(around, call)):
            return True
    return False


def _asks_before(function: Function, call: Call) -> bool:
    return any(_ASKING.search(c.name) and c.node.lineno <= call.node.lineno for c in function.calls())


def _from_provider(call: Call) -> bool:
    token = call.arg("token", "jwt", 0)
    sources = call.project.flow.origins(call.scope, token)
    if any(s.kind == "request" for s in sources):
        return False
    fetched = any(s.passed(*_FETCHING) or s.name.rpartition(".")[2] in _FETCHING for s in sources)
    return fetched or (token is not None and "id_token" in written(token)) or _takes_id_token(call)


def _takes_id_token(call: Call) -> bool:
    """A helper for the ID token that a provider's token endpoint answered, over TLS (OpenID Connect Core 3.1.3.7)."""
    function = call.function
    return function is not None and any("id_token" in p.arg for p in function.parameters)


def _middle(project: Project, call: Call, deep: int = 0) -> bool:
    """Whether what is decoded is the second of a text's parts between dots."""
    return any(_part(project, call, node, deep) for argument in call.node.args for node in walk(argument))


def _part(project: Project, call: Call, node: ast.AST, deep: int) -> bool:
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=1)):
            return _split(project, call, value)
        case ast.Name(id=name) if deep < 4:  # noqa: PLR2004 - a name of a name of a name
            found = project.names.lookup(call.scope, name)
            for assignment in found.assignments if isinstance(found, Variable) else ():
                bound = assignment.value
                if bound is None or bound is node:
                    continue
                second = assignment.how == "unpack" and assignment.index == 1 and _split(project, call, bound)
                if second or any(_part(project, call, part, deep + 1) for part in walk(bound)):
                    return True
    return False


def _split(project: Project, call: Call, expr: ast.expr) -> bool:
    match expr:
        case ast.Call(func=ast.Attribute(attr="split"), args=[ast.Constant(value="."), *_]):
            return True
        case ast.Name(id=name):
            found = project.names.lookup(call.scope, name)
            return isinstance(found, Variable) and any(
                a.value is not None
                and a.how == "plain"
                and not isinstance(a.value, ast.Name)
                and _split(project, call, a.value)
                for a in found.assignments
            )
    return False
