"""Python files of a project template (cookiecutter, copier), where Jinja marks stand between the code.

A mark becomes something that Python can read and that takes the same lines, so that places stay true. Of an
`{% if %}` only the marks go: both branches are evidence.
"""

from __future__ import annotations

import re

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_INLINE = re.compile(
    r"(?P<if>\{%-?\s*if\b(?:(?!%\}).)*%\})(?P<kept>(?:(?!\{%)[^\n])*)"
    r"(?P<rest>(?:\{%-?\s*(?:elif|else)\b(?:(?!%\}).)*%\}(?:(?!\{%)[^\n])*)+\{%-?\s*endif\s*-?%\})",
    re.DOTALL,
)
"""A choice inside one line: two values side by side are no Python, so the first stands for both."""
_BLOCK = re.compile(r"\{%.*?%\}", re.DOTALL)
_VALUE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)


def rewritten(text: str) -> str | None:
    """`text` without its marks, or None when it has none."""
    if "{{" not in text and "{%" not in text:
        return None
    text = _COMMENT.sub(_lines, text)
    text = _INLINE.sub(_first, text)
    text = _BLOCK.sub(_lines, text)
    return _VALUE.sub(_name, text)


def named(text: str) -> str:
    """A path or dotted name without its marks, as the rewritten imports spell it."""
    return _VALUE.sub(_name, text)


def _first(found: re.Match[str]) -> str:
    # A backslash joins the lines of a mark that stands in the middle of a statement.
    broken = "\\\n" * (found["if"].count("\n") + found["rest"].count("\n"))
    return f" {broken}{found['kept']}"


def _lines(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _name(found: re.Match[str]) -> str:
    words = re.sub(r"\W+", "_", found[1]).strip("_")
    return (words or "value") + "\n" * found[0].count("\n")
