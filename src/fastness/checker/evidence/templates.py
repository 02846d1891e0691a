"""Jinja and HTML templates: what they print without escaping, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastness.checker.evidence.files import Files
from fastness.checker.finding import Place

_ENDINGS = (".html", ".htm", ".jinja", ".jinja2", ".j2", ".xml", ".svg")
_PRINTED = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_OFF = re.compile(r"\{%-?\s*autoescape\s+(false|off)\s*-?%\}")


@dataclass(frozen=True, slots=True)
class Printed:
    """One `{{ expression }}`."""

    expression: str
    place: Place
    safe: bool
    """Marked `|safe`, or inside `{% autoescape false %}`."""


class Templates:
    """The templates of a folder."""

    def __init__(self, root: Path, paths: tuple[str, ...]) -> None:
        self._files = Files(root, paths)
        self.paths = tuple(p for p in paths if p.endswith(_ENDINGS))

    def text(self, path: str) -> str:
        """The text of a template."""
        return self._files.text(path)

    def printed(self) -> Iterator[Printed]:
        """Every printed expression of every template."""
        for path in self.paths:
            text = self.text(path)
            if "{{" not in text:
                continue
            off = [m.start() for m in _OFF.finditer(text)]
            for found in _PRINTED.finditer(text):
                line = text.count("\n", 0, found.start()) + 1
                inside = any(
                    start < found.start() and "{% endautoescape" not in text[start : found.start()] for start in off
                )
                safe = inside or re.search(r"\|\s*safe\b", found[1]) is not None
                yield Printed(found[1], Place(path, line, line + found[0].count("\n")), safe)
