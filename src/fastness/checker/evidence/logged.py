"""Credentials that are logged or printed, by the name of what is written and by what the text of an object holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.announced import announced
from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.found import Parameter, Variable
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.own import in_development
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_LEVELS = (
    "debug",
    "info",
    "warning",
    "warn",
    "error",
    "exception",
    "critical",
    "log",
    "trace",
    "success",
    "fatal",
    "msg",
)
_LOGGER = re.compile(r"log|logger|logging|loguru|structlog|print", re.IGNORECASE)
_CERTAIN = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase|plain_password|new_password|secret_key|client_secret|api_secret|private_key|jwt_secret|api_key|apikey"
    r"|access_token|refresh_token|auth_token|id_token|bearer_token|session_token|reset_token|verification_token|authorization|jwt_token"
    r"|encoded_jwt|jwt|otp|otp_code|one_time_password|totp_secret|webhook_secret|signing_key|encryption_key|credentials_json|(app|shared|user|signing|token|session)_secret)$|^secret$",
    re.IGNORECASE,
)  # fmt: skip
_TOKEN = re.compile(r"^(token|auth_header|auth|code|credentials|creds|payload)$")
_ADDRESS = re.compile(
    r"(^|_)(database_url|database_uri|db_url|dsn|connection_string|conn_str|sqlalchemy_database_ur[il]|redis_url|mongo(db)?_ur[il]|broker_url)$",
    re.IGNORECASE,
)
_KEEPS = frozenset(
    {
        "str",
        "repr",
        "format",
        "dumps",
        "get",
        "decode",
        "strip",
        "encode",
        "dict",
        "model_dump",
        "json",
        "get_secret_value",
        "pformat",
        "join",
        "vars",
        "items",
    }
)
_PASSWORD = re.compile(r"(^|_)(password|passwd|pwd|passphrase)$", re.IGNORECASE)
_TOOLS = re.compile(
    r"(^|/)(cli|__main__|manage|commands?|management|seed\w*|init_db|initial_data|create_\w+)(/|\.py)|_cli\.py$"
)


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """One call that writes a credential."""

    call: Call
    what: str
    sure: bool
    printed: bool


def logged(project: Project) -> Iterator[Logged]:
    """Every such call of the project's code."""
    for call in project.calls(*_LEVELS, "print"):
        printed = call.name == "print"
        if printed and _TOOLS.search(call.module.path):
            continue
        if not printed and (call.receiver is None or not _LOGGER.search(written(call.receiver))):
            continue
        told = announced(call.node)
        for piece in _pieces(call):
            found = _judged(call, piece)
            if found is None and id(piece) in told and not _harmless(project, call.scope, piece):
                found = (f"{written(piece)}, a {told[id(piece)]},", True)
            if found is not None:
                if not in_development(call):
                    yield Logged(call, found[0], found[1], printed)
                break


