"""How a function turns somebody away: what it raises and answers, and when it lets a missing credential pass."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.takings import CREDENTIAL, bare
from fastness.checker.evidence.walking import walk

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

UNAUTHORIZED = 401
_SENT_AWAY = frozenset({401, 403, 1008, 302, 303, 307})
"""Statuses, and the close code of WebSockets, that say "not you"; a redirect leads to the sign-in."""
_MISSING = re.compile(r"unauth(?!orizedaction)|credential|authenticat|not_?logged|login_?required", re.IGNORECASE)
_AUTH_ERROR = re.compile(
    r"unauth|forbidden|permission|denied|credential|authenticat|auth_?error|not_?allowed|40[13]|invalid_?token",
    re.IGNORECASE,
)
_TOKENS = re.compile(r"jwt|jws|jwe|jose|token|auth|firebase|serializer|signer|webhook|stripe", re.IGNORECASE)
_DECODES = frozenset({"decode", "verify", "verify_id_token", "loads", "unsign", "construct_event"})


class Refusals:
    """Judges how functions refuse."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def refuses(self, function: Function) -> bool:
        """Whether it raises, or answers 401, 403 or a redirect."""
        for node in function.nodes(ast.Raise):
            if node.exc is None or "NotImplemented" not in bare(node.exc):
                return True
        for call in function.calls():
            word = call.name.rpartition(".")[2]
            if word == "abort" or (
                word == "close" and call.receiver is not None and "socket" in bare(call.receiver).lower()
            ):
                return True
            if word.endswith("Response") and _refusing(
                self._project.value(call.scope, call.arg("status_code", 1)).constant, word
            ):
                return True
        return False

    def denies(self, function: Function) -> bool:
        """Whether it says "not you": 401, 403, a redirect, a closed WebSocket, an error named after authentication."""
        for node in function.nodes(ast.Raise):
            raised = node.exc
            if isinstance(raised, ast.Call):
                status = next(
                    (k.value for k in raised.keywords if k.arg in {"status_code", "code"}),
                    raised.args[0] if raised.args else None,
                )
                if _denying(
                    self._project.value(function.scope, status).constant, bare(status) if status is not None else ""
                ):
                    return True
                raised = raised.func
            if raised is not None and _AUTH_ERROR.search(bare(raised)):
                return True
            if isinstance(raised, ast.Name) and self._raised_name_denies(function, raised):
                return True
        for call in function.calls():
            word = call.name.rpartition(".")[2]
            if word == "close" and call.receiver is not None and re.search(r"socket|^ws$", bare(call.receiver).lower()):
                return True
            if word == "RedirectResponse":
                return True
            if word.endswith("Response") or word == "abort":
                status = call.arg("status_code", 0 if word == "abort" else 1)
                if status is not None and _denying(
                    call.value("status_code", 0 if word == "abort" else 1).constant, bare(status)
                ):
                    return True
        return False

    def asks(self, function: Function) -> bool:
        """Whether it says "who are you?": 401, or an error named after missing credentials."""
        for node in function.nodes(ast.Raise):
            raised = node.exc
            if raised is None:
                continue
            if isinstance(raised, ast.Call):
                status = next(
                    (k.value for k in raised.keywords if k.arg in {"status_code", "code"}),
                    raised.args[0] if raised.args else None,
                )
                text = bare(status) if status is not None else ""
                value = self._project.value(function.scope, status).constant
                if value == UNAUTHORIZED or re.search(r"401|UNAUTHORIZED", text):
                    return True
                raised = raised.func
            if _MISSING.search(bare(raised)):
                return True
        return False

    def _raised_name_denies(self, function: Function, raised: ast.Name) -> bool:
        """`credentials_exception = HTTPException(401)` above, `raise credentials_exception` below."""
        found = self._project.names.lookup(function.scope, raised.id)
        values = [a.value for a in getattr(found, "assignments", ())]
        return bool(_AUTH_ERROR.search(raised.id)) or any(
            isinstance(v, ast.Call) and re.search(r"40[13]", bare(v)) is not None for v in values
        )

    def decodes(self, function: Function) -> bool:
        """Whether it verifies with a library that raises by itself."""
        return any(_raises_itself(c.name) and c.target is None for c in function.calls())

    def lenient(self, function: Function, *, refuses: bool) -> bool:
        """Whether it lets a caller without a credential pass; `refuses` says whether it raises anywhere."""
        if refuses:
            return self._absent_gives_none(function)
        return "optional" in function.short.lower() or self._swallows(function)

    def _swallows(self, function: Function) -> bool:
        """Whether an error of what it calls ends in None: `try: return current_user() except HTTPException: return None`."""
        for node in function.nodes(ast.Try):
            for handler in node.handlers:
                inside = [n for statement in handler.body for n in walk(statement)]
                if not any(isinstance(n, ast.Raise) for n in inside) and not any(
                    isinstance(n, ast.Call) and re.search(r"Response$|abort", bare(n.func)) for n in inside
                ):
                    return True
        return False

    def _absent_gives_none(self, function: Function) -> bool:
        names = {a.arg for a in function.parameters}
        for node in function.scope.nodes.get(ast.If, ()):
            assert isinstance(node, ast.If)  # noqa: S101 - kept under this kind
            test = node.test
            absent = (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)) or (
                isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is)
            )
            touched = {n.id for n in walk(test) if isinstance(n, ast.Name)}
            first = node.body[0]
            gives = isinstance(first, ast.Return) and (
                first.value is None or (isinstance(first.value, ast.Constant) and first.value.value is None)
            )
            if absent and gives and (touched & names or any(CREDENTIAL.search(t) for t in touched)):
                return True
        return False


def _denying(status: object, text: str) -> bool:
    return (isinstance(status, int) and status in _SENT_AWAY) or re.search(
        r"40[13]_|WS_1008|UNAUTHORIZED|FORBIDDEN", text
    ) is not None


def _refusing(status: object, word: str) -> bool:
    return (isinstance(status, int) and status in {401, 403}) or word == "RedirectResponse"


def _raises_itself(name: str) -> bool:
    """Whether a call of this name refuses a bad token by raising: `jwt.decode`, `auth.verify_id_token`."""
    owner, _, last = name.rpartition(".")
    return last.lower() in _DECODES and _TOKENS.search(owner) is not None
