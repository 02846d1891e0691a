"""SQL text that stands in the source; values travel as bound parameters (ASVS 1.2.4)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, LiteralString

from fastness.controls.sql.origin import stands_in
from fastness.core.declare import provides
from fastness.core.errors import MissingExtra

if TYPE_CHECKING:
    from sqlalchemy import TextClause

IN_SOURCE = "fastness_in_source"
"""The execution option of a text that was found in the code of whoever wrote it."""


@provides("sql")
def query(text: LiteralString) -> TextClause:
    """`sqlalchemy.text()` for statements that stand in the source: `query("SELECT 1 WHERE id = :id")`.

    The proof is the type (PEP 675): pyright refuses an f-string or a concatenation with a value; mypy reads
    `LiteralString` as `str` and refuses nothing. At run time a text that is a constant of the calling function or module
    is marked, so that the guard lets its literals pass in whatever task or thread it runs.

    Raises:
        MissingExtra: SQLAlchemy is not installed.
    """
    try:
        from sqlalchemy import text as clause
    except ImportError:
        raise MissingExtra("fastness.controls.sql", "service") from None
    made = clause(text)
    return made.execution_options(**{IN_SOURCE: True}) if stands_in(sys._getframe(1), text) else made  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
