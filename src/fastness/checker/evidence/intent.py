"""What the user declared about the application, in `[tool.fastness.check]`: facts that no source can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Intent:
    """Declarations; empty when nothing was declared."""

    public: Mapping[str, str] = field(default_factory=dict[str, str])
    """Route (`GET /health`, `GET,POST /x`) or glob of a path (`/static/*`), to the reason why it is public."""
    access: frozenset[str] = frozenset()
    """Names of dependencies, decorators or middleware that authenticate: `app.deps.get_user`, or the last part."""
    roles: frozenset[str] = frozenset()
    """Names of dependencies or decorators that ask for a role."""
    limiters: frozenset[str] = frozenset()
    """Names of dependencies, decorators or middleware that limit."""
    gateway: frozenset[str] = frozenset()
    """Catalogue entries that something in front of the application provides: `limits`, `headers`, `body`."""
