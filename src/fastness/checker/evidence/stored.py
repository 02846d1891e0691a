"""Whether a function reads from a store: a database, a document store, a dict that the module keeps."""

from __future__ import annotations

import ast
import re

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

DEEP = 3
_READS = frozenset({
    "execute", "scalar", "scalars", "query", "exec", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "find", "find_one",
    "find_all", "aggregate", "get_by_id", "get_all", "get_multi", "list_all", "to_list", "fetchall", "fetchone", "hgetall", "lrange",
    "find_many", "find_unique", "get_one", "get_or_none", "read_sql",
})  # fmt: skip
_VAGUE = frozenset(
    {"get", "all", "first", "filter", "values", "items", "list", "select", "query", "fetch", "execute", "find", "exec"}
)
_STORES = re.compile(
    r"(^|[._(])(db|database|session|conn|connection|cursor|cur|coll|collection|repo|repository|redis|store|storage|table|crud|dao|uow|mongo|engine"
    r"|prisma|objects|supabase|query|qs)\w*",
    re.IGNORECASE,
)  # fmt: skip


def reads(function: Function) -> bool:
    """Whether it, or a function that it calls, reads a store."""
    return any(_reads(call) for one in function.reaches(DEEP) for call in one.calls()) or _keeps(function)


def _reads(call: Call) -> bool:
    last = call.name.rpartition(".")[2]
    if last not in _READS and last not in _VAGUE:
        return False
    if call.receiver is None:
        return last == "select" and "sql" in call.name.lower()
    return (
        bool(_STORES.search(written(call.receiver)) or _STORES.search(call.name.rpartition(".")[0]))
        or "sqlalchemy" in call.name
    )


def _keeps(function: Function) -> bool:
    """Whether it returns part of a list or dict of its module."""
    for value in function.returns:
        for node in walk(value):
            if (
                isinstance(node, ast.Name)
                and node.id not in function.scope.assigned
                and function.scope.parameter(node.id) is None
            ):
                bound = function.scope.module.assigned.get(node.id, [])
                if any(isinstance(a.value, (ast.List, ast.Dict)) for a in bound) and not node.id.isupper():
                    return True
    return False