def _pieces(call: Call) -> Iterator[ast.expr]:
    todo: list[ast.expr] = [
        *call.node.args,
        *(k.value for k in call.node.keywords if k.arg not in {"exc_info", "stack_info", "file", "end", "sep"}),
    ]
    while todo:
        expr = todo.pop(0)
        match expr:
            case ast.JoinedStr(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
                todo.extend(values)
            case ast.FormattedValue(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                todo.append(value)
            case ast.BinOp(left=left, op=ast.Mod() | ast.Add(), right=right):
                todo.extend((left, right))
            case ast.Dict(values=values):
                todo.extend(values)
            case ast.BoolOp(values=values):
                todo.extend(values)
            case ast.Call(func=func, args=args, keywords=keywords):
                word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if word not in _KEEPS:
                    continue
                if word == "format" and isinstance(func, ast.Attribute):
                    todo.extend((*args, *(k.value for k in keywords)))
                elif word == "get":
                    yield expr
                else:
                    todo.extend(args)
                    if isinstance(func, ast.Attribute):
                        todo.append(func.value)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                yield expr
            case _:
                continue


def _judged(call: Call, expr: ast.expr) -> tuple[str, bool] | None:
    project, scope = call.project, call.scope
    text = written(expr)
    if isinstance(expr, ast.Call):
        word = project.value(scope, expr.args[0]).text if expr.args else ""
        before = written(expr.func.value) if isinstance(expr.func, ast.Attribute) else ""
        if word and _CERTAIN.search(word.replace("-", "_")) and not re.search(r"environ", before):
            return f"{word} from {before}", True
        return None
    if isinstance(expr, ast.Subscript):
        key = expr.slice.value if isinstance(expr.slice, ast.Constant) else None
        return (f"{text}", True) if isinstance(key, str) and _CERTAIN.search(key.replace("-", "_")) else None
    if re.search(r"(^|\.)(request|req|websocket)\.headers$", text) or _is_headers(scope, expr):
        return "every header of the request", True
    word = expr.attr if isinstance(expr, ast.Attribute) else getattr(expr, "id", "")
    if word.isupper() and "." not in text and re.search(r"^(ERR|MSG|INVALID|MISSING)", word):
        return None
    if _CERTAIN.search(word):
        return None if _masked(project, scope, expr) else (text, not _harmless(project, scope, expr))
    if _ADDRESS.search(word):
        value = project.value(scope, expr)
        return None if value.text.startswith("sqlite") or _masked(project, scope, expr) else (text, "@" in value.text)
    if _TOKEN.match(word) and isinstance(expr, ast.Name):
        return _token(project, scope, expr, text)
    return _object(project, scope, expr, text)


def _token(project: Project, scope: Scope, expr: ast.Name, text: str) -> tuple[str, bool] | None:
    """A bare `token`: sure when it comes from a request's credential or from a function that makes tokens."""
    if expr.id not in {"token", "auth_header", "credentials"} or _harmless(project, scope, expr):
        return None
    sources = project.flow.origins(scope, expr)
    made = any(
        re.search(r"(create|encode|generate|issue|make)\w*(token|jwt)|jwt\.encode", f"{s.name} {' '.join(s.through)}")
        for s in sources
    )
    for assignment in scope.assigned.get(expr.id, []):
        made = made or (
            assignment.value is not None
            and bool(
                re.search(
                    r"(create|generate|issue|make)_\w*token|jwt\.encode|[Aa]uthorization", written(assignment.value)
                )
            )
        )
    given = any(s.kind in {"dependency", "request"} for s in sources) and re.search(
        r"auth|user|login|token|secur|verif", scope.short, re.IGNORECASE
    )
    return (text, True) if made or given else None


def _object(project: Project, scope: Scope, expr: ast.expr, text: str) -> tuple[str, bool] | None:
    """An object whose text shows its fields: a model with a plain password, a settings object with secrets."""
    kind = project.names.kind(scope, expr)
    if not isinstance(kind, Scope) or kind.kind != "class":
        return None
    model = project.class_of(kind)
    if not isinstance(model, Model) or model.method("__repr__") is not None or model.method("__str__") is not None:
        return None
    for field in model.fields:
        secret = _CERTAIN.search(field.name) if model.is_settings else _PASSWORD.search(field.name)
        if secret and "Secret" not in field.annotation and field.option("repr").constant is not False:
            return f"{text}, with its {field.name},", True
    return None


def _masked(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """Whether the value is of a type that prints stars."""
    kind = project.names.kind(scope, expr)
    if isinstance(kind, Scope):
        return True  # an object of the project, no text
    if kind is not None and "Secret" in project.names.name(kind).rpartition(".")[2]:
        return True
    found = project.names.resolve(scope, expr)
    annotations: list[ast.expr | None] = []
    if isinstance(found, Variable):
        annotations = [a.annotation for a in found.assignments]
    elif isinstance(found, Parameter):
        annotations = [found.arg.annotation]
    return any(a is not None and re.search(r"Secret(Str|Bytes)|\b(bool|int)\b", written(a)) for a in annotations)


def _harmless(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """Whether it is a number, a flag or a text that the code itself writes into the log."""
    value = project.value(scope, expr)
    if value.known and not value.text:
        return True
    if isinstance(expr, ast.Name):
        made = [a.value for a in scope.assigned.get(expr.id, []) if a.value is not None]
        if made and all(
            isinstance(v, (ast.Compare, ast.Constant)) or re.search(r"\*\*\*|mask|redact|hidden|\[:\w*\]", written(v))
            for v in made
        ):
            return True
    return bool(project.flow.harmless(scope, expr)) if isinstance(expr, ast.Call) else False


def _is_headers(scope: Scope, expr: ast.expr) -> bool:
    if not isinstance(expr, ast.Name) or expr.id not in {"headers", "request_headers", "req_headers"}:
        return False
    values = [a.value for a in scope.assigned.get(expr.id, []) if a.value is not None]
    return any(re.fullmatch(r"(dict\()?(request|req)\.headers(\.items\(\))?\)?", written(v)) for v in values)
