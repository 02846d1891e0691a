"""One run with a bit of everything, for the tests of reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fastness.checker.evidence.model import Application, Guard, Route
from fastness.checker.finding import Confidence, Finding, Fix, Lens, Place, Proof, Severity
from fastness.checker.outcome import Audit, Loading, Outcome, Silenced, Skipped
from fastness.checker.rule import Rule

MAIN = """from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI(title="<Shop & Co>")
app.add_middleware(
    CORSMiddleware,
    allow_origins=["*"], allow_credentials=True,
)


@app.post("/orders/{order_id}")
def change(order_id: int):
    return order_id


@app.get("/health")
def health():
    return "ok"


@app.get("/me")
def me(user: CurrentUser):
    return user
"""


class AnyOrigin(Rule):
    """A sample."""

    id, name, control, severity = "FN601", "cors-any-origin", "cors", Severity.HIGH
    owasp, asvs, cwe, guide = ("API8:2023",), ("3.4.2",), (942,), (6,)
    why = "any site can call this API with the visitor's cookies"


class OpenRoute(Rule):
    """A sample."""

    id, name, control, severity = "FN101", "route-without-authentication", "access", Severity.HIGH
    owasp, asvs, cwe = ("API2:2023",), ("8.3.1",), (306,)
    why = "a stranger changes data"


class ShortPassword(Rule):
    """A sample whose rule finds nothing."""

    id, name, control, severity = "FN134", "weak-password-policy", "passwords", Severity.MEDIUM
    asvs = ("6.2.1",)


CORS = AnyOrigin().found(
    Place("app/main.py", 7, 7, 5),
    "every origin is allowed, with credentials",
    fix='allow_origins=["https://app.example.com"]',
    fixes=[Fix("app/main.py", 7, 20, '"*"', '"https://app.example.com"')],
)
OPEN = OpenRoute().found(
    Place("app/main.py", 11, 13),
    "nobody asks who changes an order: <script>alert(1)</script>",
    confidence=Confidence.PROVED,
    severity=Severity.CRITICAL,
    proof=Proof("attack", "a stranger was answered 200", "POST /orders/1 HTTP/1.1", "200 OK\n\n1"),
)
LOW = replace(CORS, rule="FN402", name="unbounded-text", message="title | text has no maximum", severity=Severity.LOW,
              confidence=Confidence.LOW, place=Place("app/other, file.py", 3), fixes=())  # fmt: skip


def place(line: int) -> Place:
    return Place("app/main.py", line)


APP = Application(
    "app.main:app",
    place(4),
    routes=(
        Route("/orders/{order_id}", frozenset({"POST"}), "http", "app.main.change", place(11)),
        Route("/health", frozenset({"GET"}), "http", "app.main.health", place(16), public="the load balancer asks"),
        Route("/me", frozenset({"GET"}), "http", "app.main.me", place(21),
              guards=(Guard("access", "dependency current_user"), Guard("limits", "5/minute by user"))),
    ),
    total=3,
)  # fmt: skip


def outcome(root: Path = Path(), *findings: Finding, **changes: Any) -> Outcome:
    lenses: frozenset[Lens] = frozenset({"read", "inspect", "attack", "audit"})
    run = Outcome(
        root,
        findings=findings or (OPEN, CORS, LOW),
        silenced=(Silenced(replace(CORS, place=Place("app/admin.py", 2)), "comment", "behind the VPN"),),
        applications=(APP,),
        files=2,
        lines=25,
        skipped=(Skipped("app/broken.py", "not Python that this release can read"),),
        loading=Loading(asked=True, done=True, text="loaded with FastAPI 0.165.0"),
        audit=Audit("built-in table of 2026-11-23", complete=False, packages=12),
        rules=(OpenRoute, ShortPassword, AnyOrigin),
        lenses=lenses,
        seconds=0.84,
    )
    return replace(run, **changes)


def written(folder: Path) -> Path:
    """The application of the sample as files."""
    (folder / "app").mkdir(parents=True, exist_ok=True)
    (folder / "app" / "main.py").write_text(MAIN)
    return folder
