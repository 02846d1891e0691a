"""Whether a program refuses to start with a setting's default: a validator, a check that somebody calls, a test at import."""

from __future__ import annotations

import ast
import re

from fastness.checker.evidence.credential import Credential
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.project import Project
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.walking import walk

_VALIDATORS = re.compile(
    r"(^|\.)(field_validator|validator|model_validator|root_validator|validates|computed_field|cached_property)$"
)
_RUN_BY_OTHERS = frozenset(
    {"__init__", "__post_init__", "model_post_init", "__post_init_post_parse__", "__init_subclass__"}
)
_EXITS = re.compile(r"(^|\.)(exit|_exit|abort)$")


def refused(project: Project, credential: Credential) -> bool:
    """Whether something that runs raises, or ends the program, and knows this setting or its default."""
    if credential.model is not None:
        checks = [method for cls in credential.model.lineage() for method in cls.methods]
        if any(_knows(project, check.scope, credential) and _runs(check) and _stops(check) for check in checks):
            return True
    return any(_knows(project, scope, credential) and _stops_here(project, scope) for scope in project.once(_testing))


def _testing(project: Project) -> tuple[Scope, ...]:
    """Modules and functions outside classes that test something and then stop."""
    return tuple(
        scope
        for scope in project.scopes()
        if scope.kind != "class"
        and scope.enclosing_class is None
        and scope.nodes.get(ast.If)
        and _stops_here(project, scope)
    )


def _knows(project: Project, scope: Scope, credential: Credential) -> bool:
    """Whether a test in it, or a decorator of a validator, names the setting or the text that it falls back to."""
    name, text = credential.name.lower(), credential.text
    for test in _tests(scope):
        for node in walk(test):
            match node:
                case ast.Attribute(attr=word) | ast.Name(id=word) if word.lower() == name:
                    return True
                case ast.Constant(value=value) if text and value == text:
                    return True
                case ast.Attribute() | ast.Name() if text and text in project.value(scope, node):
                    return True
    if scope.enclosing_class is None:
        return False
    decorators = getattr(scope.node, "decorator_list", ())
    named = {
        str(a.value).lower()
        for d in decorators
        if isinstance(d, ast.Call)
        for a in d.args
        if isinstance(a, ast.Constant)
    }
    return name in named or name in project.words(scope).split()


def _tests(scope: Scope) -> list[ast.expr]:
    tests = [n.test for n in scope.nodes.get(ast.If, ()) if isinstance(n, ast.If)]
    return [*tests, *(n.test for n in scope.nodes.get(ast.Assert, ()) if isinstance(n, ast.Assert))]


def _runs(check: Function) -> bool:
    """Whether Pydantic, the constructor or some call in the project runs it, itself or through another method."""
    if check.short in _RUN_BY_OTHERS or any(_VALIDATORS.search(name) for name, _ in check.decorators):
        return True
    if any(isinstance(d, ast.Name) and d.id == "property" for d in check.node.decorator_list):
        return True
    return any(True for _ in check.callers()) or any(
        isinstance(call.node.func, ast.Attribute) for call in check.project.calls(check.short)
    )


def _stops(check: Function) -> bool:
    """Whether it raises, or calls a function of the project that does."""
    return any(_stops_here(check.project, one.scope) for one in check.reaches(2))


def _stops_here(project: Project, scope: Scope) -> bool:
    if scope.nodes.get(ast.Raise) or scope.nodes.get(ast.Assert):
        return True
    return any(_EXITS.search(project.names.dotted(scope, call.func)) for call in scope.calls)
