"""Where the text of a caught exception goes: to the client, in an error, an answer, or a message."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastness.checker.evidence.found import matches
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.names import Names
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk
from fastness.checker.evidence.written import written

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

_OWN_WORDS = frozenset({
    "ValueError", "KeyError", "TypeError", "LookupError", "IndexError", "AssertionError", "AttributeError", "PermissionError",
    "UnicodeDecodeError", "NotImplementedError", "TimeoutError", "ValidationError", "RequestValidationError", "HTTPException",
    "JSONDecodeError", "JWTError", "InvalidTokenError", "PyJWTError", "ExpiredSignatureError", "ArithmeticError", "StopIteration",
    "ZeroDivisionError", "OverflowError", "EmailNotValidError", "WebSocketDisconnect", "ResponseValidationError", "DecodeError",
})  # fmt: skip
_ABOUT_INPUT = re.compile(
    r"(Syntax|Validation|Pars(e|ing)|Decod(e|ing)|Encod(e|ing)|Invalid\w*|NotFound|NoResultFound|MultipleResultsFound|YAML|DoesNotExist|BadRequest)(Error|Exception)?$"
)
"""Errors whose text is about what the client sent."""
_TEXTS = frozenset({"str", "repr", "format", "format_exc", "format_exception", "print_exc", "exc_info"})
_ANSWERS = re.compile(
    r"(^|\.)(HTTPException|JSONResponse|ORJSONResponse|UJSONResponse|PlainTextResponse|HTMLResponse|Response|WebSocketException|abort)$"
)
_MESSAGES = frozenset({"send_text", "send_json", "send"})


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """One place where the text of an exception leaves."""

    scope: Scope
    node: ast.AST
    kind: str
    """The exception's name."""
    foreign: bool
    """The text is written by a library or by Python, not by the project."""
    traceback: bool = False


def sent(project: Project) -> Iterator[Sent]:
    """Every such place of the project's code."""
    for scope, handler in project.nodes(ast.ExceptHandler):
        if scope.kind == "function":
            kind, foreign, spoken = _caught(project.names, scope, handler.type)
            if _converting(scope, handler):
                foreign = spoken = False
            for one in _leaving(project, scope, handler.body, handler.name, kind, foreign=foreign):
                # Words for callers come with a 4xx; with a 5xx a library tells what went wrong inside.
                yield replace(one, foreign=True) if spoken and not _refuses(project, one) else one
    for function, kind, foreign in _registered(project):
        names = [a.arg for a in function.parameters]
        if len(names) > 1:
            yield from _leaving(
                project, function.scope, function.node.body, names[1], kind, foreign=foreign, answers=True
            )


def _refuses(project: Project, one: Sent) -> bool:
    """Whether it leaves with a status that is about the request: 4xx."""
    if not isinstance(one.node, ast.Call):
        return False
    status = project.call_of(one.scope, one.node).arg("status_code", 0)
    if status is None:
        return False
    number = project.value(one.scope, status).number
    named = re.search(r"HTTP_4\d\d_|\b4\d\d\b", written(status))
    return named is not None or (number is not None and 400 <= number < 500)  # noqa: PLR2004 - the class of statuses


def _caught(names: Names, scope: Scope, expr: ast.expr | None) -> tuple[str, bool, bool]:
    """What an `except` names; whether one of it is an error that others wrote, and wrote for nobody; for callers."""
    if expr is None:
        return "any exception", True, False
    spoken = False
    parts = expr.elts if isinstance(expr, ast.Tuple) else [expr]
    for part in parts:
        found = names.resolve(scope, part)
        word = names.dotted(scope, part).rpartition(".")[2] or written(part)
        if isinstance(found, Scope) or word in _OWN_WORDS or _ABOUT_INPUT.search(word):
            continue
        if not _spoken_for(names.dotted(scope, part)):
            return word, True, False
        spoken = True
    return written(parts[0]) if parts else "an exception", False, spoken


