"""
## What it looks for
A secret that a caller sends and that `==` or `!=` compares: keys, tokens, signatures, the password of a setting.

## Why it matters
`==` stops at the first difference. How long it took says how much was right, and so the secret is found byte by byte.

## Bad
    import os
    from fastapi import Header, HTTPException

    API_KEY = os.environ["API_KEY"]

    def machine(x_api_key: str = Header()) -> None:
        if x_api_key != API_KEY:
            raise HTTPException(401)

## Good
    import hmac
    import os
    from fastapi import Header, HTTPException

    API_KEY = os.environ["API_KEY"]

    def machine(x_api_key: str = Header()) -> None:
        if not hmac.compare_digest(x_api_key.encode(), API_KEY.encode()):
            raise HTTPException(401)

## How it is found
Both sides of a comparison are followed: one must come from a caller, the other from a setting, a constant that is named as a
secret, or a MAC. A password and its repetition, kinds of tokens, placeholders and conditions of a query are left alone.

## What it cannot see
Secrets under names that do not say so, and look-ups of a key in a list or dict.

## How to tell the checker
`# fastness: ignore[FN120] the reason` on the line.

## References
OWASP API2:2023, ASVS 11.2.4, CWE-208.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.passwords import is_password, is_table, last_word, variable
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.secrecy import holds_secret
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written
from fastness.checker.finding import Confidence, Finding, Persona, Severity
from fastness.checker.rule import Rule

_SENT = re.compile(
    r"(^|_)(token|api_?key|apikey|secret|signature|sig|hmac|mac|digest|hash|key|password|passwd|authorization|credentials?)\d?$",
    re.IGNORECASE,
)
_KIND = re.compile(
    r"type|kind|scheme|provider|method|status|name$|(^|_)id$|length|version|prefix|algorithm|primary_?key|foreign_?key|public_?key|cache_?key|sort_?key|idempotency",
    re.IGNORECASE,
)
_NO_TEST = re.compile(
    r"(^|\.)(where|filter|filter_by|having|join|outerjoin|on|and_|or_|not_|case|debug|info|warning|error|exception|log|critical)$"
)
_MAC = ("hexdigest", "digest", "get_signature", "compute_signature", "generate_signature", "calculate_signature")
_SIGNATURE = re.compile(r"sign|hmac|(^|_)mac$|digest|(^|_)hash$|checksum", re.IGNORECASE)
_DIGESTED = ("sha256", "sha512", "sha1", "md5", "blake2b", "hash", "hash_token", "hash_key", "hash_api_key")


class TimedComparison(Rule):
    """A secret compared with ==."""

    id, name, control, severity = "FN120", "timed-comparison", "tokens", Severity.MEDIUM
    owasp, asvs, cwe, guide = ("API2:2023",), ("11.2.4",), (208,), (1,)
    why = "the time that the answer takes says how much of the guess was right"
    fix = "compare with hmac.compare_digest over bytes"

    def read(self, project: Project) -> Iterator[Finding]:
        for scope, compare in project.nodes(ast.Compare):
            if len(compare.ops) != 1 or not isinstance(compare.ops[0], (ast.Eq, ast.NotEq)):
                continue
            sides = (compare.left, compare.comparators[0])
            if scope.kind != "function" or not any(_named(_word(side)) for side in sides):
                continue
            if any(isinstance(side, ast.Constant) or _of_a_query(project, scope, side) for side in sides):
                continue
            if _proved(scope, sides) or _of_content(project, scope, sides) or _no_test(scope, compare):
                continue
            for given, kept in (sides, sides[::-1]):
                if not _sent(project, scope, given):
                    continue
                how = _secret(project, scope, given, kept)
                if how:
                    yield self.found(
                        project.place(scope, compare),
                        f"{how} is compared in a time that depends on the guess",
                        confidence=Confidence.MEDIUM,
                        persona=Persona.PEDANTIC if how == "a stored token" else Persona.REGULAR,
                        subject=f"{scope.short} {project.code(scope, compare)}",
                    )
                    break


def _proved(scope: Scope, sides: tuple[ast.expr, ast.expr]) -> bool:
    """Whether `compare_digest` decided about one side in the same function: what follows tells nothing new."""
    return any(
        written(side) in {written(argument) for argument in call.args}
        for call in scope.calls
        if written(call.func).endswith("compare_digest")
        for side in sides
    )


def _no_test(scope: Scope, compare: ast.Compare) -> bool:
    """Whether it makes a condition of a query, or is only written into a log."""
    return any(
        _NO_TEST.search(written(call.func))
        and any(part is compare for argument in (*call.args, *call.keywords) for part in walk(argument))
        for call in scope.calls
    )


def _of_content(project: Project, scope: Scope, sides: tuple[ast.expr, ast.expr]) -> bool:
    """Whether two digests of a content are compared, made without a key: nothing in them is secret."""
    words = [_word(side) for side in sides]
    if any(
        re.search(r"token|secret|sign|hmac|mac$|api_?key|password|credential", word, re.IGNORECASE) for word in words
    ):
        return False
    digests = all(re.search(r"hash|digest|checksum|sha\d+|md5|etag", word, re.IGNORECASE) for word in words)
    keyed = re.search(r"hmac|compute_sig|sign|secret|token|key", project.words(scope))
    return digests and keyed is None


def _named(word: str) -> bool:
    return _SENT.search(word) is not None or _SIGNATURE.search(word) is not None or holds_secret(word)


def _word(expr: ast.expr) -> str:
    match expr:
        case ast.Call(
            func=ast.Attribute(
                value=value, attr="hexdigest" | "digest" | "lower" | "upper" | "encode" | "decode" | "strip"
            )
        ):
            return _word(value) or "digest"
        case ast.Call(func=ast.Attribute(attr=word) | ast.Name(id=word)):
            return last_word(expr) or word
    return last_word(expr)


def _of_a_query(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """`User.token == token` makes a condition, it compares nothing."""
    found = variable(project, scope, expr)
    if found is None or found.scope.kind != "class":
        return False
    return is_table(project.class_of(found.scope)) or (
        isinstance(expr, ast.Attribute)
        and isinstance(project.names.resolve(scope, expr.value), Scope)
        and not project.names.is_a(found.scope, "BaseSettings")
        and not holds_secret(expr.attr)
    )


def _sent(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """Whether a side comes from a caller, and unhashed."""
    if scope.kind != "function" or _KIND.search(_word(expr)):
        return False
    sources = project.flow.origins(scope, expr)
    if any(s.passed(*_DIGESTED) for s in sources):
        return False
    if any(s.kind == "request" and not s.harmless for s in sources):
        return True
    return any(s.kind in {"parameter", "dependency"} for s in sources) and _SENT.search(_word(expr)) is not None


def _secret(project: Project, scope: Scope, given: ast.expr, kept: ast.expr) -> str:
    """What the other side is, when it is a secret; empty otherwise."""
    word, sent = _word(kept), _word(given)
    if _KIND.search(word):
        return ""
    sources = project.flow.origins(scope, kept)
    if re.search(r"pass(word|wd)?.*hash|hash.*pass", f"{word} {sent}", re.IGNORECASE):
        return ""  # a hash of a password is FN132's
    if any(s.passed(*_MAC) for s in sources) or (
        isinstance(kept, ast.Call)
        and _SIGNATURE.search(word)
        and "inspect" not in project.names.dotted(scope, kept.func)
    ):
        return "a signature" if _SIGNATURE.search(sent) or _SIGNATURE.search(word) else ""
    if any(s.kind in {"request", "parameter"} for s in sources):
        return ""
    return _of_the_program(project, scope, kept, sent)


def _of_the_program(project: Project, scope: Scope, kept: ast.expr, sent: str) -> str:
    word, value = _word(kept), project.value(scope, kept)
    named = (
        holds_secret(word)
        or holds_secret(value.variable)
        or (is_password(word) and not isinstance(kept, ast.Subscript))
    )
    both = _SENT.search(sent) is not None and _SENT.search(word) is not None
    if value.configured or any(s.kind == "environment" for s in project.flow.origins(scope, kept)):
        return "a secret of the settings" if named or both else ""
    if value.literal and isinstance(value.constant, (str, bytes)) and named:
        return "a secret of the code"
    if named and not is_password(word) and isinstance(kept, ast.Attribute) and holds_secret(sent):
        return "a stored token"
    return ""
