"""Finds the application object: imports the module, calls a factory, looks through what is wrapped around it."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from .variables import Asked, missing_settings

_FACTORIES = ("create_app", "build_app", "make_app", "get_app", "get_application", "create_application", "build")
_INNER = ("app", "other_asgi_app", "_app", "wrapped_app", "application", "asgi_app", "instance")


class NotFound(Exception):
    """There is no application there. `report` is what is sent over the pipe."""

    def __init__(self, **report: Any) -> None:
        super().__init__(report.get("text", ""))
        self.report = report


def find(module: str, attribute: str, *, root: str, asked: Asked) -> Any:
    """The ASGI callable that a server would run.

    Args:
        attribute: a name or dotted path in the module; empty to look for one.
        root: the folder whose files are the application's own, for the place of an error.

    Raises:
        NotFound: with the reason in the words of the application's developer.
    """
    try:
        found = _pick(importlib.import_module(module), attribute)
        if not _is_application(found) and callable(found) and not inspect.isclass(found):
            made = found()
            found = asyncio.new_event_loop().run_until_complete(made) if inspect.isawaitable(made) else made
    except NotFound:
        raise
    except SystemExit as left:
        raise NotFound(kind="exit", text=f"it ended the interpreter (exit code {left.code})") from left
    except MemoryError as full:
        raise NotFound(kind="memory", text="it used more memory than it was given") from full
    except BaseException as error:
        raise NotFound(**_reason(error, module, root, asked)) from error
    if inner(found) is None:
        raise NotFound(kind="no-application", text=f"{module}:{attribute} is {type(found).__name__}, not FastAPI")
    return found


def inner(found: Any) -> Any:
    """The FastAPI or Starlette application in what a server runs; None when there is none."""
    for _ in range(12):
        if found is None or _has_routes(found):
            return found
        found = next((value for name in _INNER if (value := getattr(found, name, None)) is not None), None)
    return None


def _has_routes(found: Any) -> bool:
    return isinstance(getattr(found, "routes", None), list) and hasattr(found, "router")


def _is_application(found: Any) -> bool:
    return not inspect.isroutine(found) and inner(found) is not None


def _pick(module: Any, attribute: str) -> Any:
    if attribute:
        found = module
        for part in attribute.split("."):
            if not hasattr(found, part):
                raise NotFound(kind="no-application", text=f"{module.__name__} has no {attribute}")
            found = getattr(found, part)
        return found
    names = ["app", "application", "api", *vars(module)]
    for name in names:
        if _has_routes(vars(module).get(name)):
            return vars(module)[name]
    for name in _FACTORIES:
        if inspect.isroutine(vars(module).get(name)):
            return vars(module)[name]
    raise NotFound(kind="no-application", text=f"{module.__name__} has no application")


def _reason(error: BaseException, module: str, root: str, asked: Asked) -> dict[str, Any]:
    kind = "import"
    if isinstance(error, ModuleNotFoundError) and error.name:
        kind = "no-module" if not module.startswith(error.name) else "no-application"
    if isinstance(error, SyntaxError):
        kind = "syntax"
    settings = missing_settings(error)
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    file, line = next(_own_lines(error, root), ("", 0))
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    return {
        "kind": kind,
        "text": text[:600],
        "file": file,
        "line": line,
        "variables": settings or asked.wanted(error),
        "settings": bool(settings),
    }


def _own_lines(error: BaseException, root: str) -> Iterator[tuple[str, int]]:
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    for file, line in reversed(frames):
        if file.startswith(root + os.sep) and f"{os.sep}site-packages{os.sep}" not in file:
            yield file, line


def python_version() -> str:
    """`3.11.4`"""
    return ".".join(map(str, sys.version_info[:3]))