def _spoken_for(name: str) -> bool:
    """Whether it is an error of a library that has words for callers, caught by its own name.

    Errors of Python itself, and of what speaks to databases, queues, files and other hosts, name what nobody outside
    should know; so do classes that are only called `Error` or `Exception`.
    """
    module, _, word = name.rpartition(".")
    first = module.partition(".")[0]
    return bool(first) and first != "?" and _INSIDE.search(name) is None and word not in {"Error", "Exception"}


_INSIDE = re.compile(
    r"^(builtins|os|io|socket|ssl|subprocess|asyncio|shutil|sqlite3|smtplib|ftplib|http|urllib|json|pickle|importlib|concurrent"
    r"|sqlalchemy|sqlmodel|asyncpg|psycopg\w*|aiopg|aiomysql|pymysql|MySQLdb|mysql|databases|tortoise|peewee|pymongo|motor|beanie|bson"
    r"|redis|aioredis|kafka|aiokafka|pika|aio_pika|celery|kombu|requests|httpx2?|aiohttp|urllib3|botocore|boto3|aiobotocore|google"
    r"|azure|openai|anthropic|litellm|elasticsearch|opensearchpy|qdrant_client|chromadb|ldap3?|paramiko|docker|kubernetes|grpc|stripe"
    r"|jinja2|yaml|lxml|cryptography|neo4j|cassandra|clickhouse\w*|snowflake|minio|twilio|sendgrid|aiosmtplib|pydantic_core)\b"
)
_CONVERTS = re.compile(
    r"(^|\.)(b64decode|urlsafe_b64decode|standard_b64decode|loads|UUID|int|float|Decimal|fromisoformat|strptime|unhexlify|fromhex"
    r"|parse\w*|\w*validate\w*|from_?string|ip_address|ip_network|unquote|decode|strip|lower|split|replace|encode)$"
)


def _converting(scope: Scope, handler: ast.ExceptHandler) -> bool:
    """Whether the `try` does nothing but read a value: its error is about what was sent."""
    for node in scope.nodes.get(ast.Try, ()):
        if isinstance(node, ast.Try) and handler in node.handlers:
            calls = [n for s in node.body for n in walk(s) if isinstance(n, ast.Call)]
            names = [written(c.func) for c in calls]
            return bool(names) and all(
                _CONVERTS.search(name) or _ANSWERS.search(name) or name.endswith("RedirectResponse") for name in names
            )
    return False


def _registered(project: Project) -> Iterator[tuple[Function, str, bool]]:
    """Functions registered for an exception."""
    for call in project.calls("exception_handler", "add_exception_handler"):
        what = call.arg("exc_class_or_status_code", 0)
        if what is None:
            continue
        number = call.value("exc_class_or_status_code", 0).number
        found = project.names.resolve(call.scope, what)
        word = project.names.dotted(call.scope, what).rpartition(".")[2] or written(what)
        quiet = word in {
            "HTTPException",
            "RequestValidationError",
            "ValidationError",
            "RateLimitExceeded",
            "WebSocketRequestValidationError",
        }
        foreign = number == 500 or (number is None and not isinstance(found, Scope) and not quiet)  # noqa: PLR2004
        handler = _handler(project, call.scope, call.node, call.arg("handler", 1))
        if foreign and handler is not None and _spoken_for(project.names.dotted(call.scope, what)):
            foreign = re.search(r"\b5\d\d\b|_5\d\d_", written(handler.node)) is not None
        if handler is not None and foreign and word in _OWN_WORDS:
            # A project that answers 400 to its own ValueErrors wrote their texts; at 500 nobody expected them.
            foreign = re.search(r"\b500\b|_500_", written(handler.node)) is not None
        if handler is not None:
            yield handler, word, foreign


def _handler(project: Project, scope: Scope, node: ast.Call, given: ast.expr | None) -> Function | None:
    if given is not None:
        found = project.names.resolve(scope, given)
        return project.function_of(found) if isinstance(found, Scope) and found.kind == "function" else None
    for inner in scope.every:
        if inner.kind == "function" and node in getattr(inner.node, "decorator_list", ()):
            return project.function_of(inner)
    return None


