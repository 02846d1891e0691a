"""Paths that a rate limiter names: the keys of a table of rules, or a list, in a file that is about limits."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_ABOUT = re.compile(r"rate_?limit|throttl|limiter|ratelimit", re.IGNORECASE)
_BOUNDED = re.compile(r"[+*}]\)|[+*]\)?[+*]|\\[1-9]")
"""Patterns that could run on when we try them: those are not tried."""
LONGEST = 200


def limited_paths(project: Project) -> tuple[str, ...]:
    """Every such path or pattern; `project.once(limited_paths)`."""
    found: list[str] = []
    for module in project.modules_of():
        low = module.text.lower()
        if ("limit" not in low and "throttl" not in low) or not _ABOUT.search(module.text):
            continue
        for scope in module.scope.within():
            for node in scope.nodes.get(ast.Dict, ()):
                if isinstance(node, ast.Dict) and _ABOUT.search(_around(project, scope.name, module.path, node)):
                    found.extend(k.value for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str))
    return tuple(text for text in found if text.startswith(("/", "^/")) and len(text) < LONGEST)


def _around(project: Project, scope: str, path: str, node: ast.Dict) -> str:
    """Where a table stands, and what its values are called."""
    del project
    return " ".join([scope, path, *(written(v)[:LONGEST] for v in node.values)])


def names(paths: tuple[str, ...], route: str) -> bool:
    """Whether one of the paths is a route's own, a folder above it, or a pattern that it matches."""
    for text in paths:
        if route == text or (not text.startswith("^") and text != "/" and route.startswith(text.rstrip("*/") + "/")):
            return True
        if text.startswith("^") and not _BOUNDED.search(text):
            try:
                matched = re.match(text, route) is not None
            except re.error:
                continue
            if matched:
                return True
    return False
