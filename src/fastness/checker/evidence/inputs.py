"""The inputs of a route: its own parameters and those of its dependencies, with their sources, bounds and models."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from fastness.checker.evidence.annotations import Typed
from fastness.checker.evidence.depending import Dependency, Depending
from fastness.checker.evidence.found import default_of
from fastness.checker.evidence.functions import Function
from fastness.checker.evidence.model import Parameter
from fastness.checker.evidence.scope import Scope
from fastness.checker.evidence.written import written
from fastness.checker.finding import Place

if TYPE_CHECKING:
    from fastness.checker.evidence.project import Project

Where = Literal["path", "query", "header", "cookie", "body", "form", "file"]
_MARKS: dict[str, Where] = {
    "Path": "path", "Query": "query", "Header": "header", "Cookie": "cookie", "Body": "body", "Form": "form", "File": "file",
}  # fmt: skip
_SPECIAL = (
    "fastapi.Request", "fastapi.WebSocket", "starlette.requests.HTTPConnection", "starlette.responses.Response",
    "fastapi.BackgroundTasks", "starlette.background.BackgroundTasks", "SecurityScopes", "Request", "Response",
    "BackgroundTasks", "WebSocket", "HTTPConnection", "JSONResponse",
)  # fmt: skip
_PATH = re.compile(r"\{(\w+)")
_CONTAINERS = re.compile(r"^(typing\.)?(List|list|Dict|dict|Set|set|Sequence|Any|Tuple|tuple|Mapping)\b")


class Inputs:
    """Reads the inputs of handlers."""

    def __init__(self, project: Project, depending: Depending) -> None:
        self._project = project
        self._depending = depending

    def of(self, handler: Function, dependencies: list[Dependency], path: str, kind: str) -> tuple[Parameter, ...]:
        """All inputs of a route, the handler's first, each name and source once."""
        in_path = set(_PATH.findall(path))
        found: dict[tuple[str, str], Parameter] = {}
        todo: list[Function] = [handler]
        seen: set[int] = set()
        pending = list(dependencies)
        while todo or pending:
            if not todo:
                dependency = pending.pop(0)
                todo.extend(dependency.functions)
                if not dependency.functions:
                    for parameter in self._plain_class(dependency, in_path):
                        found.setdefault((parameter.name, parameter.source), parameter)
                continue
            function = todo.pop(0)
            if id(function.scope) in seen:
                continue
            seen.add(id(function.scope))
            for parameter in self._own(function, in_path, kind):
                found.setdefault((parameter.name, parameter.source), parameter)
            pending.extend(self._depending.of(function))
        return tuple(found.values())

    def _own(self, function: Function, in_path: set[str], kind: str) -> list[Parameter]:
        outside = function.scope.parent or function.scope
        found: list[Parameter] = []
        for arg in function.parameters:
            if arg in {function.node.args.vararg, function.node.args.kwarg}:
                continue
            default = default_of(function.scope, arg)
            typed = self._project.annotations.typed(outside, arg.annotation, default)
            if self._project.annotations.by(typed, "Depends", "Security", "Inject", "FromDishka") is not None:
                continue
            parameter = self._parameter(arg.arg, typed, in_path, kind)
            if parameter is not None:
                place = self._project.place(outside, arg)
                found.append(_placed(parameter, place, required=default is None or _required(typed)))
        return found

    def _plain_class(self, dependency: Dependency, in_path: set[str]) -> list[Parameter]:
        """A dataclass or model used as a dependency: its fields are the inputs."""
        for name in dependency.names:
            cls = self._project.class_named(name)
            if cls is None:
                continue
            found: list[Parameter] = []
            for field_name, assignments in cls.scope.assigned.items():
                last = assignments[-1]
                if last.annotation is None:
                    continue
                typed = self._project.annotations.typed(cls.scope, last.annotation, last.value)
                parameter = self._parameter(field_name, typed, in_path, "http")
                if parameter is not None:
                    found.append(
                        _placed(parameter, self._project.place(cls.scope, last.node), required=last.value is None)
                    )
            return found
        return []

    def _parameter(self, name: str, typed: Typed, in_path: set[str], kind: str) -> Parameter | None:
        special = self._project.names.annotated(typed.scope, typed.base) if typed.base is not None else None
        if special is not None and self._project.names.is_a(special, *_SPECIAL):
            return None
        model = self._project.model_in(typed.scope, typed.base)
        source = self._source(name, typed, in_path, special, model, kind)
        models = self._project.models_in(typed.scope, typed.base)
        return Parameter(
            name,
            source,
            typed.text,
            model or (models[0] if models else None),
            bounds=self._project.annotations.bounds(typed),
        )

    def _source(  # noqa: PLR0917
        self, name: str, typed: Typed, in_path: set[str], special: object, model: object, kind: str
    ) -> Where:
        for where, call in typed.calls():
            word = self._project.names.dotted(where, call.func).rpartition(".")[2]
            if word in _MARKS:
                return _MARKS[word]
        for where, expr in typed.metadata:
            word = self._project.names.dotted(where, expr).rpartition(".")[2]
            if word in _MARKS:
                return _MARKS[word]
        if name in in_path:
            return "path"
        if "UploadFile" in typed.text:
            return "file"
        if kind == "websocket":
            return "query"
        body = model is not None or _CONTAINERS.match(typed.text) is not None or self._is_dataclass(special)
        return "body" if body else "query"

    def _is_dataclass(self, special: object) -> bool:
        if isinstance(special, Scope) and special.kind == "class":
            cls = self._project.class_of(special)
            return any("dataclass" in written(d) for d in cls.node.decorator_list)
        return False


def _required(typed: Typed) -> bool:
    for _, call in typed.calls():
        if call is typed.default:
            first = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "default"), None)
            return (first is None and not any(k.arg == "default_factory" for k in call.keywords)) or (
                isinstance(first, ast.Constant) and first.value is Ellipsis
            )
    return isinstance(typed.default, ast.Constant) and typed.default.value is Ellipsis


def _placed(parameter: Parameter, place: Place, *, required: bool) -> Parameter:
    return replace(parameter, place=place, required=required)
