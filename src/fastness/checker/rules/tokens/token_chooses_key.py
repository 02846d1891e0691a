"""
## What it looks for
An algorithm that is taken from the token's own header, or a key that is fetched from an address in it.

## Why it matters
The header is written by whoever sends the token, and is read before anything is verified.

## Bad
    import os
    import jwt

    KEY = os.environ["TOKEN_KEY"]

    def subject(token: str) -> str:
        header = jwt.get_unverified_header(token)
        return jwt.decode(token, KEY, algorithms=[header["alg"]])["sub"]

## Good
    import json
    import os
    import jwt

    KEYS = json.loads(os.environ["TOKEN_KEYS"])

    def subject(token: str) -> str:
        header = jwt.get_unverified_header(token)
        return jwt.decode(token, KEYS[header["kid"]], algorithms=["RS256"])["sub"]

## How it is found
The algorithms of a `decode` are followed back to `get_unverified_header`; reading `jku`, `jwk`, `x5u` or `x5c` from that
header is a finding as well. Looking up `kid` in a set of known keys is what it is for.

## What it cannot see
Headers that are decoded by hand.

## How to tell the checker
`# fastness: ignore[FN110] the reason` on the line.

## References
OWASP API2:2023, ASVS 9.1.3, CWE-347, RFC 8725 sections 3.1 and 3.10.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from fastness.checker.evidence.jwts import decodings
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Finding, Severity
from fastness.checker.rule import Rule

_HEADER = ("get_unverified_header", "get_unverified_headers")
_KEYS = frozenset({"jku", "jwk", "x5u", "x5c"})


class TokenChoosesKey(Rule):
    """The token says how, or with what, it is verified."""

    id, name, control, severity = "FN110", "token-chooses-key", "tokens", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API2:2023",), ("9.1.3",), (347,), (1,)
    why = "a forger names an algorithm or a key of their own"
    fix = "name the algorithms in the code, and look keys up by kid in a set that you trust"

    def read(self, project: Project) -> Iterator[Finding]:
        for decoding in project.once(decodings):
            sources = project.flow.origins(decoding.call.scope, decoding.arg("algorithms"))
            if any(source.passed(*_HEADER) for source in sources) and not decoding.unverified:
                yield self.found(
                    decoding.call.place,
                    "the token's own header names the algorithm",
                    subject=f"{decoding.call.code} algorithm",
                )
        for header in project.calls(*_HEADER):
            function = header.function
            for scope in function.scope.within() if function is not None else ():
                for node in walk(scope.node):
                    key = _read(node)
                    if key is not None and any(s.passed(*_HEADER) for s in project.flow.origins(scope, key[0])):
                        yield self.found(
                            project.place(scope, node),
                            f"the key comes from {key[1]} in the token's own header",
                            subject=key[1],
                        )


def _read(node: ast.AST) -> tuple[ast.expr, str] | None:
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str(key))) if key in _KEYS:
            return value, key
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[ast.Constant(value=str(key)), *_]) if (
            key in _KEYS
        ):
            return value, key
    return None
