"""How a credential reaches a function: schemes, headers, cookies, the session, and tokens in other inputs."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import default_of
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

SCHEMES = (
    "fastapi.security.HTTPBearer", "fastapi.security.HTTPBasic", "fastapi.security.HTTPDigest", "HTTPBase", "SecurityBase",
    "fastapi.security.OAuth2PasswordBearer", "OAuth2AuthorizationCodeBearer", "fastapi.security.OAuth2", "OAuth2",
    "fastapi.security.APIKeyHeader", "fastapi.security.APIKeyCookie", "fastapi.security.APIKeyQuery", "OpenIdConnect",
    "HTTPBearer", "HTTPBasic", "OAuth2PasswordBearer", "APIKeyHeader", "APIKeyCookie", "APIKeyQuery", "HTTPDigest",
)  # fmt: skip
CREDENTIAL = re.compile(
    r"authori[sz]ation|(^|[^a-z])(access|auth|bearer|id|jwt|session|csrf|admin|api|internal|service|secret|verify|hub)[_-]?(token|key|id|secret|cookie)"
    r"|^token$|[_-]token$|^x-.*(key|token|auth|signature|secret)|api[_-]?key|apikey|secret|signature|credentials|^session$|^jwt$",
    re.IGNORECASE,
)
_STATE = re.compile(
    r"\.(session|user|auth)\b|\.state\.(user|current_user|user_id|auth|identity|principal|token|claims)|scope\[.user|scope\[.auth|scope\[.session"
)
_TOKEN = re.compile(
    r"token|signature|otp|(^|_)code$|verification|magic|(^|_)hash$|nonce|api_?key|secret", re.IGNORECASE
)


class Takings:
    """Finds what functions take."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def credential(self, function: Function) -> str:
        """How a credential reaches it: `header authorization`, `scheme oauth2_scheme`, `request.session`; or nothing."""
        outside = function.scope.parent or function.scope
        for arg in function.parameters:
            default = default_of(function.scope, arg)
            typed = self._project.annotations.typed(outside, arg.annotation, default)
            depends = self._project.annotations.by(typed, "Depends", "Security")
            if depends is not None:
                scope, call = depends
                if call.args and (scheme := self.scheme(scope, call.args[0])):
                    return f"scheme {scheme}"
                continue
            if typed.text.rpartition(".")[2] in {
                "HTTPAuthorizationCredentials",
                "HTTPBasicCredentials",
                "SecurityScopes",
            }:
                return f"parameter {arg.arg}"
            source = self._project.annotations.by(typed, "Header", "Cookie")
            if source is not None:
                alias = next((k.value for k in source[1].keywords if k.arg == "alias"), None)
                word = self._project.value(source[0], alias).text if alias is not None else arg.arg
                if CREDENTIAL.search(word) or self._project.names.dotted(*_func(source)).endswith("Cookie"):
                    return f"header or cookie {word}"
        return self._credential_in_body(function)

    def _credential_in_body(self, function: Function) -> str:
        for scope in function.scope.within():
            for subscript in self._project.nodes_of(scope, ast.Subscript):
                text = bare(subscript.value)
                if text.endswith((".headers", ".cookies")) and CREDENTIAL.search(bare(subscript.slice).strip("'\"")):
                    return text
                if (
                    text.endswith(".session")
                    and isinstance(subscript.ctx, ast.Load)
                    and self._project.flow.is_request(scope, _root(subscript))
                ):
                    return text
            for call in scope.calls:
                func = call.func
                if isinstance(func, ast.Attribute) and func.attr == "get" and call.args:
                    text = bare(func.value)
                    word = self._project.value(scope, call.args[0]).text or bare(call.args[0]).rpartition(".")[2]
                    if text.endswith(
                        (".headers", ".cookies", ".query_params", "_headers", "headers")
                    ) and CREDENTIAL.search(word):
                        return f"{text} {word}"
                    if text.endswith((".session", ".cookies")):
                        return text
                word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if word == "getattr" and call.args and len(call.args) > 1 and bare(call.args[0]).endswith("state"):
                    return "request.state"
                if word == "__call__" and isinstance(func, ast.Attribute) and bare(func.value) == "super()":
                    owner = function.owner
                    if owner is not None and owner.is_a(*SCHEMES):
                        return f"scheme {owner.short}"
                if any(
                    self.scheme(scope, a) for a in (func, *([func.value] if isinstance(func, ast.Attribute) else []))
                ):
                    return f"scheme {bare(func)}"
                if word == "get_authorization_scheme_param":
                    return "header authorization"
            for attribute in self._project.nodes_of(scope, ast.Attribute):
                if attribute.attr in {"user", "auth", "session"} and self._project.flow.is_request(
                    scope, attribute.value
                ):
                    return f"request.{attribute.attr}"
                if _STATE.search(text := bare(attribute)) and ".state." in text:
                    return text
        return ""

    def token(self, function: Function) -> str:
        """A token, code or signature among its inputs that is no header or cookie; or nothing."""
        outside = function.scope.parent or function.scope
        for arg in function.parameters:
            typed = self._project.annotations.typed(outside, arg.annotation, default_of(function.scope, arg))
            if self._project.annotations.by(typed, "Depends", "Security") is not None:
                continue
            if _TOKEN.search(arg.arg):
                return arg.arg
            model = self._project.model_in(typed.scope, typed.base)
            field = next((f.name for f in model.fields if _TOKEN.search(f.name)), "") if model is not None else ""
            if field:
                return f"{arg.arg}.{field}"
        return ""

    def scheme(self, scope: Scope, expr: ast.expr) -> str:
        """The name of a security scheme behind an expression, or nothing."""
        kind = self._project.names.kind(scope, expr)
        if kind is not None and self._project.names.is_a(kind, *SCHEMES):
            return written(expr)[:60]
        return ""


def _func(found: tuple[Scope, ast.Call]) -> tuple[Scope, ast.expr]:
    return found[0], found[1].func


def bare(expr: ast.expr) -> str:
    """An expression as text; empty when it is too deep to write."""
    try:
        return written(expr)
    except (ValueError, RecursionError):
        return ""


def _root(expr: ast.expr) -> ast.expr:
    while isinstance(expr, (ast.Attribute, ast.Subscript)):
        expr = expr.value
    return expr
