"""
## What it looks for
A `# fastness: ignore[...]` comment that names no rule, gives no reason, or silences nothing any more.

## Why it matters
A suppression is a decision. Without a reason nobody can check it, and one that is left over will silence the next real
problem that comes to its line.

## Bad
    @app.post("/orders")  # fastness: ignore[FN101]

## Good
    @app.post("/orders")  # fastness: ignore[FN101] the gateway lets only the shop's network in

## How it is found
Every comment is compared with what the run found on its line and on the next line of code. A comment about a rule that
did not run, or about one that also attacks when the run did not, is not called unused.

## What it cannot see
Whether the reason is a good one.

## How to tell the checker
Delete the comment, or write the reason. An unknown rule in a comment is an error (exit code 2), not a finding.

## References
`fastness check --persona auditor` and the JSON report list everything that is silenced.
"""

from __future__ import annotations

from fastness.checker.finding import Severity
from fastness.checker.rule import Rule


class VainSuppression(Rule):
    """The engine finds these while it silences: only there is it known what a comment was good for."""

    id, name, control, severity = "FN904", "vain-suppression", "access", Severity.LOW
    why = "a suppression that nobody can check, or that waits for the next real problem"
    fix = "write # fastness: ignore[RULE] and the reason, or delete the comment"
