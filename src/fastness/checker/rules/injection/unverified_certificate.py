"""
## What it looks for
A call of another service, a mail server or a database that does not check the certificate.

## Why it matters
Whoever sits on the way reads and changes what is sent: tokens, passwords, answers.

## Bad
    import httpx
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/rate")
    async def rate() -> float:
        async with httpx.AsyncClient(verify=False) as client:
            return (await client.get("https://rates.example.com/")).json()["rate"]

## Good
    import httpx
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/rate")
    async def rate() -> float:
        async with httpx.AsyncClient(verify="/etc/ssl/internal-ca.pem") as client:
            return (await client.get("https://rates.example.com/")).json()["rate"]

## How it is found
`verify=False` of requests and httpx, `ssl=False` of aiohttp, `cert_reqs` with none, `ssl._create_unverified_context`,
`check_hostname = False`; constants and settings that are off by default are followed. Tests are not looked at.

## What it cannot see
Clients that a library makes.

## How to tell the checker
`# fastness: ignore[FN317] the reason` on the line of the call.

## References
OWASP API8:2023, ASVS 12.3.2, CWE-295.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Assignment, Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_CLIENTS = re.compile(
    r"^(requests|httpx2?|aiohttp|urllib3|niquests|curl_cffi|hvac|boto3|elasticsearch|opensearchpy|minio)\b"
)
_CALLS = (
    "get", "post", "put", "patch", "delete", "head", "request", "stream", "Client", "AsyncClient", "Session", "ClientSession",
    "TCPConnector", "PoolManager", "AsyncHTTPTransport", "HTTPTransport", "ws_connect",
)  # fmt: skip
_OPT_OUT = re.compile(
    r"insecure|ignore\w*(cert|ssl|tls)|skip\w*(verif|cert|ssl|tls)|not \S*verif\w*|no_verif|disable\w*(verif|ssl|tls|cert)",
    re.IGNORECASE,
)
_KEYS = ("verify", "ssl", "verify_ssl", "verify_certs")


class UnverifiedCertificate(Rule):
    """TLS without a check."""

    id, name, control, severity = "FN317", "unverified-certificate", "outbound", Severity.HIGH
    owasp, asvs, cwe = ("API8:2023",), ("12.3.2",), (295,)
    why = "whoever sits on the way reads and changes what is sent"
    fix = "leave the check on; give an internal CA as verify='/path/ca.pem'"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(*_CALLS):
            if not any(k.arg in _KEYS for k in call.node.keywords):
                continue
            for key in _KEYS:
                value = call.value(key) if call.has(key) else None
                if value is not None and value.constant is False and (call.target is None or _CLIENTS.match(call.name)):
                    if not value.configured and _asked_for(call.scope, call.node):
                        continue
                    yield self.found(
                        call.place,
                        f"{key}={'False' if not value.configured else value.variable + ', off by default'}: nobody checks who answers",
                        subject=call.code,
                        confidence=Confidence.MEDIUM if value.configured else Confidence.HIGH,
                    )
        for call in project.calls("ssl._create_unverified_context"):
            if _asked_for(call.scope, call.node):
                continue
            yield self.found(call.place, "this TLS context checks nothing", subject=call.code)
        seen: set[int] = set()
        for scope, assignment in project.assignments(r"\.(check_hostname|verify_mode)$"):
            text = written(assignment.value) if assignment.value is not None else ""
            if (
                id(scope) not in seen
                and (text == "False" or text.endswith("CERT_NONE"))
                and not _chosen(scope, assignment)
            ):
                seen.add(id(scope))
                yield self.found(
                    project.place(scope, assignment.node),
                    f"{assignment.name} is off: nobody checks who answers",
                    subject=f"{scope.short} {assignment.name}",
                )


def _chosen(scope: Scope, assignment: Assignment) -> bool:
    """Whether it is one of several modes: checked again in the same function, or off only where somebody asks for that."""
    for name in (assignment.name, f"{assignment.name.rpartition('.')[0]}.verify_mode"):
        for other in scope.assigned.get(name, []):
            text = written(other.value) if other.value is not None else ""
            if text == "True" or text.endswith(("CERT_REQUIRED", "CERT_OPTIONAL")):
                return True
    return _asked_for(scope, assignment.node)


def _asked_for(scope: Scope, node: ast.AST) -> bool:
    """Whether it happens only where somebody asks for it by name, or makes something that is called insecure."""
    for kind in (ast.If, ast.IfExp):
        for branch in scope.nodes.get(kind, ()):
            if not isinstance(branch, (ast.If, ast.IfExp)):
                continue
            body = branch.body if isinstance(branch.body, list) else [branch.body]
            orelse = branch.orelse if isinstance(branch.orelse, list) else [branch.orelse]
            test = written(branch.test)
            if _within(body, node) and _OPT_OUT.search(test):
                return True
            if _within(orelse, node) and re.search(r"verif|secure", test, re.IGNORECASE) and not _OPT_OUT.search(test):
                return True
    return any(
        re.search(r"insecure|unverified|no_?verify", name, re.IGNORECASE) is not None
        and any(a.value is not None and _within([a.value], node) for a in assignments)
        for name, assignments in scope.assigned.items()
    )


def _within(parts: Sequence[ast.AST], node: ast.AST) -> bool:
    return any(inner is node for part in parts for inner in walk(part))