def _leaving(
    project: Project,
    scope: Scope,
    body: list[ast.stmt],
    name: str | None,
    kind: str,
    *,
    foreign: bool,
    answers: bool = False,
) -> Iterator[Sent]:
    texts = _bound(body, name)
    returned = answers or project.flow.entry(scope)
    for node in _inside(body):
        leaving: list[ast.expr] = []
        if isinstance(node, ast.Call):
            word = project.names.dotted(scope, node.func) or written(node.func)
            last = word.rpartition(".")[2]
            if _ANSWERS.search(word) or (
                last in _MESSAGES
                and isinstance(node.func, ast.Attribute)
                and re.search(r"websocket|\bws\b|socket", written(node.func.value))
            ):
                leaving = [*node.args, *(k.value for k in node.keywords if k.arg != "headers")]
        elif (
            isinstance(node, ast.Return)
            and node.value is not None
            and returned
            and isinstance(node.value, (ast.Dict, ast.JoinedStr, ast.Tuple))
        ) or (
            isinstance(node, ast.Return)
            and node.value is not None
            and returned
            and isinstance(node.value, ast.Call)
            and matches(project.names.dotted(scope, node.value.func), ("str", "repr"))
        ):
            leaving = [node.value]
        for expr in leaving:
            trace = _trace(expr)
            if trace or _text(expr, name, texts):
                yield Sent(scope, node, kind, foreign or trace, trace)
                break


def _inside(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a handler's body; nested `try`s and functions speak for themselves."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop(0)
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
            todo.extend(ast.iter_child_nodes(node))


def _bound(body: list[ast.stmt], name: str | None) -> frozenset[str]:
    """Names bound to the text: `message = str(error)`."""
    found: set[str] = set()
    for node in _inside(body):
        if isinstance(node, ast.Assign) and (_text(node.value, name, frozenset(found)) or _trace(node.value)):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return frozenset(found)


def _trace(expr: ast.expr) -> bool:
    return any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute)
        and n.func.attr in {"format_exc", "format_exception", "format_tb"}
        for n in walk(expr)
    )


def _text(expr: ast.AST, name: str | None, texts: frozenset[str]) -> bool:
    """Whether an expression holds the text of the exception `name`."""
    match expr:
        case ast.Name(id=one):
            return one == name or one in texts
        case ast.Attribute(value=value, attr=attr):
            return attr in {
                "args",
                "message",
                "msg",
                "orig",
                "strerror",
                "filename",
                "stderr",
                "stdout",
                "output",
            } and _is(value, name)
        case ast.Subscript(value=value):
            return _text(value, name, texts)
        case ast.FormattedValue(value=value):
            return _text(value, name, texts)
        case ast.Call(func=func, args=args):
            word = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
            if word in _TEXTS or word in {
                "dict",
                "dumps",
                "jsonable_encoder",
                "encode",
                "strip",
                "replace",
                "join",
                "Detail",
            }:
                before = [func.value] if isinstance(func, ast.Attribute) else []
                return any(_text(a, name, texts) for a in (*args, *before))
            return False
        case ast.Dict(values=values) | ast.JoinedStr(values=values) | ast.Tuple(elts=values) | ast.List(elts=values):
            return any(_text(v, name, texts) for v in values)
        case ast.BinOp(left=left, right=right):
            return _text(left, name, texts) or _text(right, name, texts)
        case ast.IfExp(body=body, orelse=orelse):
            # `str(error) if settings.debug else "..."` is a choice that somebody made.
            return _text(body, name, texts) and _text(orelse, name, texts)
        case ast.BoolOp(values=values):
            return any(_text(v, name, texts) for v in values)
        case _:
            return False


def _is(expr: ast.AST, name: str | None) -> bool:
    return isinstance(expr, ast.Name) and expr.id == name
