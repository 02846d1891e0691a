"""`# fastness: ignore[FN101] reason`: a decision that stands beside the code it is about.

It counts for its own line and, when it stands alone, for the next line of code. Other files than Python (.env, YAML,
Dockerfile) have the same comment.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastness.checker.finding import Finding, Place
from fastness.checker.rulebook import UnknownRuleError

if TYPE_CHECKING:
    from fastness.checker.rulebook import Rulebook

_MARK = re.compile(r"#\s*fastness:\s*ignore\b(?:\s*\[(?P<rules>[^\]]*)\])?[\s:]*(?P<reason>.*)")
WORD = "fastness: ignore"


@dataclass(frozen=True, slots=True)
class Comment:
    """One suppression."""

    place: Place
    rules: frozenset[str]
    """Ids; empty when none was written, and then it silences nothing."""
    reason: str
    covers: frozenset[int]
    """Lines."""

    def silences(self, finding: Finding) -> bool:
        """Whether this finding is meant: its first line, or the last one of a statement that spans several."""
        place = finding.place
        return (
            finding.rule in self.rules
            and place.path == self.place.path
            and bool(self.covers & {place.line, max(place.line, place.end_line)})
        )


def comments_of(sources: Mapping[str, str], book: Rulebook) -> Iterator[Comment]:
    """The suppressions of files, path -> text.

    Raises:
        UnknownRuleError: one names a rule that does not exist; the message says where.
    """
    for path, text in sources.items():
        if WORD not in text and "ignore[" not in text:
            continue
        lines = text.splitlines()
        for number, column, comment in _comments(path, text):
            mark = _MARK.match(comment)
            if mark is None:
                continue
            words = [word.strip() for word in (mark["rules"] or "").split(",") if word.strip()]
            try:
                rules = frozenset(book.named(word).id for word in words)
            except UnknownRuleError as error:
                raise UnknownRuleError(f"{path}:{number}: {error}") from error
            alone = not lines[number - 1][:column].strip()
            covers = {number, *([_next_code(lines, number)] if alone else [])}
            yield Comment(Place(path, number, column=column + 1), rules, mark["reason"].strip(), frozenset(covers))


def _comments(path: str, text: str) -> Iterable[tuple[int, int, str]]:
    """Line, column and text of each comment, none of those inside strings."""
    if path.endswith(".py"):
        try:
            return [
                (token.start[0], token.start[1], token.string)
                for token in tokenize.generate_tokens(io.StringIO(text).readline)
                if token.type == tokenize.COMMENT
            ]
        except (tokenize.TokenError, SyntaxError, IndentationError):
            pass  # syntax of a newer Python: the lines must do
    found = ((number, line.find("#"), line) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, column, line[column:]) for number, column, line in found if column >= 0]


def _next_code(lines: list[str], number: int) -> int:
    for ahead in range(number, len(lines)):
        bare = lines[ahead].strip()
        if bare and not bare.startswith("#"):
            return ahead + 1
    return number
