"""Where passwords go as they were typed: into records, statements, collections and dicts, and into comparisons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fastness.checker.evidence.classes import Model
from fastness.checker.evidence.found import Variable
from fastness.checker.evidence.passwords import (
    as_typed,
    carried,
    hashes_itself,
    is_password,
    is_table,
    last_word,
    variable,
)
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.text import Formatted
from fastness.checker.evidence.written import written
from fastness.checker.finding import Place

_WRITES = re.compile(
    r"\b(insert\s+(or\s+\w+\s+)?into|update|replace\s+into)\b.*\bpass(word|wd)?\b", re.IGNORECASE | re.DOTALL
)
_READS = re.compile(r"\bselect\b.*\bwhere\b.*\b(user_?)?pass(word|wd)?\b\s*(=|like)", re.IGNORECASE | re.DOTALL)
_EXECUTES = (
    "execute",
    "executemany",
    "exec",
    "exec_driver_sql",
    "fetch_one",
    "fetch_all",
    "fetchrow",
    "fetchval",
    "fetch",
    "text",
)
_INSERTS = (
    "insert_one",
    "insert_many",
    "update_one",
    "replace_one",
    "find_one_and_update",
    "put_item",
    "insert_document",
)
_FINDS = ("find_one", "filter_by", "get_or_none", "filter", "find")
_DUMPS = frozenset({"dict", "model_dump", "dump", "to_dict", "jsonable_encoder"})
_HASHES = re.compile(r"hash|crypt|argon|pbkdf|scrypt|make_password", re.IGNORECASE)
_OTHER_COMPARED = re.compile(r"confirm|repeat|again|retype|old|new|current|2$|verif|hash|hidden|default", re.IGNORECASE)

_ROOM = re.compile(r"\b\w*(room|meeting|lobby|game|match|share|link|channel)\w*[\[.(]", re.IGNORECASE)
"""What people open for each other for a while; its word is no account's password."""

Seen = tuple[Place, str]


def stored(project: Project) -> Iterator[Seen]:
    """Places where a typed password becomes part of a record."""
    yield from _records(project)
    yield from _attributes(project)
    yield from _documents(project)
    yield from _statements(project, _WRITES)


def compared(project: Project) -> Iterator[Seen]:
    """Places where a typed password is compared with what a store holds."""
    for scope, compare in project.nodes(ast.Compare):
        if len(compare.ops) != 1 or not isinstance(compare.ops[0], (ast.Eq, ast.NotEq)):
            continue
        sides = (compare.left, compare.comparators[0])
        if not any(is_password(last_word(side)) for side in sides):
            continue
        for side, other in (sides, sides[::-1]):
            if as_typed(project, scope, side) and _kept(project, scope, other) and not _ROOM.search(written(other)):
                yield project.place(scope, compare), f"{scope.short} {project.code(scope, compare)}"
                break
    for call in project.calls(*_FINDS):
        typed = [
            k.value
            for k in call.node.keywords
            if k.arg and is_password(k.arg) and as_typed(project, call.scope, k.value)
        ]
        for argument in call.node.args:
            if isinstance(argument, ast.Dict):
                typed.extend(_typed_items(project, call.scope, argument))
        if typed:
            yield call.place, f"{call.scope.short} {call.name}"
    yield from _statements(project, _READS)


def _records(project: Project) -> Iterator[Seen]:
    tables = {cls.short for cls in project.classes() if is_table(cls)}
    for call in project.calls(*tables, "model_validate", "from_orm", "cls"):
        scope = project.names.resolve(
            call.scope, call.receiver if call.name.endswith("model_validate") and call.receiver else call.node.func
        )
        if isinstance(call.node.func, ast.Name) and call.node.func.id == "cls":
            scope = call.scope.enclosing_class
        if not isinstance(scope, Scope) or scope.kind != "class":
            continue
        table = project.class_of(scope)
        if not is_table(table) or hashes_itself(table):
            continue
        for keyword in call.node.keywords:
            if keyword.arg is not None and column(keyword.arg) and typed(project, call.scope, keyword.value):
                yield project.place(call.scope, keyword.value), f"{call.scope.short} {table.short}"
            elif (
                keyword.arg is None
                and _dumped(project, call.scope, keyword.value)
                and _column_of(table.scope)
                and not any(k.arg and column(k.arg) for k in call.node.keywords)
            ):
                yield call.place, f"{call.scope.short} {table.short}"


