"""
## What it looks for
A signature that is a plain hash of a secret and the data, and HMACs that are cut short.

## Why it matters
A hash of secret and data can be continued by whoever saw one (length extension), and a digest of a few characters can be
tried out.

## Bad
    import hashlib
    import os

    SECRET = os.environ["LINK_SECRET"]

    def sign(path: str) -> str:
        return hashlib.sha256((SECRET + path).encode()).hexdigest()

## Good
    import hashlib
    import hmac
    import os

    SECRET = os.environ["LINK_SECRET"]

    def sign(path: str) -> str:
        return hmac.new(SECRET.encode(), path.encode(), hashlib.sha256).hexdigest()

## How it is found
What goes into `hashlib` is taken apart; a secret beside something else is a finding, unless it makes the key of a cache, or
constants and settings are all there is: that names an installation or derives a key, and no message is signed. A slice of an
HMAC that keeps less than 80 bits is one too.

## What it cannot see
A construction that a partner's interface asks for.

## How to tell the checker
`# fastness: ignore[FN121] the reason` on the line.

## References
OWASP API2:2023, ASVS 11.2.1, CWE-327 and CWE-328, RFC 2104.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.passwords import is_password, last_word
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.secrecy import holds_secret
from fastness.checker.evidence.text import Formatted
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b", "blake2s")
_KEYS = re.compile(r"secret|sign|hmac|private_?key|jwt_?key|(^|_)salt$", re.IGNORECASE)
_CACHE = re.compile(r"cache|etag|fingerprint|dedup|bucket|shard|memo|cohort|anonym", re.IGNORECASE)
_HEX, _BYTES = 20, 10
"""80 bits, the least that an HMAC may be cut to (RFC 2104 section 5)."""


class HomeMadeMac(Rule):
    """A signature made of a plain hash, or cut short."""

    id, name, control, severity = "FN121", "home-made-mac", "tokens", Severity.HIGH
    owasp, asvs, cwe, guide = ("API2:2023",), ("11.2.1",), (327, 328), (1,)
    why = "a signature can be made without the secret"
    fix = "use hmac.new(key, data, hashlib.sha256) and keep the whole digest"

    def read(self, project: Project) -> Iterator[Finding]:
        for call in project.calls(*_HASHES):
            if call.target is None and call.name.startswith("hashlib.") and (_keyed(call) or _fed(call)):
                yield self.found(
                    call.place,
                    "a plain hash of a secret and data stands for a signature",
                    confidence=Confidence.MEDIUM,
                    subject=f"{call.scope.short} {call.code}",
                )
        for scope, node in project.nodes(ast.Subscript):
            kept = _kept(project.call_of(scope, node.value)) if isinstance(node.value, ast.Call) else 0
            upper = node.slice.upper if isinstance(node.slice, ast.Slice) and node.slice.lower is None else None
            number = project.value(scope, upper).number
            if (
                kept
                and number is not None
                and 0 < number < kept
                and not _CACHE.search(f"{scope.name} {project.code(scope, node)}")
            ):
                yield self.found(
                    project.place(scope, node),
                    f"an HMAC is cut to {number:.0f} characters",
                    subject=f"{scope.short} cut digest",
                )


def _keyed(call: Call) -> bool:
    argument = call.arg("string", "data", 0)
    while (
        isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute) and argument.func.attr == "encode"
    ):
        argument = argument.func.value
    if argument is None or _CACHE.search(f"{call.scope.name} {call.module.line(call.place.line)}"):
        return False
    made = Formatted.behind(call.project, call.scope, argument)
    return any(
        _secret_and_data([last_word(piece) for piece in one.pieces])
        and not _all_fixed(call.project, one.scope, one.pieces)
        for one in made
    )


def _secret_and_data(words: list[str]) -> bool:
    secret = [w for w in words if _KEYS.search(w) and (holds_secret(w) or w.lower() == "salt") and not is_password(w)]
    salted = any(w.lower().endswith("salt") for w in secret)
    return bool(secret) and len(words) > 1 and not any(is_password(w) for w in words) and not salted


def _all_fixed(project: Project, scope: Scope, pieces: Sequence[ast.expr]) -> bool:
    """Whether the code and its settings alone decide what is hashed."""
    return all(_fixed(project, scope, piece) for piece in pieces)


def _fixed(project: Project, scope: Scope, piece: ast.expr) -> bool:
    if all(one.literal or one.configured for one in project.value(scope, piece).choices()):
        return True
    match piece:
        case ast.Call(func=ast.Attribute(value=value), args=args, keywords=[]):
            return _all_fixed(project, scope, [value, *args])
    return False


def _fed(call: Call) -> bool:
    """`digest = sha256(); digest.update(secret); digest.update(data)`."""
    scope = call.scope
    names = {name for name, made in scope.assigned.items() if [a.value for a in made] == [call.node]}
    if not names or _CACHE.search(scope.name):
        return False
    words: list[str] = []
    pieces: list[ast.expr] = []
    for one in scope.calls:
        match one.func:
            case ast.Attribute(value=ast.Name(id=name), attr="update") if name in names and len(one.args) == 1:
                given: ast.expr = one.args[0]
                while isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute):
                    given = given.func.value
                words.append(last_word(given))
                pieces.append(one.args[0])
    return _secret_and_data(words) and not _all_fixed(call.project, scope, pieces)


def _kept(call: Call) -> int:
    """How much of a digest must be kept; 0 where the call is no HMAC's digest."""
    if not isinstance(call.node.func, ast.Attribute) or call.node.func.attr not in {"hexdigest", "digest"}:
        return 0
    made = call.node.func.value
    direct = isinstance(made, ast.Call) and call.project.names.dotted(call.scope, made.func) == "hmac.new"
    named = call.project.names.kind(call.scope, made)
    if not direct and not (named is not None and "hmac" in call.project.names.name(named)):
        return 0
    return _HEX if call.node.func.attr == "hexdigest" else _BYTES
