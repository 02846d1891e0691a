"""
## What it looks for
An application that was asked to be loaded, and was not.

## Why it matters
What its loaded routes and attacks would have shown is not known. That is no clean result.

## Bad
    import os
    from fastapi import FastAPI

    raise SystemExit("the database does not answer")
    app = FastAPI()

## Good
    from fastapi import FastAPI

    app = FastAPI()

## How it is found
The import ends in an error, ends the interpreter, takes too long, or needs what is not there: a module, a database, a
network, a newer Python. An application whose startup fails and that answers every request with a server error is not
attacked, and reported in the same way.

## What it cannot see
Whether it loads elsewhere. The environment is invented, and the guard refuses sockets, processes and files outside a scratch
folder.

## How to tell the checker
Name the interpreter with `--python`, make the import free of side effects, or check the source alone by leaving out
`module:app` and `--probe`.

## References
docs/checker-probe.md
"""

from __future__ import annotations

from fastness.checker.finding import Severity
from fastness.checker.rule import Rule


class NotLoadedApplication(Rule):
    """The engine finds these while it loads."""

    id, name, control, severity = "FN902", "application-not-loaded", "access", Severity.MEDIUM
    why = "what its loaded routes and attacks would have shown is not known"
    fix = "name its interpreter with --python, or make its import free of databases and networks"
