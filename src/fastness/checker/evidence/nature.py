"""What a function does about identity: reads a credential, stops strangers, asks for a role, an owner, a limit."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.evidence.classes import MODELS
from fastness.checker.evidence.found import External, default_of
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.refusals import Refusals
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.takings import Takings, bare
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_VERIFIES = re.compile(
    r"(^|_)(decode|verify|validate|authenticate|introspect|unsign|loads|compare_digest|check)", re.IGNORECASE
)
_ROLE = re.compile(
    r"(^|_)(is_)?(superuser|super_user|staff|admin|administrator|moderator)($|_)|(^|_)(role|roles|permission|permissions|scopes|privilege|privileges|grants?|has_perm\w*|is_allowed|can_\w+)($|_)",
    re.IGNORECASE,
)
_ACTS = re.compile(r"(delete|remove|create|add|update|set|save|insert|count|list|send|notify|drop)_", re.IGNORECASE)
"""Calls that do something to administrators or roles, and ask for none."""
_LIMIT = re.compile(
    r"rate_?limit|throttl|limiter|too_?many|brute|lock_?out|failed_?(login|attempt)|login_?attempt|attempts_?left|max_?attempts|login_?att?emp|(user|account)_?locked|is_?locked|locked_?(out|until)|captcha|recaptcha|turnstile",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Nature:
    """What one function's own code shows."""

    credential: str = ""
    """How a credential reaches it: `header authorization`, `scheme oauth2_scheme`, `request.session`."""
    body_token: str = ""
    """A token, code or signature among the inputs that is not a header or cookie: path, query, body."""
    refuses: bool = False
    """It raises, or answers 401, 403 or a redirect."""
    denies: bool = False
    """It raises or answers what says "not you": 401, 403, a redirect, an error named after authentication."""
    asks: bool = False
    """It refuses with 401 or an error named after missing credentials: whatever it read, it asked who is calling."""
    decodes: bool = False
    """It verifies with a library that raises by itself: `jwt.decode`, `serializer.loads`, `verify_signature`."""
    verifies: bool = False
    """It decodes, verifies, compares or looks up."""
    lenient: bool = False
    """Without a credential it gives None, or its scheme has auto_error off and nobody raises."""
    role: str = ""
    """The word that shows a test of a role, where it also refuses."""
    limits: str = ""
    scheme_only: bool = False
    """It gives the credential back and does nothing else."""


TOO_MANY = 429


class Natures:
    """Judges functions, each once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._takings = Takings(project)
        self._refusals = Refusals(project)
        self._known: dict[int, Nature] = {}

    def of(self, function: Function) -> Nature:
        """The nature of one function's own code."""
        key = id(function.scope)
        if key not in self._known:
            self._known[key] = Nature()
            self._known[key] = self._judge(function)
        return self._known[key]

    def _judge(self, function: Function) -> Nature:
        credential = self._takings.credential(function)
        refuses = self._refusals.refuses(function)
        verifies = self._verifies(function)
        role = self._role(function) if refuses or self._gives_truth(function) else ""
        return Nature(
            credential=credential,
            body_token=self._takings.token(function),
            refuses=refuses,
            denies=self._refusals.denies(function),
            asks=self._refusals.asks(function),
            decodes=self._refusals.decodes(function),
            verifies=verifies,
            lenient=self._refusals.lenient(function, refuses=refuses),
            role=role,
            limits=self._limits(function),
            scheme_only=bool(credential) and not refuses and not verifies,
        )

    def _verifies(self, function: Function) -> bool:
        return any(_VERIFIES.search(c.name.rpartition(".")[2]) for c in function.calls()) or any(
            True for _ in function.nodes(ast.Compare)
        )

    def _gives_truth(self, function: Function) -> bool:
        return bool(function.returns) and all(
            isinstance(r, (ast.Compare, ast.BoolOp, ast.UnaryOp)) for r in function.returns
        )

    def _role(self, function: Function) -> str:
        for scope in function.scope.within():
            for kind in (ast.If, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Return):
                for node in self._project.nodes_of(scope, kind):
                    tested: ast.AST | None = (
                        node.test if isinstance(node, ast.If) else node.value if isinstance(node, ast.Return) else node
                    )
                    word = self._asked(scope, tested) if tested is not None else ""
                    if word:
                        return word
        return ""

    def _asked(self, scope: Scope, tested: ast.AST) -> str:
        """The word in a test that asks for the caller's role."""
        parts = list(walk(tested))
        agreed = {id(n) for p in parts if isinstance(p, ast.Compare) and _agrees(p) for n in walk(p)}
        acting = {id(p.func) for p in parts if isinstance(p, ast.Call) and _ACTS.match(_word(p.func))}
        parts = [p for p in parts if id(p) not in agreed | acting]
        wished = any(self._wished(scope, part) for part in parts)
        for part in parts:
            word = _word(part)
            # Beside a role that is wished for, `Role` in `Role.ADMIN` is only what it is compared with.
            ours = not wished or not (self._wished(scope, part) or word[:1].isupper())
            if word and _ROLE.search(word) and ours:
                return word
        return ""

    def _wished(self, scope: Scope, part: ast.AST) -> bool:
        """Whether it is the role that a body asks for, which says nothing about who is asking."""
        if not isinstance(part, ast.Attribute) or not isinstance(part.value, ast.Name):
            return False
        arg = scope.parameter(part.value.id)
        if arg is None or arg.annotation is None or isinstance(default_of(scope, arg), ast.Call):
            return False
        # An `Annotated[..., Depends(...)]` is the caller; a bare model is the body.
        kind = None if "Annotated" in written(arg.annotation) else self._kind(scope, arg.annotation)
        return kind is not None and self._project.names.is_a(kind, *MODELS) and _decorated(scope)

    def _kind(self, scope: Scope, annotation: ast.expr) -> Scope | External | None:
        return self._project.names.annotated(scope.parent or scope, annotation)

    def _limits(self, function: Function) -> str:
        for call in function.calls():
            if _LIMIT.search(call.name.rpartition(".")[2]) or (
                call.receiver is not None and _LIMIT.search(bare(call.receiver))
            ):
                return call.name
            if call.name.endswith("HTTPException") and call.value("status_code", 0).constant == TOO_MANY:
                return "answer 429"
        for attribute in function.nodes(ast.Attribute):
            if _LIMIT.search(attribute.attr) or attribute.attr == "HTTP_429_TOO_MANY_REQUESTS":
                return attribute.attr
        return ""


def _agrees(test: ast.Compare) -> bool:
    """`user.role not in claims.roles`: whether row and token agree about one person; no role is asked for."""
    sides = (test.left, test.comparators[0])
    return (
        len(test.ops) == 1
        and isinstance(test.ops[0], (ast.In, ast.NotIn))
        and all(
            isinstance(side, ast.Attribute)
            and isinstance(side.value, ast.Name)
            and side.value.id not in {"self", "cls"}
            and re.fullmatch(r"roles?", side.attr) is not None
            for side in sides
        )
        and written(test.left).islower()
        and written(test.comparators[0]).islower()
    )


def _decorated(scope: Scope) -> bool:
    """Whether a decorator that looks like a route's stands on it."""
    return any(
        isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute) for d in getattr(scope.node, "decorator_list", ())
    )


def _word(part: ast.AST) -> str:
    """What a part of a test is called: `user.role`, `role`, `user["role"]`, `claims.get("role")`."""
    match part:
        case ast.Attribute(attr=word) | ast.Name(id=word) | ast.Subscript(slice=ast.Constant(value=str(word))):
            return word
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(word)), *_]):
            return word
        case _:
            return ""
