"""
## What it looks for
Metrics, detailed health, profilers and consoles that strangers can call.

## Why it matters
They tell how busy the service is, which versions and hosts it uses, and some of them run code.

## Bad
    from fastapi import FastAPI
    from prometheus_client import make_asgi_app

    app = FastAPI()
    app.mount("/metrics", make_asgi_app())

## Good
    from fastapi import FastAPI
    from prometheus_client import start_http_server

    app = FastAPI()
    start_http_server(9100, addr="127.0.0.1")

## How it is found
Mounts and routes named after metrics, profilers and debug pages, and the libraries that add them (prometheus instrumentators,
pyinstrument, debug toolbars), are looked for; those behind a guard or a test for development are left alone.

## What it cannot see
Ports that only the inside reaches.

## How to tell the checker
Declare the route under `public` in `[tool.fastness.check]` with the reason, for instance that a proxy keeps it inside.

## References
OWASP API8:2023, ASVS 13.4.5, CWE-200
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.checker.evidence.model import Application, Route
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.switched import switched_off
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_METRICS = re.compile(r"(^|/)(metrics|prometheus|stats|statistics/internal)/?$", re.IGNORECASE)
_MOUNTED = re.compile(r"(^|/)([\w-]+[-_])?(metrics|prometheus)/?$", re.IGNORECASE)
_POWER = re.compile(
    r"(^|/)(_?_?debug__?|profiler|profiling|pprof|console|heap|threads|actuator|silk|flower|_debug_toolbar)(/|$)",
    re.IGNORECASE,
)


class OpenOperations(Rule):
    """What operators look at, for everybody."""

    id, name, control, severity = "FN703", "open-operations", "docs", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API8:2023",), ("13.4.5",), (200, 489), (10,)
    why = "strangers read load, versions and internals, or run a profiler"
    fix = "serve it on an inner port, or put a guard before it"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls("DebugToolbarMiddleware", "DebuggedApplication", "PyInstrumentProfilerMiddleware"):
            yield self.found(call.place, f"{call.name.rpartition('.')[2]} is added for everybody", subject=call.name)
        for call in project.calls("expose"):
            if "nstrumentator" in project.code(call.scope, call.node) or "nstrumentator" in call.name:
                guarded = call.has("dependencies") or call.spread
                if not guarded:
                    yield self.found(
                        call.place,
                        "metrics are open to everybody",
                        subject="instrumentator",
                        severity=Severity.LOW,
                        persona=Persona.PEDANTIC,
                    )

    def inspect(self, application: Application) -> Iterator[Finding]:
        for route in application.routes:
            metrics = bool((_MOUNTED if route.kind == "mount" else _METRICS).search(route.path))
            power = bool(_POWER.search(route.path)) and not route.writes
            if (metrics or power) and _open(route):
                yield self.found(
                    route.place,
                    f"{route} is open to everybody",
                    route=route,
                    subject=route.path,
                    severity=Severity.HIGH if power else Severity.LOW,
                    confidence=Confidence.MEDIUM,
                    persona=Persona.REGULAR if power or route.kind == "mount" else Persona.PEDANTIC,
                )


def _open(route: Route) -> bool:
    if route.public is not None or route.development:
        return False
    return not any(g.duty in {"access", "role", "signature"} for g in route.guards) and not switched_off(route)
