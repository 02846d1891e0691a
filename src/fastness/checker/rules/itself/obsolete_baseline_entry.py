"""
## What it looks for
An entry of the baseline whose problem is not there any more.

## Why it matters
The entry would silence the same problem when it comes back.

## Bad
    {"fingerprint": "5e0c...", "rule": "FN601", "path": "app/main.py", "message": "repaired last week"}

## Good
    {"schema": 1, "findings": []}

## How it is found
Each entry is looked up by its fingerprint among what the run found. Entries of rules that did not run are left alone, and
so are all of them under `--diff`.

## What it cannot see
An entry whose code was moved to another file counts as repaired here and as new there.

## How to tell the checker
`fastness check --write-baseline baseline.json` writes the file anew; its diff shows what went.

## References
Brakeman and ruff do the same with obsolete ignores.
"""

from __future__ import annotations

from fastness.checker.finding import Severity
from fastness.checker.rule import Rule


class ObsoleteBaselineEntry(Rule):
    """The engine finds these when it compares with the baseline."""

    id, name, control, severity = "FN905", "obsolete-baseline-entry", "access", Severity.LOW
    why = "the entry would silence the problem when it comes back"
    fix = "write the baseline anew with --write-baseline"
