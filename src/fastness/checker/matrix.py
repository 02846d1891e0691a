"""Route by access: who may call what, as a table and as a lock file whose diff a reviewer reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fastness.checker.evidence.model import Application, Duty, Guard, Route

Access = Literal["guarded", "optional", "public", "unknown"]
DUTIES: tuple[Duty, ...] = ("access", "role", "owner", "limits", "csrf", "signature")
"""The columns. `signature` is a webhook's or capability token's proof."""
HEAD = (
    "# Who may call which route. Made by `fastness routes --lock`; a change of this file is a change of access.\n"
    "# route | access | role | owner | limits | csrf | signature\n"
)
_PROVES: tuple[Duty, ...] = ("access", "role", "owner", "signature")


@dataclass(frozen=True, slots=True)
class Row:
    """One route and how each duty is done; an empty cell means that nothing does it."""

    application: str
    route: Route
    access: Access
    cells: tuple[str, ...]
    """One for each of DUTIES."""

    @property
    def line(self) -> str:
        """The row in a lock file: no line numbers, which change without a change of access."""
        first = self.cells[0] or self.access
        if self.access == "public":
            first = f"public: {self.route.public}"
        elif self.access == "optional":
            first = f"optional: {first}"
        return f"{self.route} | " + " | ".join((first, *(cell or "-" for cell in self.cells[1:])))


def rows(applications: Iterable[Application]) -> tuple[Row, ...]:
    """Every route of every application, sorted as a reader looks for it: application, path, methods."""
    found = [
        Row(app.name, route, access(route, app), tuple(_cell(route, app, duty) for duty in DUTIES))
        for app in applications
        for route in app.routes
    ]
    return tuple(sorted(found, key=lambda row: (row.application, row.route.path, sorted(row.route.methods))))


def access(route: Route, application: Application) -> Access:
    """Whether strangers are stopped; `unknown` where neither a guard nor a declaration was seen."""
    if route.public is not None:
        return "public"  # a declaration says what is meant; a role that is tested inside does not close the route
    if any(route.guarded(duty) for duty in _PROVES):
        return "guarded"
    if any(guard.duty == "access" for guard in route.guards):
        return "optional"
    return "guarded" if "access" in application.controls else "unknown"


def lock(applications: Iterable[Application]) -> str:
    """The lock file: one line for each route, under a heading for each application."""
    parts, last = [HEAD], ""
    for row in rows(applications):
        if row.application != last:
            parts.append(f"\n[{row.application}]\n")
            last = row.application
        parts.append(f"{row.line}\n")
    return "".join(parts)


def _cell(route: Route, app: Application, duty: str) -> str:
    names = dict.fromkeys(_said(guard) for guard in route.guards if guard.duty == duty)
    if not names and duty in app.controls and not (duty == "access" and route.public is not None):
        return "whole application"
    return ", ".join(names)


def _said(guard: Guard) -> str:
    return guard.how.replace("|", "/")
