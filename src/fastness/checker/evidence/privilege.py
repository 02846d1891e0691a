"""What gives power: the fields of an account that its holder must not set, and the routes that only few may call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastness.checker.evidence.model import Route
from fastness.checker.evidence.records import records

if TYPE_CHECKING:
    from fastness.checker.evidence.classes import Model
    from fastness.checker.evidence.project import Project

POWER = re.compile(
    r"^(is_?)?(admin|superuser|super_user|superadmin|staff|moderator|root|owner|verified|email_verified|phone_verified|approved|premium|active|disabled|banned)$"
    r"|^(role|roles|role_id|role_name|role_ids|user_role|user_type|permission|permissions|privileges|groups|scopes|access_level|account_type"
    r"|balance|credits?|wallet|hashed_password|password_hash|kyc_status|credit_limit|isAdmin|isVerified|isActive|isSuperuser)$"
    r"|^(is_|has_)(admin|superuser|staff)\w*$"
)  # fmt: skip
_ACCOUNT = re.compile(
    r"user|account|member|customer|profile|person|people|regist|sign_?up|employee|student|patient", re.IGNORECASE
)
_KNOWN_BY = frozenset({"email", "username", "user_name", "password", "phone", "login", "full_name", "first_name"})
_WHOSE = re.compile(r"^(user|account|member|target|employee)_?(id|uuid|email|name)?$", re.IGNORECASE)
_ROLE = re.compile(
    r"^(role|roles|user_role|is_admin|is_superuser|is_staff|is_super_user|admin|superuser|permissions?|user_type|isAdmin)$"
)
_KEYS = re.compile(r"[\[(]\s*['\"](\w+)['\"]\s*[\]),]|['\"](\w+)['\"]\s*:|\.(is_\w+|roles?)\b")
_ADMIN = re.compile(
    r"(^|[/_.-])(admins?|administrators?|administration|superusers?|super-?admin|backoffice|back-office|staff-only)([/_.-]|$)",
    re.IGNORECASE,
)


def about_account(model: Model, route: Route) -> bool:
    """Whether a request's model describes somebody's account, by its fields or by what it and its route are called."""
    names = {f.name.lower() for f in model.fields} & _KNOWN_BY
    if len(names) > 1 or _ACCOUNT.search(model.short):
        return True
    path = re.sub(r"\{[^}]*\}", "", route.path)
    of_somebody = bool(names) or any(_WHOSE.match(f.name) for f in model.fields)
    return of_somebody and (_ACCOUNT.search(path) is not None or not {"me", "self", "my"}.isdisjoint(path.split("/")))


def roles_known(project: Project) -> bool:
    """Whether accounts or claims of the project have a role or a flag of power; `project.once(roles_known)`."""
    if any(_ROLE.match(name) for record in records(project) for name, _, _ in record.columns()):
        return True
    return any(
        _ROLE.match(word) for module in project.modules_of() for pair in _KEYS.findall(module.text) for word in pair
    )


def administrative(route: Route) -> str:
    """The word that says that a route is for administrators: in its path, its tags or its handler's name."""
    path = re.sub(r"\{[^}]*\}", "", route.path)
    for text in (path, *sorted(route.tags), re.sub(r"(?<=[a-z])(?=[A-Z])", "_", route.name.rpartition(".")[2])):
        found = _ADMIN.search(text)
        if found:
            return found[2]
    return ""
