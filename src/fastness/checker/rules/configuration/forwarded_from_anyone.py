"""
## What it looks for
Forwarding headers (`X-Forwarded-For`, `-Proto`, `-Host`) that are believed whoever sends them: `--forwarded-allow-ips="*"`,
`ProxyHeadersMiddleware` with `trusted_hosts="*"`, `FORWARDED_ALLOW_IPS=*`.

## Why it matters
The client chooses its own address: limits by address, allow lists and logs follow what it says.

## Bad
    from fastapi import FastAPI
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    app = FastAPI()
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts="*")

## Good
    from fastapi import FastAPI
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    app = FastAPI()
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=["10.0.0.5"])

## How it is found
Calls of the middleware and of `uvicorn.run`, Dockerfiles, compose and environment files are read.

## What it cannot see
Whether the port can be reached without the proxy. In a container that only the proxy reaches this is fine: say so.

## How to tell the checker
`gateway = { proxies = "only nginx reaches the port" }` in `[tool.fastness.check]`.

## References
OWASP API8:2023, ASVS 15.3.4, CWE-348
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.project import Project
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_OPTION = r"--forwarded-allow-ips[=\s\"',]+\*"
_NEAR = re.compile(r"^(unix:|127\.|localhost|\[::1\])")


class ForwardedFromAnyone(Rule):
    """A proxy's word, taken from anybody."""

    id, name, control, severity = "FN707", "forwarded-from-anyone", "proxies", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("15.3.4",), (348,), ()
    why = "clients choose the address that limits, allow lists and logs see"
    fix = "name the proxy: --forwarded-allow-ips=10.0.0.5, or trusted_hosts=['10.0.0.5']"

    def read(self, project: Project) -> Iterator[Finding]:
        if "proxies" in project.intent.gateway:
            return
        for call in project.calls("ProxyHeadersMiddleware"):
            if "*" in call.value("trusted_hosts", 0):
                yield self.found(call.place, "every client may speak for the proxy", subject="trusted_hosts")
        for call in project.calls("uvicorn.run", "uvicorn.Config"):
            near = call.value("host").text in {"127.0.0.1", "localhost", "::1"} or call.has("uds")
            if call.value("forwarded_allow_ips").text == "*" and not near:
                yield self.found(call.place, "every client may speak for the proxy", subject="forwarded_allow_ips")
        yield from self._gunicorn(project)
        yield from self._files(project)

    def _gunicorn(self, project: Project) -> Iterator[Finding]:
        """The settings of gunicorn are a Python file: `gunicorn.conf.py`."""
        for scope, assignment in project.assignments(r"^forwarded_allow_ips$"):
            module = project.names.module(scope)
            if scope.kind != "module" or "gunicorn" not in module.path.rpartition("/")[2].lower():
                continue
            bound = [project.value(scope, a.value) for a in scope.assigned.get("bind", [])]
            near = any(_NEAR.match(v.text) for value in bound for v in (value, *value.items))
            if project.value(scope, assignment.value).text == "*" and not near:
                yield self.found(
                    project.place(scope, assignment.node),
                    "every client may speak for the proxy",
                    subject="forwarded_allow_ips",
                    confidence=Confidence.MEDIUM,
                )

    def _files(self, project: Project) -> Iterator[Finding]:
        files = project.files
        for path in (*files.dockerfiles(), *files.composes(), *files.named(r".*\.sh|procfile")):
            for place, _ in files.lines(path, _OPTION):
                # In a container the port is often the proxy's alone; nobody can see that from here.
                yield self.found(
                    place,
                    "every client that reaches the port may speak for the proxy",
                    subject=path,
                    confidence=Confidence.LOW,
                    persona=Persona.PEDANTIC,
                )
        for setting in files.environment():
            if setting.name == "FORWARDED_ALLOW_IPS" and setting.value == "*":
                yield self.found(
                    setting.place,
                    "every client may speak for the proxy",
                    subject=setting.name,
                    confidence=Confidence.MEDIUM,
                    persona=Persona.PEDANTIC if setting.example else Persona.REGULAR,
                )
