"""What a route is for, where that decides whether strangers may call it: judged by what it takes and does, then by its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

Purpose = Literal[
    "login", "register", "logout", "refresh", "forgot", "reset", "verify", "oauth", "webhook", "health", "landing", "docs",
]  # fmt: skip
PUBLIC_BY_NATURE: frozenset[Purpose] = frozenset({
    "login", "register", "logout", "refresh", "forgot", "reset", "verify", "oauth", "webhook", "health", "landing", "docs",
})  # fmt: skip
_WORDS: tuple[tuple[Purpose, re.Pattern[str]], ...] = (
    ("logout", re.compile(r"log_?out|sign_?out")),
    ("refresh", re.compile(r"refresh")),
    (
        "forgot",
        re.compile(
            r"forgot|recover|request_(password_)?reset|reset_(password_)?request|password_reset_request|send_reset|lost_password|magic|(session|login|code|otp|link)_request$|request_(session|login|code|otp|link)|send_login"
        ),
    ),
    (
        "reset",
        re.compile(r"reset_?(my_?)?(password|pass|pw)|password_?reset|set_password|new_password|reset_confirm|^reset$"),
    ),
    ("verify", re.compile(r"verif|(^|_)validate$|confirm|activat|resend|(^|_)otp|send_code|check_code")),
    ("oauth", re.compile(r"oauth|callback|authorize|sso|saml|oidc|jwks|well_known|introspect|revoke_token")),
    ("webhook", re.compile(r"web_?hook|hooks?($|_)|ipn($|_)|slack|telegram|stripe|twilio")),
    (
        "register",
        re.compile(r"regist|sign_?up|join$|onboard|create_(first|initial)_?(user|admin|superuser)|(^|_)setup$|enrol"),
    ),
    ("login", re.compile(r"log_?in(_|$)|sign_?in|authenticat|access_?token|(^|_)token(_|$)|(^|_)auth$|create_session")),
    (
        "health",
        re.compile(
            r"health|liveness|readiness|ready|alive|(^|_)livez?$|startup|(^|_)ping|heartbeat|version|(^|_)status$|metrics|(^|_)info$"
        ),
    ),
    ("docs", re.compile(r"docs|redoc|openapi|schema$|favicon|robots|sitemap|manifest")),
)
_PASSWORD = re.compile(r"(^|_)(password|passwd|pwd|pass_word|passphrase)\d?(_|$)|^password", re.IGNORECASE)
_SENDS = re.compile(r"(^|[._ ])(send|deliver|notify|enqueue)\w*|add_task|\.delay\b|smtp|mailer|magic", re.IGNORECASE)
_NAMES = re.compile(r"mail|user_?name|phone|login|account|(^|_)user($|_)", re.IGNORECASE)
_PROOF = re.compile(r"token|code|otp|(^|_)pin($|_)|secret|key|signature|uid", re.IGNORECASE)
_CHECKS = re.compile(
    r"verify_?password|check_?password|checkpw|password_?verify|authenticate|\.verify(_and_update)?$|verify_hash|compare_?password",
    re.IGNORECASE,
)
_ISSUES = re.compile(
    r"create_\w*token|encode_?(jwt|token)|jwt\.encode|sign_?jwt|generate_\w*token|issue_\w*token|set_cookie|create_session|login_user|remember",
    re.IGNORECASE,
)
_MAKES = re.compile(
    r"(create|add|insert|save|register|new)_?\w*(user|account|member|customer|person|admin)", re.IGNORECASE
)
_ACCOUNTS = re.compile(r"^(users?|accounts?|members?|customers?)$")


def purposes(route: Route) -> frozenset[Purpose]:
    """Everything that a route seems to be for; empty for ordinary ones."""
    found: set[Purpose] = set()
    words = _words(route)
    password = takes_password(route)
    deeds = _deeds(route.handler) if route.handler is not None else ""
    for purpose, pattern in _WORDS:
        if any(pattern.search(word) for word in words):
            found.add(purpose)
    if _form(route) or (password and _CHECKS.search(deeds) and _ISSUES.search(deeds)):
        found.add("login")
    if (
        password
        and "POST" in route.methods
        and (_MAKES.search(words[-1]) or _MAKES.search(deeds))
        and _last(route) is not None
    ):
        found.add("register")
    if (
        "login" in found
        and route.writes
        and not password
        and not _proves(route)
        and _SENDS.search(deeds)
        and not _ISSUES.search(deeds)
    ):
        found.add("forgot")  # a link or code by mail instead of a password
    if "login" in found and not (password or _form(route) or _ISSUES.search(deeds) or route.handler is None):
        found.discard("login")
    if "register" in found and not password and not {"POST"} & route.methods:
        found.discard("register")
    if "reset" in found and route.writes and not password and not _proves(route):
        found.discard("reset")  # nothing to prove and nothing new to set: it asks for the code
        found.add("forgot")
    if found & {"logout", "refresh"}:
        found.discard("login")
    if not route.writes and route.path.strip("/") in {"", "api", "api/v1", "index", "index.html", "home"}:
        found.add("landing")
    return frozenset(found)


def _proves(route: Route) -> bool:
    """Whether its inputs could not be read, or a code or token is among them."""
    names = [name for p in route.parameters for name in (p.name, *(f.name for f in getattr(p.model, "fields", ())))]
    return not any(_NAMES.search(name) for name in names) or any(_PROOF.search(name) for name in names)


def takes_password(route: Route) -> bool:
    """Whether a password is among its inputs."""
    for parameter in route.parameters:
        if _PASSWORD.search(parameter.name):
            return True
        if parameter.model is not None and any(_PASSWORD.search(f.name) for f in parameter.model.fields):
            return True
    return _form(route)


def _form(route: Route) -> bool:
    """Whether it takes FastAPI's password form."""
    handler = route.handler
    if handler is None:
        return False

    args = written(handler.node.args)
    return "OAuth2PasswordRequestForm" in args or any("OAuth2PasswordRequestForm" in f.name for f in route.dependencies)


def _words(route: Route) -> list[str]:
    """The path's last segments and the handler's name, in one spelling."""
    segments = [s for s in route.path.split("/") if s and not s.startswith("{")]
    # The outer segments name the version and the router; the inner two say what is done.
    named = [*segments[-2:], "_".join(segments[-2:]), route.name.rpartition(".")[2]]
    return [
        re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()).strip("_") for word in named
    ] or [""]


def _last(route: Route) -> str | None:
    segments = [s for s in route.path.split("/") if s]
    last = segments[-1] if segments else ""
    return None if last.startswith("{") else last


def _deeds(handler: Function) -> str:
    """The names of all that it calls, two steps far."""
    known = handler.project.once(_known)
    if handler not in known:
        known[handler] = " ".join(call.name for one in handler.reaches(2) for call in one.calls())
    return known[handler]


def _known(project: Project) -> dict[Function, str]:
    """What handlers call, filled by those who ask."""
    del project
    return {}
