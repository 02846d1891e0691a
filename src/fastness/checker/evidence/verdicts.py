"""What a function does about identity together with everything it depends on and calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.depending import Dependency, Depending
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Guard
from fastness.checker.evidence.nature import Nature, Natures
from fastness.checker.evidence.spelling import short
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

DEEP = 6
AUTH = re.compile(
    r"current_?(active_?)?(verified_?)?(super_?)?user|(^|[._])(require|get|verify|check|validate)_?\w*(auth|login|token|jwt|user|api_?key|session|identity|principal)"
    r"|login_required|jwt_required|(^|[._])(is_)?authenticat|(^|[._])auth(enticated|orize[dr]?|_required|_user|_guard)?$|protected$|azure_scheme|(^|[._])requires?$",
    re.IGNORECASE,
)
ROLES = re.compile(
    r"super_?user|admin|staff|role|permission|scope|policy|privilege|rbac|acl($|_)|can_[a-z]|moderator", re.IGNORECASE
)
LIMITS = re.compile(r"rate_?limit|throttl|limiter|shared_limit|(^|[._])limit$", re.IGNORECASE)
SIGNED = re.compile(
    r"construct_event|verify_(signature|webhook|hmac|payload)|compare_digest|unsign|RequestValidator|Webhook\(?\)?\.verify",
    re.IGNORECASE,
)
OPEN = re.compile(r"optional|anonymous|maybe|or_none", re.IGNORECASE)
_READY_USER = re.compile(r"\.(Current|Authenticated|LoggedIn|Signed)\w*(User|Account|Principal|Identity)(Dep)?$")
_OWN = re.compile(r"(^|\.)(CurrentUser|OptionalUser|require|user|Authenticated|current_user)$")


CALLER = re.compile(
    r"^(get_|require_|load_)?(current|authenticated|logged_in|signed_in)_(active_|verified_)?(user|account|principal|identity|member|admin|superuser|subject)",
    re.IGNORECASE,
)
"""Names of functions that say who is asking."""

_ROLE_ASKED = re.compile(r"\b(roles?|permissions?|scopes?)=")
_FRESH = re.compile(r"\b(fresh|mfa)=")
"""How lately or how well somebody signed in, which is no role."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a function and all that it depends on does."""

    credential: str = ""
    stops: bool = False
    optional: bool = False
    role: str = ""
    limits: str = ""
    signature: bool = False


_STORES = re.compile(
    r"(^|[._])(db|databases?|orm|sqlalchemy|sqlmodel)([_.][\w.]*)?\.(get|make|create|open)?_?(async|db|sync)?_?session\w*$"
)
"""The session of a database, by the module that it comes from; that of a caller is another."""


class Verdicts:
    """Judges functions and dependencies, each once."""

    def __init__(self, project: Project, depending: Depending) -> None:
        self._project = project
        self._depending = depending
        self.natures = Natures(project)
        self._known: dict[int, Verdict] = {}

    def of(self, function: Function, deep: int = 0) -> Verdict:
        """What a function does together with its dependencies and the functions it calls."""
        key = id(function.scope)
        if key in self._known:
            return self._known[key]
        self._known[key] = Verdict()
        if deep <= DEEP:
            self._known[key] = self._judged(function, deep)
        return self._known[key]

    def _judged(self, function: Function, deep: int) -> Verdict:
        nature = self.natures.of(function)
        subs = list(self._subs(function, deep))
        helpers = [self.of(h, deep + 1) for h in self._helpers(function)]
        natures = [self.natures.of(h) for h in self._helpers(function)]
        credential = nature.credential or next((v.credential for v in (*subs, *helpers) if v.credential), "")
        if (
            not credential
            and self._project.flow.is_dependency(function.scope)
            and (nature.asks or any(n.asks for n in natures))
        ):
            credential = "it answers 401"
        refuses = nature.refuses or nature.decodes or any(n.refuses or n.decodes for n in natures)
        stops = any(v.stops for v in subs) or (bool(credential) and self._stops(nature, helpers, refuses=refuses))
        if not credential and nature.denies and CALLER.search(function.short):
            # Where the credential comes from is decided at run time; what it is for is in the name, and it refuses.
            credential, stops = f"{function.short} refuses", not nature.lenient
        if not credential and stops:
            credential = "sub-dependency"
        role = nature.role if nature.refuses or nature.denies else ""
        role = role or next((v.role for v in (*subs, *helpers) if v.role), "")
        limits = nature.limits or next((v.limits for v in (*subs, *helpers) if v.limits), "")
        signed = any(SIGNED.search(c.name) for c in function.calls()) and refuses
        return Verdict(credential, stops, bool(credential) and not stops, role, limits, signed)

    @staticmethod
    def _stops(nature: Nature, helpers: list[Verdict], *, refuses: bool) -> bool:
        if nature.lenient:
            return False
        return refuses or any(h.stops for h in helpers)

    def _subs(self, function: Function, deep: int) -> Iterator[Verdict]:
        for sub in self._depending.of(function):
            for inner in sub.functions:
                yield self.of(inner, deep + 1)
            for guard in self.outside(sub, "dependency"):
                if guard.duty == "access":
                    yield Verdict(credential=short(sub.name), stops=not guard.optional, optional=guard.optional)

    @staticmethod
    def _helpers(function: Function) -> list[Function]:
        found: dict[int, Function] = {}
        for call in function.calls():
            target = call.target
            if target is not None and target.scope is not function.scope and target.short != "__init__":
                found[id(target.scope)] = target
        return list(found.values())[:20]

    def outside(self, dependency: Dependency, how: str) -> Iterator[Guard]:
        """Dependencies whose code is not in the project: known packages, or names that leave no doubt."""
        where = self._project.place(dependency.scope, dependency.call) if dependency.call is not None else None
        text = " ".join(written(a) for _, a in dependency.arguments)
        call = written(dependency.call) if dependency.call is not None else ""
        for name in dependency.names:
            if LIMITS.search(name):
                yield Guard("limits", how, where)
            if dependency.functions or self.owned(name) or _STORES.search(name):
                continue
            fastness = name.startswith("fastness.") and _OWN.search(name) is not None
            if fastness or ((AUTH.search(name) or _READY_USER.search(name)) and not self._is_scheme(name)):
                optional = "optional=True" in call or OPEN.search(name) is not None
                yield Guard("access", f"{how}, outside the project", where, optional=optional)
                named = "superuser=True" in call or _ROLE_ASKED.search(call) is not None
                if named or ROLES.search(name) or (fastness and text and _FRESH.search(call) is None):
                    yield Guard("role", how, where)

    def owned(self, name: str) -> bool:
        """Whether the name is a function or class of the project, whose code was judged already."""
        return name in self._project.defined

    @staticmethod
    def _is_scheme(name: str) -> bool:
        return re.search(r"scheme|bearer|HTTPBasic|APIKey|OAuth2", name) is not None and "azure" not in name
