"""Which texts of a statement SQLAlchemy did not write itself: they are emitted as they were handed over.

Not looked at is what belongs to the model and not to a statement: types, defaults, how relations join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from fastness.controls.sql.literals import alone, defines
from fastness.controls.sql.statement import IN_SOURCE

_KEPT = ("_prefixes", "_suffixes", "_multi_values", "_data", "inferred_target_elements", "_with_options", "context")
"""Where elements keep clauses that are no children of theirs; `context` is what an option of the ORM has."""
_DEEP = 3
"""Rows of a tuple of lists; what is deeper is a value."""


def texts(statement: str, context: Any) -> Iterator[str]:
    """Every text in a statement that SQLAlchemy did not write itself."""
    from sqlalchemy import TextClause

    compiled = getattr(context, "compiled", None)
    if compiled is None:
        yield statement
        return
    asked = getattr(context, "invoked_statement", None)
    for root in {id(one): one for one in (asked, compiled.statement) if one is not None}.values():
        if isinstance(root, TextClause):
            if not root.get_execution_options().get(IN_SOURCE):
                yield root.text
        else:
            # CREATE TABLE AS has a SELECT, which is no child of it; a SELECT is its own.
            yield from _fragments(getattr(root, "selectable", root))


def _fragments(root: Any) -> Iterator[str]:
    from sqlalchemy.sql import visitors

    waiting: list[Any] = [root]
    while waiting:
        for found in visitors.iterate(waiting.pop()):
            waiting += [clause for name in _KEPT for clause in _clauses(getattr(found, name, ()), _DEEP)]
            yield from (text for text in _written(found) if not alone(text))


def _clauses(value: object, deep: int) -> Iterator[Any]:
    if hasattr(type(value), "__visit_name__"):
        if not getattr(value, "deferred_where_criteria", False):  # a lambda, into which SQLAlchemy lets no value
            yield value
    elif deep and isinstance(value, (tuple, list, Mapping)):
        inside = cast("Any", value)
        for one in inside.values() if isinstance(value, Mapping) else inside:
            yield from _clauses(one, deep - 1)


def _written(element: Any) -> Iterator[str]:
    """What one element emits as it is."""
    if element.__visit_name__ == "textclause":
        if not element.get_execution_options().get(IN_SOURCE):
            yield element.text
    elif element.__visit_name__ == "ddl":
        # A trigger or a function holds statements, and its text stands in a module that is not running.
        if not defines(element.statement):
            yield element.statement
    elif element.__visit_name__ == "extract":
        yield element.field
    for operator in (getattr(element, "operator", None), getattr(element, "modifier", None)):
        if isinstance(written := getattr(operator, "opstring", None), str):
            yield written
    for name in (getattr(element, "name", None), getattr(element, "schema", None)):
        # `quoted_name(name, quote=False)` is how to say that it must not be quoted.
        if isinstance(name, str) and (getattr(element, "is_literal", False) or getattr(name, "quote", None) is False):
            yield name
    yield from getattr(element, "_hints", {}).values()
    yield from (text for _, text in getattr(element, "_statement_hints", ()))
