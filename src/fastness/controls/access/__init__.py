"""Who may do what: the caller as a dependency, requirements on role, permission and freshness, deny by default."""

from __future__ import annotations

from fastness.controls.access.authentication import Authentication, Authenticator
from fastness.controls.access.people import PeopleOnly, PersonRequired
from fastness.controls.access.require import (
    CurrentUser,
    OptionalCaller,
    OptionalUser,
    Require,
    current_user,
    optional_user,
    require,
)

__all__ = [
    "Authentication",
    "Authenticator",
    "CurrentUser",
    "OptionalCaller",
    "OptionalUser",
    "PeopleOnly",
    "PersonRequired",
    "Require",
    "current_user",
    "optional_user",
    "require",
]
