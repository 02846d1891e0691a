"""
## What it looks for
`TrustedHostMiddleware` that allows every host, or an application that has none and builds absolute addresses from the request.

## Why it matters
The `Host` header is the client's. A reset link built from it points to the attacker, and a cache stores the wrong page.

## Bad
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*"])

## Good
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = FastAPI()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["api.example.com"])

## How it is found
The middleware's hosts are followed through settings; so are `request.base_url`, `request.url_for` and the Host header into mails
and redirects, where an application has no such middleware.

## What it cannot see
Proxies that refuse other hosts; declare them as a gateway duty.

## How to tell the checker
`gateway = { hosts = "nginx server_name" }` in `[tool.fastness.check]`.

## References
OWASP API8:2023, ASVS 13.2.4, CWE-644
"""

from __future__ import annotations

from collections.abc import Iterator

from fastness.checker.evidence.model import Application
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule


class AnyHost(Rule):
    """Whatever the client says, the application calls itself."""

    id, name, control, severity = "FN609", "any-host", "hosts", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.2.4",), (644,), (7,)
    why = "links in mails and caches point where the client's Host header says"
    fix = 'app.add_middleware(TrustedHostMiddleware, allowed_hosts=["api.example.com"])'

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("TrustedHostMiddleware"):
            if isinstance(
                project.names.resolve(call.scope, call.node.args[0] if call.skipped else call.node.func), Scope
            ):
                continue  # a class of the project's own, which knows its hosts
            hosts = call.value("allowed_hosts", 0)
            default = hosts.configured or any(item.configured for item in hosts.items)
            if not call.has("allowed_hosts", 0) or "*" in hosts:
                yield self.found(
                    call.place,
                    f"every host is allowed{' by default' if default else ''}",
                    subject="allowed_hosts",
                    confidence=Confidence.MEDIUM if default else Confidence.HIGH,
                    persona=Persona.PEDANTIC if default else Persona.REGULAR,
                )

    def inspect(self, application: Application) -> Iterator[Finding]:
        if application.parent is not None or "hosts" in application.controls or not application.routes:
            return
        if any(m.name.endswith("TrustedHostMiddleware") for m in application.middleware):
            return
        yield self.found(
            application.place,
            f"{application.name} answers under every host name",
            subject=application.name,
            severity=Severity.LOW,
            confidence=Confidence.MEDIUM,
            persona=Persona.AUDITOR,
        )
