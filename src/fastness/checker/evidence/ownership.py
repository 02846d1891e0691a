"""Whether a project treats rows of a class as somebody's own: it compares their owner anywhere, or only notes who made them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.records import OWNER, Record, records
from fastness.checker.evidence.scope import Scope

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

Sense = Literal["compared", "noted", "nowhere"]
_USERS = re.compile(
    r"\b(from|into|table(\s+if\s+not\s+exists)?)\s+[\"'`]?(users|accounts|members|customers)\b|\b(users|accounts)_?(collection|table|db)\b|\[['\"]users['\"]\]|\.users\b",
    re.IGNORECASE,
)
_MAKER = re.compile(r"creat|author|upload|submit|posted|by(_id)?$", re.IGNORECASE)
"""Columns that say who made a row, which in a shared tool gives no rights."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Where owners' columns are used."""

    compared: frozenset[int]
    """Classes whose owner column meets something in a comparison or filter."""
    filtered: frozenset[tuple[str, str]]
    """Module and column, where the class could not be told."""
    noted: frozenset[int]
    """Classes whose owner column is set when a row is made."""

    def of(self, record: Record, modules: frozenset[str]) -> Sense:
        """How seriously the project takes the owner of these rows; `modules` are the files that handle them."""
        scopes = {id(cls.scope) for cls in record.of.lineage()}
        if scopes & self.compared or any((module, record.owner) in self.filtered for module in modules):
            return "compared"
        if scopes & self.noted and not _MAKER.search(record.owner):
            return "noted"
        return "nowhere"


def ownership(project: Project) -> Ownership:
    """Reads the whole project once; `project.once(ownership)`."""
    compared: set[int] = set()
    filtered: set[tuple[str, str]] = set()
    noted: set[int] = set()
    for scope, node in project.nodes(ast.Compare):
        for side in (node.left, *node.comparators):
            if isinstance(side, ast.Attribute) and OWNER.match(side.attr):
                _meets(project, scope, side, compared, filtered)
    for call in project.calls("filter_by", "get", "filter", "find_one", "find"):
        for keyword in call.node.keywords:
            if keyword.arg and OWNER.match(keyword.arg):
                filtered.add((call.module.path, keyword.arg))
    for name in list(project.called_words):
        if not name[:1].isupper():
            continue
        for call in project.calls(name):
            if any(k.arg and OWNER.match(k.arg) for k in call.node.keywords):
                found = project.names.resolve(call.scope, call.node.func)
                if isinstance(found, Scope):
                    noted.add(id(found))
    return Ownership(frozenset(compared), frozenset(filtered), frozenset(noted))


def accounts_known(project: Project) -> bool:
    """Whether the project keeps accounts of people, or a store of them; `project.once(accounts_known)`."""
    if any(record.account for record in records(project)):
        return True
    return any(_USERS.search(module.text) for module in project.modules_of())


def _meets(
    project: Project, scope: Scope, side: ast.Attribute, compared: set[int], filtered: set[tuple[str, str]]
) -> None:
    found = project.names.resolve(scope, side)
    if isinstance(found, Variable) and found.scope.kind == "class":
        compared.add(id(found.scope))
        base = project.names.resolve(scope, side.value)
        if isinstance(base, Scope):
            compared.add(id(base))
    else:
        filtered.add((project.names.module(scope).path, side.attr))
