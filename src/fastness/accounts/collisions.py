"""Paths that both the application and its accounts want: one of the two would never be asked, and nobody would know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastness.chain import Secured
from fastness.core.errors import UnsafeConfiguration
from fastness.rules import Rule, Rules

_PARAMETER = re.compile(r"\{[^{}]*\}")
_MOST_NAMED = 10
_OURS = "fastness.accounts.api."


def collisions(secured: Secured) -> list[UnsafeConfiguration]:
    """One problem that names every path which two would answer."""
    found = [*dict.fromkeys(_found(secured.gate.current()))]
    if not found:
        return []
    names = [*found[:_MOST_NAMED], *([f"and {len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else [])]
    return [
        UnsafeConfiguration(
            f"accounts and the application both answer at {len(found)} path{'s' if len(found) != 1 else ''}",
            where=", ".join(names),
            why="whichever came first answers, and the other is never asked",
            fix='give accounts a path of their own, as in Accounts(..., api="/accounts")',
        )
    ]


def _found(rules: Rules) -> Iterator[str]:
    same: dict[tuple[str, str], bool] = {}
    for rule in rules.all:
        if rule.route.kind != "http" or rule.route.within:
            continue
        own = _mine(rule)
        for method in rule.methods or {"GET"}:
            key = (method, _PARAMETER.sub("{}", rule.path))
            if same.setdefault(key, own) is not own or _answers(rules, rule, method) is not own:
                yield f"{method} {rule.path}"


def _answers(rules: Rules, rule: Rule, method: str) -> bool:
    """Whether accounts answer a request that this route is for."""
    # A value that every convertor but a path's own takes, and no literal segment.
    path = _PARAMETER.sub("48151623", rule.path)
    answering = rules.table.match({"type": "http", "method": method, "path": path, "headers": [], "query_string": b""})
    return _mine(answering or rule)


def _mine(rule: Rule) -> bool:
    module = getattr(rule.route.endpoint, "__module__", "") or ""
    return f"{module}.".startswith(_OURS)
