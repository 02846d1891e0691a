"""Reports: an outcome in, a string out. One format, one file, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome

FORMATS: Mapping[str, str] = {
    "text": "for people: each problem with its line, why and the next step",
    "concise": "one line for each problem",
    "json": "for programs; schema 1",
    "sarif": "SARIF 2.1.0, for code scanning",
    "html": "one page to read, print and hand on",
    "junit": "JUnit XML, for CI that shows tests",
    "github": "annotations in GitHub's pull requests",
    "markdown": "a summary for job pages and comments",
}
SUFFIXES: Mapping[str, str] = {
    ".txt": "text",
    ".json": "json",
    ".sarif": "sarif",
    ".html": "html",
    ".htm": "html",
    ".xml": "junit",
    ".md": "markdown",
}
"""What the end of a file's name says about its format."""


def render(outcome: Outcome, form: str, *, colour: bool = False) -> str:
    """The report in one of FORMATS. Colours are a matter of the text alone.

    Raises:
        KeyError: there is no such format.
    """
    if form not in FORMATS:
        raise KeyError(form)
    if form == "text":
        from fastness.checker.reports import text

        return text.render(outcome, colour=colour)
    report: str = importlib.import_module(f"fastness.checker.reports.{form}").render(outcome)
    return report
