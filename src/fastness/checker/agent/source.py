"""Where a callable was written: the function under its wrappers, its file and its lines, decorators included."""

from __future__ import annotations

import functools
import inspect
from typing import Any


def bare(call: Any) -> Any:
    """The function under `functools.wraps`, `partial`, methods and instances with `__call__`."""
    for _ in range(20):
        if isinstance(call, functools.partial):
            call = call.func
        elif inspect.ismethod(call):
            call = call.__func__
        elif hasattr(call, "__wrapped__") and not inspect.isclass(call):
            call = call.__wrapped__
        elif inspect.isclass(call) or hasattr(call, "__code__") or not callable(call):
            return call
        else:
            inner = type(call).__call__
            if not hasattr(inner, "__code__") and not hasattr(inner, "__wrapped__"):
                return type(call)
            call = inner
    return call


def written(call: Any) -> dict[str, Any]:
    """`module`, `qualname`, `file`, `line`, `end_line` of a callable; the lines are 0 where there is no source."""
    function = bare(call)
    instance = call if not inspect.isroutine(call) and not isinstance(call, (functools.partial, type)) else None
    code = getattr(function, "__code__", None)
    place: tuple[str, int, int] = ("", 0, 0)
    if code is not None:
        place = (code.co_filename, code.co_firstlineno, _last(code))
    elif inspect.isclass(function):
        place = _class(function)
    return {
        "module": getattr(function, "__module__", "") or "",
        "qualname": getattr(function, "__qualname__", "") or type(function).__qualname__,
        "of": type(instance).__qualname__ if instance is not None else "",
        "file": place[0],
        "line": place[1],
        "end_line": place[2],
    }


def _last(code: Any) -> int:
    lines: list[int] = [code.co_firstlineno]
    if hasattr(code, "co_lines"):
        lines += [line for _, _, line in code.co_lines() if line]
    else:
        import dis

        lines += [line for _, line in dis.findlinestarts(code) if line]
    lines += [_last(constant) for constant in code.co_consts if hasattr(constant, "co_firstlineno")]
    return max(lines)


def _class(cls: Any) -> tuple[str, int, int]:
    init = getattr(cls.__init__, "__code__", None)
    if init is not None and getattr(cls.__init__, "__module__", None) == cls.__module__:
        return (init.co_filename, init.co_firstlineno, _last(init))
    try:
        lines, start = inspect.getsourcelines(cls)
        return (inspect.getsourcefile(cls) or "", start, start + len(lines) - 1)
    except (OSError, TypeError):
        return ("", 0, 0)
