"""A changed module put into a process that has imported the original: the code of its living functions is exchanged.

So the tests of a control are imported and collected once, and each change costs a fork and no more than the tests that
run until one fails.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import CodeType, FunctionType

_FUNCTION = 0x1
"""CO_OPTIMIZED: the code of a function, and not of a module or the body of a class."""


def changed(before: bytes, after: bytes, file: str) -> dict[tuple[str, int], CodeType] | None:
    """The functions whose code is different, by name and line; None when the change is not in functions alone.

    What a module or a class does while it is made has been done when a function could be exchanged.
    """
    old, new = compile(before, file, "exec"), compile(after, file, "exec")
    found: dict[tuple[str, int], CodeType] = {}
    for one, other in _pairs(old, new):
        if other is None:
            return None
        if _own(one) != _own(other):
            if not other.co_flags & _FUNCTION:
                return None
            found[other.co_qualname, other.co_firstlineno] = other
    return found or None


def living(folder: str) -> dict[tuple[str, str, int], list[FunctionType]]:
    """Every function that was made from a file below `folder`, by file, name and line."""
    found: dict[tuple[str, str, int], list[FunctionType]] = {}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(folder):
            code = one.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(one)
    return found


def exchange(
    codes: dict[tuple[str, int], CodeType], file: str, functions: dict[tuple[str, str, int], list[FunctionType]]
) -> None:
    """Give every living function of this file its changed code.

    Raises:
        ValueError: a function has other names of its surroundings now.
    """
    for name, code in codes.items():
        for function in functions.get((file, *name), ()):
            function.__code__ = code


def _pairs(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType | None]]:
    yield old, new
    inner, others = _inner(old), _inner(new)
    if [each.co_qualname for each in inner] != [each.co_qualname for each in others]:
        # A lambda or a comprehension came or went: whoever holds it is a function that is different itself.
        if not new.co_flags & _FUNCTION:
            yield old, None
        return
    for one, other in zip(inner, others, strict=True):
        yield from _pairs(one, other)


def _inner(code: CodeType) -> list[CodeType]:
    return [each for each in code.co_consts if isinstance(each, CodeType)]


def _own(code: CodeType) -> tuple[object, ...]:
    # A change in an inner function changes the outer one's constants too: whoever makes it anew must make the new one.
    constants = [repr(each) if not isinstance(each, CodeType) else _own(each) for each in code.co_consts]
    if not code.co_flags & _FUNCTION:
        constants = [each for each in constants if isinstance(each, str)]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, tuple(constants)
