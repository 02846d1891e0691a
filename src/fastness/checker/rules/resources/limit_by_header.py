"""
## What it looks for
A rate limiter that tells callers apart by a header that they write themselves.

## Why it matters
A new `X-Forwarded-For` with each request is a new caller: the limit never counts past one.

## Bad
    from collections import Counter
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()
    seen: Counter[str] = Counter()

    def rate_limit_key(request: Request) -> str:
        return request.headers.get("X-Forwarded-For", request.client.host)

    @app.get("/")
    async def home(request: Request) -> str:
        key = rate_limit_key(request)
        seen[key] += 1
        if seen[key] > 5:
            raise HTTPException(429)
        return "home"

## Good
    from collections import Counter
    from fastapi import FastAPI, HTTPException, Request

    app = FastAPI()
    seen: Counter[str] = Counter()

    def rate_limit_key(request: Request) -> str:
        return request.client.host

    @app.get("/")
    async def home(request: Request) -> str:
        key = rate_limit_key(request)
        seen[key] += 1
        if seen[key] > 5:
            raise HTTPException(429)
        return "home"

## How it is found
The key functions and identifiers of slowapi and fastapi-limiter, and functions of the project named after limits, are searched
for forwarding headers. A function that asks whether the peer is a trusted proxy first is left alone. An attack asks sign-in routes
and one reading route from one address until a 429 comes, and then with invented forwarding headers: it counts when each of these is
answered and the plain request is still refused.

## What it cannot see
Whether a proxy in front overwrites the header; an attack sees no limit above forty requests.

## How to tell the checker
`# fastness: ignore[FN412] the reason` on the line.

## References
OWASP API4:2023, ASVS 15.3.4, CWE-348.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Sent
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.identities import sign_ins, wrong_sign_in
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_HEADER = re.compile(
    r"x-forwarded-for|x-real-ip|x-client-ip|true-client-ip|x-forwarded(?!-proto|-host|-port)|(^| )forwarded( |$)|x-api-client|x-device-id",
    re.IGNORECASE,
)
_TRUST = re.compile(r"trust|proxy_?(ips|hosts|count|hops)|known_prox|client\.host in|is_proxy", re.IGNORECASE)
_NAMED = re.compile(
    r"(rate_?limit|limiter|throttle)_?(key|id|identifier)|(key|identifier)_(for_)?(rate_?)?limit", re.IGNORECASE
)
_TIMES = 40
_REFUSED = 429
_ADDRESS = "198.18.1.1"
_FORWARDING = ("x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip")


class LimitByHeader(Rule):
    """A limit that its caller can reset."""

    id, name, control, severity = "FN412", "limit-by-header", "limits", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API4:2023",), ("15.3.4",), (348,), (6, 7)
    why = "a new header value with each request is a new caller, and the limit never holds"
    fix = "use the peer's address, and let ProxyHeadersMiddleware set it for proxies that you name"

    def read(self, project: Project) -> Iterator[Finding]:
        for function in _keys(project):
            words = project.words(function.scope)
            if _HEADER.search(words) and not _TRUST.search(words):
                yield self.found(
                    function.line,
                    f"{function.short} takes the caller's own header for who they are",
                    subject=function.short,
                    confidence=Confidence.MEDIUM,
                )

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        for route, sent in self._limited(attacker):
            refused = None
            for _ in range(_TIMES):
                refused = await attacker.transmit(sent, address=_ADDRESS)
                if refused.status == _REFUSED:
                    break
            if refused is None or refused.status != _REFUSED:
                continue
            for name in _FORWARDING:
                values = [f"203.0.113.{n}" if name != "forwarded" else f"for=203.0.113.{n}" for n in (7, 8, 9)]
                spoofed = [await attacker.transmit(_with(sent, name, value), address=_ADDRESS) for value in values]
                still = await attacker.transmit(sent, address=_ADDRESS)
                if still.status == _REFUSED and all(answer.status not in {_REFUSED, 0} for answer in spoofed):
                    text = f"{route}: another {name} starts the limit anew"
                    yield self.found(
                        attacker.place(route),
                        text,
                        confidence=Confidence.PROVED,
                        route=route,
                        subject=f"limit by {name}",
                        proof=attacker.proof(text, refused, spoofed[-1]),
                    )
                    break

    def _limited(self, attacker: Attacker) -> Iterator[tuple[Route, Sent]]:
        for operation in sign_ins(attacker) if attacker.writes else ():
            route = next((r for r in attacker.routes if r.path == operation.path and "POST" in r.methods), None)
            if route is not None:
                yield route, wrong_sign_in(operation, None)
        reading = next((r for r in attacker.routes if "GET" in r.methods and "{" not in r.path), None)
        if reading is not None:
            yield reading, attacker.request(reading, "GET")


def _keys(project: Project) -> Iterator[Function]:
    seen: set[int] = set()
    for call in project.calls("Limiter", "RateLimiter", "FastAPILimiter.init", "limit", "shared_limit"):
        argument = call.arg("key_func", "identifier") or (call.arg(0) if call.name.endswith(".Limiter") else None)
        found = project.names.runs(project.names.resolve(call.scope, argument)) if argument is not None else None
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield project.function_of(found)
    for function in project.functions():
        if _NAMED.search(function.short) and id(function.scope) not in seen:
            seen.add(id(function.scope))
            yield function


def _with(sent: Sent, name: str, value: str) -> Sent:
    return Sent(sent.method, sent.path, sent.query, (*sent.headers, (name, value)), sent.body)
