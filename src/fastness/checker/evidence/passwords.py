"""Passwords in the source: which names hold them, which routes set them, and which values are still as the user typed them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fastness.checker.evidence.classes import TABLES, Class
from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Route
from fastness.checker.evidence.purpose import purposes
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.origin import Source
    from fastness.checker.evidence.project import Project

PASSWORD = re.compile(
    r"(^|_)(password|passwd|pwd|pass_?word|passphrase|passwort|senha)\d?($|_)|^password|[a-z]Password$", re.IGNORECASE
)
_NOT_TYPED = re.compile(
    r"hash|reset|token|verif|strength|policy|polic|valid|context|ctx|manager|helper|service|util|min|max|len|expire|error|url|link|changed|field|form$|required|crypt|pass(word|wd)?_\w*?(key|name|id|ref|path|hint|item|file|length|min|max)$",
    re.IGNORECASE,
)
_NEW_FIELD = re.compile(
    r"(new_?|user_?|account_?|member_?|raw_?|plain_?(text_?)?|login_?|customer_?|student_?|employee_?)?"
    r"(password|passwd|pwd|pass_?word|passphrase|passwort|senha)_?(1|new)?",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"(^|_)(current|old|confirm\w*|repeat\w*|again|verify|retype\w*|existing|previous|last|smtp|db|redis|mail|admin)(_|$)|(confirm\w*|repeat\w*|again|2)$",
    re.IGNORECASE,
)
_NEW = re.compile(r"new_?pass|pass\w*_new", re.IGNORECASE)
_HASHING = re.compile(
    r"(^|[._])(hash\w*|get_\w*hash|make_password|set_password|hashpw|encrypt\w*|generate_password_hash|create_(user|account)\w*|register\w*|sign_?up\w*|change_password|update_password|reset_password)$",
    re.IGNORECASE,
)
_PEOPLE = re.compile(
    r"(^|/)(users?|accounts?|members?|customers?|admins?|employees?|students?|people|profile|me)(/\{\w+\}|/me)?$",
    re.IGNORECASE,
)
_SIGN_IN = re.compile(
    r"^(log_?in|sign_?in|authenticate|auth|token|sessions?)$|(^|_)(log_?in|sign_?in)(_|$)|access_?token|api_?(key|token)|totp|(^|_)(mfa|2fa|otp)(_|$)",
    re.IGNORECASE,
)
_MAKING = re.compile(
    r"(create|register|add|insert|sign_?up|change|update|reset|set)_?\w*(user|account|member|password)\w*$",
    re.IGNORECASE,
)

_HASHED = re.compile(r"hash|secret|crypt|password", re.IGNORECASE)
_DECIDED = 8
"""Taken for a bound that a setting decides."""


def is_password(name: str) -> bool:
    """Whether a name holds a password as somebody types it: no hash, policy, token or helper."""
    return PASSWORD.search(name) is not None and _NOT_TYPED.search(name) is None


def is_new(name: str) -> bool:
    """Whether a field of this name takes the password that will count from now on."""
    return _NEW_FIELD.fullmatch(name) is not None


def sets_password(route: Route) -> bool:
    """Whether a route makes an account or gives it another password."""
    if not route.writes or route.handler is None or route.methods <= {"DELETE"}:
        return False
    fields = [
        *(p.name for p in route.parameters),
        *(f.name for p in route.parameters if p.model is not None for f in p.model.fields),
    ]
    if any(_NEW.search(name) for name in fields):
        return True
    last = next((part for part in reversed(route.path.split("/")) if part and not part.startswith("{")), "")
    if _SIGN_IN.search(last) or _SIGN_IN.search(route.name.rpartition(".")[2]):
        return False
    if purposes(route) & {"register", "reset"}:
        return True
    if not any(is_new(name) for name in fields):
        return False
    if _PEOPLE.search(route.path.rstrip("/")) and not route.guarded("role"):
        return True
    calls = (call for one in route.handler.reaches(2) for call in one.calls() if _HASHING.search(call.name))
    return any(
        _MAKING.search(c.name)
        or any(is_password(last_word(a)) for a in (*c.node.args, *(k.value for k in c.node.keywords)))
        for c in calls
    )


def last_word(expr: ast.expr) -> str:
    """The name that says what an expression holds: `password` for `form.password`, `row["password"]`, `data.get("password")`."""
    match expr:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Subscript(slice=ast.Constant(value=str(word))):
            return word
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(word)), *_]):
            return word
        case ast.Call(func=ast.Attribute(value=value, attr="get_secret_value" | "encode" | "strip" | "decode")):
            return last_word(value)
        case ast.Call(func=ast.Name(id="str" | "bytes"), args=[value, *_]) | ast.Await(value=value):
            return last_word(value)
    return ""


def as_typed(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """Whether a value is a password that came from a caller or the request and that nothing has hashed yet."""
    word = last_word(expr)
    if not is_password(word):
        return False
    if isinstance(expr, ast.Attribute) and isinstance(expr.value, ast.Name):
        changed = scope.assigned.get(f"{expr.value.id}.{expr.attr}", [])
        if any(a.value is not None and not as_typed(project, scope, a.value) for a in changed):
            return False
    sources = [s for s in project.flow.origins(scope, expr) if s.kind in {"request", "parameter", "dependency"}]
    return any(carried(s) and not s.harmless for s in sources) and not any(
        _HASHING.search(word) for s in sources for word in s.through
    )


def carried(source: Source) -> bool:
    """Whether it arrived unchanged; objects of classes (a command, a form) carry their fields as they are."""
    words = tuple(word for word in source.through if not word[:1].isupper() or _HASHED.search(word))
    return replace(source, through=words).direct


def is_table(cls: Class) -> bool:
    """Whether objects of a class are records of a store."""
    if not cls.is_a(*TABLES) or cls.is_a("BaseSettings"):
        return False
    if cls.is_a("SQLModel"):
        return any(k.arg == "table" for c in cls.lineage() for k in c.node.keywords)
    if "__tablename__" in cls.scope.assigned or cls.is_a("Document", "Model"):
        return True
    return any(
        "Column" in written(a.value)
        for every in cls.scope.assigned.values()
        for a in every
        if isinstance(a.value, ast.Call)
    )


def hashes_itself(cls: Class) -> bool:
    """Whether a record hashes what its password is set to: a setter, a `validates`, a constructor, a column type."""
    for one in cls.lineage():
        for method in one.methods:
            if is_password(method.short) or method.short in {"__init__", "__setattr__", "save"}:
                return True
            if any(
                name.rpartition(".")[2]
                in {"validates", "setter", "field_validator", "validator", "listens_for", "before_event"}
                for name, _ in method.decorators
            ):
                return True
        for name, every in one.scope.assigned.items():
            if is_password(name) and any(
                a.value is not None and re.search(r"PasswordType|Encrypt|Hash", written(a.value)) for a in every
            ):
                return True
    return False


def lengths(function: Function) -> Iterator[int]:
    """The least lengths that a function asks of a password: 8 for `if len(password) < 8: raise`."""
    for compare in function.nodes(ast.Compare):
        match compare:
            case ast.Compare(left=ast.Call(func=ast.Name(id="len"), args=[_]), ops=[op], comparators=[bound]):
                number = function.project.value(function.scope, bound).number
                if number is None:
                    yield _DECIDED
                elif isinstance(op, (ast.Lt, ast.GtE)):
                    yield int(number)
                elif isinstance(op, ast.LtE):
                    yield int(number) + 1
            case ast.Compare(left=left, ops=[op, *_], comparators=[ast.Call(func=ast.Name(id="len")), *_]):
                number = function.project.value(function.scope, left).number
                yield int(number) if number is not None else _DECIDED


def variable(project: Project, scope: Scope, expr: ast.expr) -> Variable | None:
    """The variable that an expression names."""
    found = project.names.resolve(scope, expr) if isinstance(expr, (ast.Name, ast.Attribute)) else None
    return found if isinstance(found, Variable) else None
