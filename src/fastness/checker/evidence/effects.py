"""What a function changes in the world, itself and through the functions it calls."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.functions import Call, Function
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

Effect = Literal["store", "file", "process", "message", "job", "request"]
"""store: a database or cache is written. message: a mail or SMS. job: background work is started. request: a call to
another service."""
DEEP = 3
_STORE = frozenset({
    "add", "add_all", "commit", "insert", "insert_one", "insert_many", "update_one", "update_many", "delete_one",
    "delete_many", "replace_one", "find_one_and_update", "find_one_and_delete", "bulk_save_objects", "bulk_create",
    "save", "create", "update", "delete", "merge", "put_item", "delete_item", "update_item", "hset", "lpush", "rpush",
    "set_document", "upsert", "bulk_write", "save_changes", "persist", "executemany", "flush", "setex", "zadd", "sadd",
    "add_documents", "add_texts", "from_documents",
})  # fmt: skip
_VAGUE = frozenset({"add", "update", "create", "delete", "save", "insert", "merge", "flush", "persist"})
_STORES = re.compile(
    r"(^|[._])(db|database|session|conn|connection|cursor|cur|collection|coll|repo|repository|redis|cache|store|storage|table|client"
    r"|crud|dao|uow|mongo|engine|tx|transaction|supabase|prisma|objects|service|manager|query)\w*(\(\))?\b",
    re.IGNORECASE,
)
_FILE = frozenset({
    "write", "write_text", "write_bytes", "copyfileobj", "unlink", "rmtree", "remove", "rename", "move", "mkdir",
    "makedirs", "upload_file", "upload_fileobj", "put_object", "delete_object", "writelines", "copy", "copyfile",
})  # fmt: skip
_FILES = re.compile(
    r"^(os|shutil|pathlib|aiofiles|io)\b|s3|minio|bucket|file|path|blob|^f\b|open\(\)|buffer|out", re.IGNORECASE
)
_PROCESS = re.compile(r"^(subprocess\.\w+|os\.(system|popen|exec\w*|spawn\w*)|asyncio\.create_subprocess_\w+)$")
_MESSAGE = re.compile(
    r"(^|[._])send_?(e?mail|message|sms|otp|code|reset|verification|notification|invite)\w*$|\.sendmail$|send_message$|fastmail.*send",
    re.IGNORECASE,
)
_JOB = re.compile(r"\.(delay|apply_async|send_task|enqueue|enqueue_job|add_task|kiq)$")
_WRITING = re.compile(r"^\s*(insert|update|delete|drop|alter|create|replace|truncate|merge)\b", re.IGNORECASE)
_REQUEST = re.compile(
    r"^(requests|httpx|aiohttp|urllib3?|httpx2)\b.*\.(get|post|put|patch|delete|request|urlopen|stream)$|urlopen$"
)


def effects(function: Function) -> frozenset[Effect]:
    """Everything it is seen to change."""
    return frozenset(deeds(function))


def deeds(function: Function) -> dict[Effect, Function | Call]:
    """Everything it is seen to change, each with the first call that does it (or the function, for a module's own data)."""
    known = function.project.once(_known)
    if function not in known:
        known[function] = _deeds(function)
    return known[function]


def _known(project: Project) -> dict[Function, dict[Effect, Function | Call]]:
    """What functions were seen to change, filled by those who ask."""
    del project
    return {}


def _deeds(function: Function) -> dict[Effect, Function | Call]:
    found: dict[Effect, Function | Call] = {}
    for one in function.reaches(DEEP):
        for call in one.calls():
            effect = effect_of(call)
            if effect is not None:
                found.setdefault(effect, call)
        for node in one.nodes(ast.Delete):
            if any(isinstance(t, ast.Subscript) for t in node.targets) and _global(one.scope, node.targets[0]):
                found.setdefault("store", one)
        if any(_global_write(one, node) for node in one.nodes(ast.Assign)):
            found.setdefault("store", one)
    return found


def effect_of(call: Call) -> Effect | None:
    """What one call changes, or None."""
    last = call.name.rpartition(".")[2]
    if _PROCESS.search(call.name):
        return "process"
    if _JOB.search(call.name):
        return None if _tidies(call) else "job"
    if _MESSAGE.search(call.name):
        return "message"
    if _REQUEST.search(call.name):
        return "request"
    receiver = _text(call)
    if last in _STORE and (
        last not in _VAGUE or _STORES.search(receiver) or _STORES.search(call.name.rpartition(".")[0])
    ):
        return "store" if call.target is None or last not in _VAGUE else None
    if last in {"execute", "exec", "fetch", "fetchval", "fetchrow", "scalar", "scalars", "query", "run"}:
        return "store" if _writes(call) else None
    if last in {"append", "pop", "remove", "extend", "clear", "setdefault"} and _global(call.scope, call.receiver):
        return "store"
    if last in _FILE and (_FILES.search(call.name) or _FILES.search(receiver)):
        return None if temporary(call) else "file"
    return None


def _tidies(call: Call) -> bool:
    """Whether the work behind it only gives back what the request took."""
    work = written(call.positional[0]) if call.positional else ""
    return (
        re.search(r"(^|[._])(release|close|unlink|rmtree|abort|clean_?up|clear_temp|delete_(temp|file))\w*$", work)
        is not None
    )


def temporary(call: Call) -> bool:
    """Whether what is written lies in a folder for temporary files."""
    parts = [*call.positional[:1], *([call.receiver] if call.receiver is not None else [])]
    texts = [written(p) for p in parts]
    names = [n.id for p in parts for n in walk(p) if isinstance(n, ast.Name)]
    bound = [a.value for name in names for a in call.scope.assigned.get(name, [])]
    texts.extend(written(value) for value in bound if value is not None)
    seen = " ".join(texts)
    again = [a for n in re.findall(r"[A-Za-z_]\w*", seen) for a in call.scope.assigned.get(n, [])]
    seen += " ".join(written(a.value) for a in again if a.value is not None)
    return (
        re.search(
            r"\b(tempfile|gettempdir|NamedTemporaryFile|TemporaryDirectory|mkdtemp|mkstemp|get_temp\w*|temp_(dir|path|file|folder)\w*)\b",
            seen,
        )
        is not None
    )


def _writes(call: Call) -> bool:
    statement = call.arg(0)
    if statement is None:
        return False
    value = call.project.value(call.scope, statement)
    texts = [value.text, *(item.text for item in value.items[:1])]
    if any(_WRITING.search(text) for text in texts):
        return True
    for source in (statement, *_assigned(call.scope, statement)):
        for node in walk(source):
            if isinstance(node, ast.Call):
                name = call.project.names.dotted(call.scope, node.func).rpartition(".")[2]
                if name in {"insert", "update", "delete"}:
                    return True
                if name == "text" and node.args and _WRITING.search(call.project.value(call.scope, node.args[0]).text):
                    return True
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _WRITING.search(node.value):
                return True
    return False


def _assigned(scope: Scope, expr: ast.expr) -> list[ast.expr]:
    if not isinstance(expr, ast.Name):
        return []
    return [a.value for a in scope.assigned.get(expr.id, []) if a.value is not None]


def _global(scope: Scope, expr: ast.AST | None) -> bool:
    """Whether an expression is a module's list or dict: the store of small programs."""
    while isinstance(expr, (ast.Subscript, ast.Attribute)):
        expr = expr.value
    if not isinstance(expr, ast.Name) or expr.id in scope.assigned or scope.parameter(expr.id) is not None:
        return False
    bound = scope.module.assigned.get(expr.id, [])
    return any(isinstance(a.value, (ast.List, ast.Dict, ast.Set)) for a in bound)


def _global_write(function: Function, node: ast.Assign) -> bool:
    return any(isinstance(t, ast.Subscript) and _global(function.scope, t) for t in node.targets)


def _text(call: Call) -> str:
    return written(call.receiver) if call.receiver is not None else ""
