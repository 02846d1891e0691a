"""Python files of a project template (cookiecutter, copier), where Jinja marks stand between the code.

A mark becomes something that Python can read and that takes the same lines, so that places stay true. Of an
`{% if %}` only the marks go: both branches are evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_WORD = re.compile(r"-?\s{0,20}([a-z]+)\b")


@dataclass(frozen=True, slots=True)
class _Mark:
    begin: int
    end: int
    word: str
    """What a block does: `if`, `else`, `endif`."""


def rewritten(text: str) -> str | None:
    """`text` without its marks, or None when it has none."""
    if "{{" not in text and "{%" not in text:
        return None
    text = _each(text, "{#", "#}", _lines)
    text = _chosen(text)
    text = _each(text, "{%", "%}", _lines)
    return named(text)


def named(text: str) -> str:
    """A path or dotted name without its marks, as the rewritten imports spell it."""
    return _each(text, "{{", "}}", _name)


def _marks(text: str, opening: str, closing: str) -> Iterator[_Mark]:
    """The marks from left to right; found by searching texts, since a pattern would look at the rest again for each."""
    begin = text.find(opening)
    while begin >= 0:
        end = text.find(closing, begin + len(opening))
        if end < 0:
            return
        word = _WORD.match(text, begin + len(opening), end)
        yield _Mark(begin, end + len(closing), word[1] if word else "")
        begin = text.find(opening, end + len(closing))


def _each(text: str, opening: str, closing: str, instead: Callable[[str], str]) -> str:
    parts, done = list[str](), 0
    for mark in _marks(text, opening, closing):
        parts += (text[done : mark.begin], instead(text[mark.begin : mark.end]))
        done = mark.end
    return "".join((*parts, text[done:]))


def _chosen(text: str) -> str:
    """With the first of the choices that stand in one line: two values side by side are no Python."""
    marks = list(_marks(text, "{%", "%}"))
    parts, done, index = list[str](), 0, 0
    while index < len(marks):
        last = _closing(text, marks, index)
        if last:
            first, second = marks[index], marks[index + 1]
            lines = text.count("\n", first.begin, first.end) + text.count("\n", second.begin, marks[last].end)
            # A backslash joins the lines of a mark that stands in the middle of a statement.
            parts += (text[done : first.begin], " ", "\\\n" * lines, text[first.end : second.begin])
            done = marks[last].end
        index = max(index, last) + 1
    return "".join((*parts, text[done:]))


def _closing(text: str, marks: list[_Mark], index: int) -> int:
    """The `endif` of a choice whose branches are all in one line; 0 where it has one branch, or where a line ends in it."""
    if marks[index].word != "if":
        return 0
    for at in range(index + 1, len(marks)):
        if "\n" in text[marks[at - 1].end : marks[at].begin]:
            return 0
        if marks[at].word not in {"elif", "else"}:
            return at if marks[at].word == "endif" and at > index + 1 else 0
    return 0


def _lines(mark: str) -> str:
    return "\n" * mark.count("\n")


def _name(mark: str) -> str:
    words = re.sub(r"\W+", "_", mark[2:-2]).strip("_")
    return (words or "value") + "\n" * mark.count("\n")
