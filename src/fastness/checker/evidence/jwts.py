"""Calls of token libraries: where JWTs are written, read and only looked into; PyJWT, python-jose, joserfc, Authlib."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.value import Value

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

Library = Literal["pyjwt", "jose", "joserfc", "authlib"]
_NAMED = re.compile(r"(^|\.)(jwt|PyJWT|JsonWebToken|api_jwt)(\(\))?\.(decode|decode_complete|encode)$")
_PEEKS = (
    "jwt.get_unverified_claims", "jws.get_unverified_claims", "jose.jwt.get_unverified_claims",
    "token.extract_compact", "jws.extract_compact",
)  # fmt: skip
_AT: dict[Library, dict[str, tuple[str | int, ...]]] = {
    "pyjwt": {"token": ("jwt", 0), "claims": ("payload", 0), "key": ("key", 1), "algorithms": ("algorithms", 2), "algorithm": ("algorithm", 2)},
    "jose": {"token": ("token", 0), "claims": ("claims", 0), "key": ("key", 1), "algorithms": ("algorithms", 2), "algorithm": ("algorithm", 2)},
    "joserfc": {"token": ("value", 0), "claims": ("claims", 1), "key": ("key", 2), "algorithms": ("algorithms", 2), "algorithm": ("header", 0)},
    "authlib": {"token": ("s", 0), "claims": ("payload", 1), "key": ("key", 2), "algorithms": (), "algorithm": ("header", 0)},
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class TokenCall:
    """One `decode` or `encode` of a token library."""

    call: Call
    library: Library

    def arg(self, what: str) -> ast.expr | None:
        """The argument for `token`, `claims`, `key`, `algorithms` or `algorithm`, where this library has it."""
        places = _AT[self.library][what]
        if what == "key" and self.call.name.endswith(("decode", "decode_complete")):
            places = ("key", 1)
        return self.call.arg(*places) if places else None

    def value(self, what: str) -> Value:
        """What that argument can be."""
        return self.call.project.value(self.call.scope, self.arg(what))

    @property
    def function(self) -> Function | None:
        """Where it stands."""
        return self.call.function

    @property
    def switch(self) -> Value:
        """The value that turns the signature test on or off; unknown when nothing is said."""
        verify = self.call.arg("verify")
        if verify is not None:
            return self.call.project.value(self.call.scope, verify)
        options = self.call.arg("options", 3)
        if options is None:
            return Value()
        found = self.call.project.value(self.call.scope, options).get("verify_signature")
        return found if found.known or found.origin != "unknown" else self._set_later(options)

    def _set_later(self, options: ast.expr) -> Value:
        """`options["verify_signature"] = False` in a line of its own."""
        if not isinstance(options, ast.Name):
            return Value()
        for node in self.call.project.nodes_of(self.call.scope, ast.Assign):
            for target in node.targets:
                match target:
                    case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value="verify_signature")) if (
                        name == options.id
                    ):
                        return self.call.project.value(self.call.scope, node.value)
        return Value()

    @property
    def unverified(self) -> bool:
        """Whether the signature test is off, or off unless the environment turns it on."""
        return self.switch.may_be(wanted=False)


def decodings(project: Project) -> tuple[TokenCall, ...]:
    """Every call that decodes a token; `project.once(decodings)`."""
    return tuple(_calls(project, "decode", "decode_complete"))


def encodings(project: Project) -> tuple[TokenCall, ...]:
    """Every call that makes a token; `project.once(encodings)`."""
    return tuple(_calls(project, "encode"))


def peeks(project: Project) -> tuple[Call, ...]:
    """Every call that reads the claims and has no way to test the signature; `project.once(peeks)`."""
    return tuple(call for call in project.calls(*_PEEKS) if call.target is None)


def verifies(function: Function, deep: int = 2) -> bool:
    """Whether it or what it calls decodes a token with its signature tested."""
    known = {id(d.call.node) for d in function.project.once(decodings) if not d.unverified}
    return any(id(call.node) in known for one in function.reaches(deep) for call in one.calls())


def _calls(project: Project, *verbs: str) -> Iterator[TokenCall]:
    for call in project.calls(*verbs):
        if call.target is None and (_NAMED.search(call.name) or _by_receiver(call)):
            yield TokenCall(call, _library(call.name))


def _by_receiver(call: Call) -> bool:
    """`self.jwt.decode(...)` whose attribute nobody could follow."""
    word = call.receiver.attr if isinstance(call.receiver, ast.Attribute) else getattr(call.receiver, "id", "")
    return call.name.startswith("?") and re.fullmatch(r"_?(jwt|pyjwt|jose_jwt|_jwt)", word) is not None


def _library(name: str) -> Library:
    first = name.partition(".")[0]
    if first in {"jose", "joserfc", "authlib"}:
        return "authlib" if first == "authlib" else "jose" if first == "jose" else "joserfc"
    return "pyjwt"
