r"""
## What it looks for
A pattern of allowed origins (`allow_origin_regex`) that a stranger's origin matches too: dots that are not escaped, hosts without
their border, `.*` where a name was meant.

## Why it matters
The attacker registers the name that slips through, and their page reads the answers of the API as the user.

## Bad
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origin_regex=r"https://.*example\.com", allow_credentials=True)

## Good
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origin_regex=r"https://([a-z0-9-]+\.)?example\.com", allow_credentials=True)

## How it is found
The pattern is tried as Starlette tries it (the whole origin must match) on origins of strangers made from the pattern's own hosts:
`https://evil-example.com`, `https://example.com.evil.example`, `https://wwwxexample.com`. Patterns of loopback addresses alone count
less, for they are meant for development.

## What it cannot see
Patterns that are put together when the program runs.

## How to tell the checker
`# fastness: ignore[FN603] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 3.4.2, CWE-942 and 625
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]|\\?\.(?=[A-Za-z0-9]))*")
_LOCAL = re.compile(r"localhost|127|0\.0\.0\.0|host\.docker")
_LONGEST = 500
"""Characters of a pattern that is tried."""
_NESTED = re.compile(r"\([^()]*[+*][^()]*\)[+*]")
"""What could take very long to try."""


class LooseOriginPattern(Rule):
    """A pattern that lets strangers in."""

    id, name, control, severity = "FN603", "loose-origin-pattern", "cors", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.4.2",), (942, 625), (6,)
    why = "whoever registers a name that matches reads the API with the user's cookies"
    fix = "escape the dots and end at the border of the host: https://([a-z0-9-]+\\.)?example\\.com"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("CORSMiddleware"):
            pattern = call.value("allow_origin_regex").text
            if not pattern or len(pattern) > _LONGEST or _NESTED.search(pattern):
                continue
            stranger = slipping(pattern)
            if stranger:
                yield self._found(call, pattern, stranger)

    def _found(self, call: Call, pattern: str, stranger: str) -> Finding:
        local = all(_LOCAL.search(host) for host in hosts(pattern)) and bool(hosts(pattern))
        credentials = any(choice.constant is True for choice in call.value("allow_credentials").choices())
        return self.found(
            call.place,
            f"the origin {stranger} matches the pattern too",
            subject=pattern,
            severity=Severity.HIGH if credentials else Severity.MEDIUM,
            confidence=Confidence.HIGH if credentials else Confidence.MEDIUM,
            persona=Persona.REGULAR if credentials or not local else Persona.PEDANTIC,
        )


def slipping(pattern: str) -> str:
    """An origin of a stranger that the pattern matches, or nothing."""
    if pattern in {".*", "^.*$", ".+", "^.+$", ""}:
        return ""  # everybody on purpose: FN601 asks whether with credentials
    try:
        compiled = re.compile(pattern)
    except re.error:
        return ""
    for host in hosts(pattern):
        for origin in strangers(host):
            if compiled.fullmatch(origin):
                return origin
    everybody = ("https://evil.example", "http://evil.example", "null")
    return next((origin for origin in everybody if compiled.fullmatch(origin)), "")


def hosts(pattern: str) -> list[str]:
    """The host names that a pattern writes out."""
    text = re.sub(r"\[[^\]]*\]|\\[dwsDWSbB]|https?\??|\{[\d,]*\}", " ", pattern).replace("\\.", ".").replace("\\", "")
    found = [m[0].strip(".-") for m in _HOST.finditer(text)]
    return [h for h in found if "." in h or _LOCAL.search(h)]


def strangers(host: str) -> Iterator[str]:
    """Origins that look like `host` and are somebody else's."""
    for scheme in ("https", "http"):
        yield f"{scheme}://evil{host}"
        yield f"{scheme}://evil-{host}"
        yield f"{scheme}://{host}.evil.example"
        yield f"{scheme}://{host}:443.evil.example"
        yield f"{scheme}://{host}evil.example"
        for at in (m.start() for m in re.finditer(r"\.", host)):
            other = f"{host[:at]}x{host[at + 1 :]}"
            yield f"{scheme}://{other}"
            yield f"{scheme}://www.{other}"
            yield f"{scheme}://www{'x'}{host}" if at == host.index(".") else f"{scheme}://{other}"
