"""What was seen, in sentences: the head of every report for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastness.checker.matrix import rows
from fastness.checker.outcome import counted

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome

_LISTED = 5


def said(outcome: Outcome) -> Iterator[str]:
    """One fact a line: files, loading, routes, packages, and what was not read or not to be shown."""
    yield f"{counted(outcome.files, 'file')} read, {len(outcome.skipped)} skipped"
    yield from (f"  skipped {skipped.path}: {skipped.reason}" for skipped in outcome.skipped[:_LISTED])
    if len(outcome.skipped) > _LISTED:
        yield f"  and {len(outcome.skipped) - _LISTED} more, in the json report"
    yield from outcome.loading.text.splitlines()
    kinds = Counter(row.access for row in rows(outcome.applications) if row.route.kind != "mount")
    yield (
        f"{counted(len(outcome.routes), 'route')} seen of {outcome.routes_total}: {kinds['guarded']} guarded, {kinds['public']} "
        f"public, {kinds['optional']} with an optional user, {kinds['unknown']} unknown"
    )
    yield str(outcome.audit)
    by = Counter(silenced.by for silenced in outcome.silenced)
    if by:
        yield "silenced: " + ", ".join(f"{count} by {cause}" for cause, count in sorted(by.items()))