def typed(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """Whether it is a password as typed, or a local name for one: `hashed = form.password`."""
    if as_typed(project, scope, expr):
        return True
    made = scope.assigned.get(expr.id, []) if isinstance(expr, ast.Name) else []
    return len(made) == 1 and made[0].value is not None and as_typed(project, scope, made[0].value)


def _attributes(project: Project) -> Iterator[Seen]:
    """`user.password = form.password` where `user` is a record."""
    for scope, assignment in project.assignments(r"\.\w*(pass|pwd)"):
        owner, _, word = assignment.name.rpartition(".")
        if assignment.value is None or assignment.how != "plain" or owner in {"self", "cls"} or not column(word):
            continue
        if not isinstance(assignment.node, ast.Assign) or not as_typed(project, scope, assignment.value):
            continue
        target = assignment.node.targets[0]
        kind = project.names.kind(scope, target.value) if isinstance(target, ast.Attribute) else None
        if isinstance(kind, Scope) and kind.kind == "class":
            cls = project.class_of(kind)
            if not is_table(cls) or hashes_itself(cls):
                continue
        elif not re.search(
            r"user|account|member|customer|existing|record|^db_|_db$|entity|^obj", owner, re.IGNORECASE
        ) or any(is_table(cls) and hashes_itself(cls) and _column_of(cls.scope) for cls in project.classes()):
            continue
        yield project.place(scope, assignment.node), f"{scope.short} {assignment.name}"


def _documents(project: Project) -> Iterator[Seen]:
    for call in project.calls(*_INSERTS):
        for argument in call.positional:
            if _document(project, call.scope, argument):
                yield call.place, f"{call.scope.short} {call.name}"
    for scope, node in project.nodes(ast.Assign):
        target = node.targets[0]
        if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
            continue
        if _global(scope, target.value.id) and _document(project, scope, node.value):
            yield project.place(scope, node), f"{scope.short} {target.value.id}"
    for call in project.calls("append"):
        receiver = call.receiver
        if not isinstance(receiver, ast.Name) or not _global(call.scope, receiver.id):
            continue
        if call.positional and _document(project, call.scope, call.positional[0]):
            yield call.place, f"{call.scope.short} {receiver.id}"


def _statements(project: Project, wanted: re.Pattern[str]) -> Iterator[Seen]:
    for call in project.calls(*_EXECUTES):
        statement = call.arg(0)
        if statement is None:
            continue
        made = list(Formatted.behind(project, call.scope, statement))
        text = " ".join([project.value(call.scope, statement).text, *(m.text for m in made)])
        if not wanted.search(text):
            continue
        pieces = [(m.scope, piece, m.node) for m in made for piece in m.pieces]
        given = [
            (call.scope, part, call.node)
            for argument in (*call.node.args[1:], *(k.value for k in call.node.keywords))
            for part in _parts(argument)
        ]
        for scope, piece, node in (*pieces, *given):
            if as_typed(project, scope, piece):
                yield project.place(scope, node), f"{scope.short} {'select' if wanted is _READS else 'insert'}"
                break


def _parts(expr: ast.expr) -> Iterator[ast.expr]:
    match expr:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from _parts(element)
        case ast.Dict(values=values):
            yield from values
        case _:
            yield expr


def _document(project: Project, scope: Scope, expr: ast.expr, deep: int = 0) -> bool:
    """Whether a dict, a model or its dump holds a password as typed."""
    if deep > 3:  # noqa: PLR2004 - names of names
        return False
    match expr:
        case ast.Dict():
            inner = [v for v in expr.values if isinstance(v, ast.Dict)]
            return bool(_typed_items(project, scope, expr)) or any(
                _document(project, scope, v, deep + 1) for v in inner
            )
        case ast.Name():
            found = variable(project, scope, expr)
            if (
                found is not None
                and len(found.assignments) == 1
                and found.last.value is not None
                and found.scope.kind == "function"
            ):
                changed = any(
                    "pass" in n.lower() and "[" in n
                    for n in (project.code(scope, t) for a in project.nodes_of(scope, ast.Assign) for t in a.targets)
                )
                return not changed and _document(project, found.scope, found.last.value, deep + 1)
            return _dumped(project, scope, expr)
        case _:
            return _dumped(project, scope, expr)


def _typed_items(project: Project, scope: Scope, display: ast.Dict) -> list[ast.expr]:
    return [
        value
        for key, value in zip(display.keys, display.values, strict=True)
        if isinstance(key, ast.Constant)
        and isinstance(key.value, str)
        and is_password(key.value)
        and as_typed(project, scope, value)
    ]


def _dumped(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """`user.model_dump()` or `dict(user)` of a body with a password, in a function that hashes nothing."""
    source = expr
    if isinstance(expr, ast.Call):
        func = expr.func
        word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if word not in _DUMPS or any(k.arg in {"exclude", "include"} for k in expr.keywords):
            return False
        source = (
            func.value
            if isinstance(func, ast.Attribute) and word != "jsonable_encoder"
            else expr.args[0]
            if expr.args
            else expr
        )
    kind = project.names.kind(scope, source)
    cls = project.class_of(kind) if isinstance(kind, Scope) and kind.kind == "class" else None
    if not isinstance(cls, Model) or not any(is_password(f.name) for f in cls.fields):
        return False
    if any(s.kind not in {"request", "parameter"} for s in project.flow.origins(scope, source)):
        return False
    return not _HASHES.search(project.words(scope)) and not any(
        _HASHES.search(v.short) or _HASHES.search(project.words(v.scope)) for v in cls.validators()
    )


def _kept(project: Project, scope: Scope, expr: ast.expr) -> bool:
    """Whether the other side of a comparison is the password of a record."""
    word = last_word(expr)
    if not is_password(word) or _OTHER_COMPARED.search(word):
        return False
    if isinstance(expr, ast.Attribute):
        found = variable(project, scope, expr)
        if isinstance(found, Variable) and found.scope.kind == "class" and is_table(project.class_of(found.scope)):
            return True
    sources = project.flow.origins(scope, expr)
    if any(s.kind in {"environment", "literal"} for s in sources) and not isinstance(expr, ast.Subscript):
        return False
    return not any(
        s.kind == "request" and carried(s) and not s.passed("query", "execute", "find_one", "get", "first")
        for s in sources
    )


def column(name: str) -> bool:
    """Whether a column of this name holds passwords."""
    return is_password(name) or name.lower() in {"hashed_password", "password_hash", "hash_password", "pass_hash"}


def _column_of(scope: Scope) -> bool:
    return any(is_password(name) for name in scope.assigned)


def _global(scope: Scope, name: str) -> bool:
    """Whether a name is a dict or list of the module: the store of a small program."""
    if name in scope.assigned or scope.kind == "module" or scope.parameter(name) is not None:
        return False
    return any(isinstance(a.value, (ast.Dict, ast.List)) for a in scope.module.assigned.get(name, []))
