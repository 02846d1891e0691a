"""Credentials that the code holds or falls back to: keys, passwords, tokens, addresses with a password."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.evidence.credential import Credential
from fastness.checker.evidence.found import matches
from fastness.checker.evidence.functions import Call
from fastness.checker.evidence.passwords import is_password
from fastness.checker.evidence.planted import compared, images, seeds
from fastness.checker.evidence.scope import Assignment, Scope
from fastness.checker.evidence.secrecy import (
    DSN,
    holds_secret,
    keyed,
    plausible,
    random_looking,
    signs,
    stand_in,
)
from fastness.checker.evidence.value import Value
from fastness.checker.evidence.walking import walk
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.classes import Model
    from fastness.checker.evidence.project import Project

_HASHING = re.compile(
    r"(^|\.)(get_password_hash|hash_password|password_hash|hash_pw|encrypt_password|get_hashed_password|hashpw|make_password)$"
)

_ELSEWHERE = re.compile(
    r"^(Test|Testing|Dev|Development|Local|Debug|CI|Mock)(?![a-z])|(Test|Testing|Dev|Development|Local|Debug)(Config|Settings|Env)?$"
)
_EXAMPLES = re.compile(r"(^| )Config( |$)|model_config|schema_extra|examples?$|responses$", re.IGNORECASE)
"""Where the documentation of a model shows what a body looks like."""


def credentials(project: Project) -> tuple[Credential, ...]:
    """Every credential that is written down; `project.once(credentials)`."""
    seen: set[Place] = set()
    found: list[Credential] = []
    for credential in (
        *_assigned(project),
        *_arguments(project),
        *seeds(project),
        *images(project),
        *compared(project),
    ):
        key = Place(credential.place.path, credential.place.line)
        if key not in seen:
            seen.add(key)
            found.append(credential)
    return tuple(found)


def _assigned(project: Project) -> Iterator[Credential]:
    for scope in project.scopes():
        if scope.kind == "class" and project.names.is_a(
            scope, "enum.Enum", "Enum", "StrEnum", "enum.StrEnum", "TypedDict"
        ):
            continue
        if scope.kind == "class" and _ELSEWHERE.search(scope.short):
            continue  # the settings of tests and of a developer's machine
        for name, assignments in scope.assigned.items():
            word = name.rpartition(".")[2]
            for assignment in assignments:
                yield from _one(project, scope, word, assignment)


def _one(project: Project, scope: Scope, name: str, assignment: Assignment) -> Iterator[Credential]:
    if assignment.value is None or assignment.how not in {"plain", "walrus"}:
        return
    if isinstance(assignment.value, (ast.Name, ast.Attribute, ast.Subscript)):
        return
    if (
        isinstance(assignment.value, ast.Dict)
        and not holds_secret(name)
        and not _EXAMPLES.search(f"{scope.short} {name}")
    ):
        yield from _dictionary(project, scope, assignment.value)
    named = holds_secret(name) or _hidden(assignment)
    if not named and not _may_hold(assignment.value):
        return
    value = project.value(scope, assignment.value)
    place = project.place(scope, assignment.node)
    module = project.names.module(scope)
    if module.rewritten and "{{" in module.line(place.line):
        return  # the mark of a project template
    from fastness.checker.evidence.classes import Model

    cls = project.class_of(scope) if scope.kind == "class" else None
    model = cls if isinstance(cls, Model) else None
    if model is not None and not _settings(project, model) and value.origin == "literal":
        return  # the default of a request or response field
    if model is not None and value.origin == "literal":
        value = Value(value.constant, "setting", name, value.place)
    signing = signs(name) and not _key_of_another(scope, name)
    named = named and not (isinstance(assignment.value, (ast.JoinedStr, ast.BinOp)) and _composed(assignment.value))
    if (model is not None and _switched_off(project, model)) or _key_of_another(scope, name):
        return
    for one in value.choices():
        if one.configured and not _inside(one.place, place):
            continue  # the default is written elsewhere, and said there
        if named or holds_secret(one.variable):
            text = plausible(one.text, signing=signing) and (one.configured or signing or not stand_in(one.text))
            same = name == one.text if signing else _same(name, one.text)
            text = text and not same and (not keyed(name) or _hidden(assignment) or random_looking(one.text))
            made = isinstance(assignment.value, ast.Call) and one.origin == "literal" and not _plain(assignment.value)
            if text and not made and not _published(project, assignment, one):
                yield Credential(name, one, place, scope, "assigned", signing, model)
        elif (address := DSN.search(one.text)) is not None and plausible(address["password"]):
            yield Credential(name, one, place, scope, "address", signing=False, model=model)


def _hidden(assignment: Assignment) -> bool:
    """Whether the type says that it is a secret, whatever its name: `session_key: SecretStr`."""
    return (
        assignment.annotation is not None
        and re.search(r"\bSecret(Str|Bytes)\b", ast.unparse(assignment.annotation)) is not None
    )


def _composed(expr: ast.expr) -> bool:
    """Put together from names: a cache key, a path or an address is made so, a secret is not."""
    return any(isinstance(n, (ast.Name, ast.Attribute)) for n in walk(expr))


def _key_of_another(scope: Scope, name: str) -> bool:
    """`secret_name = "database"` beside `secret_key = "url"`: where a secret lies in Kubernetes, not what it is."""
    return name.lower().endswith("secret_key") and any(
        word.lower() == f"{name.lower()[:-4]}_name" for word in (*scope.assigned, *_arguments_of(scope))
    )


def _arguments_of(scope: Scope) -> list[str]:
    args = scope.arguments
    return [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)] if args is not None else []


def _switched_off(project: Project, model: Model) -> bool:
    """Whether the settings of an integration leave it off by default: nothing is reached with its default password."""
    enabled = model.field("enabled", "is_enabled", "active")
    del project
    return enabled is not None and enabled.default is not None and enabled.default.constant is False


def _may_hold(expr: ast.expr) -> bool:
    """Whether an address or a named variable can be inside: names alone are too many to evaluate."""
    return any(
        isinstance(n, ast.Call) or (isinstance(n, ast.Constant) and isinstance(n.value, str) and "://" in n.value)
        for n in walk(expr)
    )


def _inside(inner: Place | None, outer: Place) -> bool:
    if inner is None:
        return True
    return inner.path == outer.path and outer.line <= inner.line <= max(outer.end_line, outer.line)


def _published(project: Project, assignment: Assignment, one: Value) -> bool:
    """A test of the text in the same expression: `KEY if KEY != "changeme" else None` refuses it."""
    del project
    return assignment.value is not None and any(
        isinstance(node, ast.Compare)
        and any(isinstance(c, ast.Constant) and c.value == one.text for c in node.comparators)
        for node in walk(assignment.value)
    )


def _settings(project: Project, model: Model) -> bool:
    """Whether the environment fills a model: a settings class, or one that a settings class has as a field."""
    return model.is_settings or model.name in project.once(_nested)


def _nested(project: Project) -> frozenset[str]:
    return frozenset(
        inner.name for settings in project.settings() for field in settings.fields for inner in field.models
    )


_WHO = frozenset(
    {"username", "user", "email", "login", "host", "hostname", "server", "dbname", "database", "full_name", "role"}
)


def _dictionary(project: Project, scope: Scope, display: ast.Dict) -> Iterator[Credential]:
    keys = {k.value for k in display.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)}
    account = bool(keys & _WHO)
    for key, expr in zip(display.keys, display.values, strict=True):
        if isinstance(expr, ast.Dict):
            if not (isinstance(key, ast.Constant) and _EXAMPLES.search(str(key.value))):
                yield from _dictionary(project, scope, expr)
        elif isinstance(key, ast.Constant) and isinstance(key.value, str) and isinstance(expr, ast.Constant):
            if not holds_secret(key.value):
                continue
            value = project.value(scope, expr)
            # Words are often labels, types or messages; beside a name they are that account's password.
            if _same(key.value, value.text) or not plausible(value.text) or stand_in(value.text):
                continue
            if account or random_looking(value.text):
                yield Credential(key.value, value, project.place(scope, expr), scope, "argument", signs(key.value))


def _same(name: str, text: str) -> bool:
    """`{"api_key": "api-key"}`: the word for a thing, not the thing."""
    return re.sub(r"\W", "_", text.lower()) == name.lower()


def _plain(call: ast.Call) -> bool:
    """A call that keeps its text: `SecretStr("x")`, `os.getenv("X", "y")`, `Field("x")`."""
    word = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return word in {"SecretStr", "Secret", "str", "Field", "getenv", "get", "config", "encode", "SecretBytes", "cast"}


_TOKENS = re.compile(r"(^|[._])(jwt|jws|jose|json_?web_?token)\w*(\(\))?\.(encode|decode)$", re.IGNORECASE)
_TAKING = frozenset({"encode", "decode", "getenv", "get"})


def _arguments(project: Project) -> Iterator[Credential]:
    for scope in project.scopes():
        for node in scope.calls:
            word = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if word in _TAKING or _HASHING.search(word):
                yield from _positional(project, project.call_of(scope, node))
            names = {k.arg for k in node.keywords}
            for keyword in node.keywords:
                if keyword.arg and holds_secret(keyword.arg) and f"{keyword.arg.lower()[:-4]}_name" not in names:
                    yield from _keyword(project, scope, keyword.arg, keyword.value)


def _keyword(project: Project, scope: Scope, name: str, expr: ast.expr) -> Iterator[Credential]:
    if not isinstance(expr, ast.Constant) and not (isinstance(expr, ast.Call) and _plain(expr)):
        return
    value, signing = project.value(scope, expr), signs(name)
    written = value.origin == "literal" and isinstance(expr, ast.Constant)
    if written and not is_password(name) and not signing and not random_looking(value.text):
        return  # `api_key="local"` is how people talk to a server that asks for none
    if plausible(value.text, signing=signing) and not (written and (stand_in(value.text) or _same(name, value.text))):
        yield Credential(name, value, project.place(scope, expr), scope, "argument", signing)


def _positional(project: Project, call: Call) -> Iterator[Credential]:
    last = call.name.rpartition(".")[2]
    if last in {"encode", "decode"} and _TOKENS.search(call.name):
        expr = call.arg("key", 1)
        if isinstance(expr, ast.Constant) and (value := call.value("key", 1)).text:
            yield Credential("key", value, call.place, call.scope, "argument", signing=True)
    elif _HASHING.search(call.name) and isinstance(call.arg(0), ast.Constant):
        if plausible(call.value(0).text) and not _to_nobody(call):
            yield Credential("password", call.value(0), call.place, call.scope, "seed", signing=False)
    elif matches(call.name, ("os.getenv", "environ.get")) and len(call.positional) > 1:
        value = project.value(call.scope, call.node)
        if holds_secret(value.variable) and plausible(value.text) and _inside(value.place, call.place):
            yield Credential(value.variable, value, call.place, call.scope, "assigned", signs(value.variable))


def _to_nobody(call: Call) -> bool:
    """A hash that an unknown account is compared with, so that it costs the same."""
    return _NOBODY.search(call.module.line(call.place.line)) is not None


_NOBODY = re.compile(r"dummy|decoy|fake|timing|nobody|placeholder|unknown", re.IGNORECASE)
