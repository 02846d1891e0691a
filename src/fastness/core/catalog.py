"""The catalogue of controls, read from `catalog.toml`.

It joins the faces of the project: a control says with `provides()` which entry it provides, a checker rule says which
entry it verifies, and the checklist and the OWASP and ASVS tables are printed from here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

GUIDE_LINES: Mapping[int, str] = {
    1: "OAuth2PasswordBearer with JWT and bcrypt (rounds >= 12)",
    2: "Role-based authorization dependency on admin routes",
    3: "Pydantic models with Field constraints on all inputs",
    4: "Query() constraints on all query parameters",
    5: "SQLAlchemy ORM or text() with bound parameters: no f-strings in SQL",
    6: "CORS configured with explicit origin allowlist, no wildcard with credentials",
    7: "Rate limiting on auth endpoints and expensive operations",
    8: "SecurityHeadersMiddleware applied",
    9: "pydantic_settings for type-validated environment variables",
    10: "Global exception handler returns generic 500 messages",
    11: "pip-audit or safety check in CI pipeline",
}
"""The guide's "Security Checklist", line by line, in its own words."""

API_TOP_10: Mapping[int, str] = {
    1: "Broken Object Level Authorization",
    2: "Broken Authentication",
    3: "Broken Object Property Level Authorization",
    4: "Unrestricted Resource Consumption",
    5: "Broken Function Level Authorization",
    6: "Unrestricted Access to Sensitive Business Flows",
    7: "Server Side Request Forgery",
    8: "Security Misconfiguration",
    9: "Improper Inventory Management",
    10: "Unsafe Consumption of APIs",
}
"""The OWASP API Security Top 10, edition 2023."""


@dataclass(frozen=True, slots=True)
class Control:
    """One entry of the catalogue. The head of `catalog.toml` says what each field means."""

    id: str
    title: str
    does: str
    guide: tuple[int, ...]
    api_top10: tuple[int, ...]
    asvs: tuple[str, ...]
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    since: str
    reason: str = ""
    tools: tuple[str, ...] = ()

    @property
    def planned(self) -> bool:
        """True while no release has this control."""
        return self.since == "planned"

    @property
    def page(self) -> str:
        """Where its documentation stands, from the root of the repository."""
        return f"docs/controls/{self.id}.md"

    @property
    def owasp(self) -> tuple[str, ...]:
        """The OWASP ids as people write them: `API2:2023`."""
        return tuple(f"API{number}:2023" for number in self.api_top10)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every control, in the order in which documents list them."""

    controls: tuple[Control, ...]

    def __iter__(self) -> Iterator[Control]:
        return iter(self.controls)

    def __contains__(self, identifier: object) -> bool:
        return any(control.id == identifier for control in self.controls)

    def __getitem__(self, identifier: str) -> Control:
        """The control of this id.

        Raises:
            KeyError: when there is none.
        """
        for control in self.controls:
            if control.id == identifier:
                return control
        raise KeyError(identifier)

    def installed(self) -> tuple[Control, ...]:
        """The controls that this release has."""
        return tuple(control for control in self.controls if not control.planned)

    def guide_line(self, line: int) -> tuple[Control, ...]:
        """The controls that answer one line of the guide's checklist."""
        return tuple(control for control in self.controls if line in control.guide)


@cache
def load() -> Catalogue:
    """The catalogue that this release was built with, read once.

    Raises:
        ValueError: when the file is of another schema or names a control twice.
    """
    document = tomllib.loads(files("fastness.core").joinpath("catalog.toml").read_text(encoding="utf-8"))
    if document["schema"] != 1:
        raise ValueError(f"catalog.toml has schema {document['schema']}, this release reads 1")
    controls = tuple(_control(entry) for entry in document["control"])
    ids = [control.id for control in controls]
    if len(set(ids)) != len(ids):
        raise ValueError("catalog.toml names a control twice")
    return Catalogue(controls)


def _control(entry: Mapping[str, Any]) -> Control:
    unknown = entry.keys() - Control.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"catalog.toml: {entry['id']} has unknown keys {sorted(unknown)}")
    return Control(
        id=entry["id"],
        title=entry["title"],
        does=entry["does"],
        guide=tuple(entry["guide"]),
        api_top10=tuple(entry["api_top10"]),
        asvs=tuple(entry["asvs"]),
        modules=tuple(entry["modules"]),
        packages=tuple(entry["packages"]),
        since=entry["since"],
        reason=entry.get("reason", ""),
        tools=tuple(entry.get("tools", ())),
    )
