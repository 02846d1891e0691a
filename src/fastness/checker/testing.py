"""The checker inside a project's own tests and start: `assert_secure(app)`, and `refuse_insecure(app)`.

Both judge the source of the application; nothing of it runs that does not run already. The chain never calls them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastness.checker.checking import Request, check
from fastness.checker.finding import Persona, Severity
from fastness.checker.reports.text import Paint, diagnostic
from fastness.checker.settings import member, read
from fastness.core.errors import UnsafeConfiguration

if TYPE_CHECKING:
    from fastness.checker.outcome import Outcome


def assert_secure(
    target: Any,
    *,
    fail_on: str = "medium",
    persona: str = "regular",
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    probe: bool = False,
    python: str = "",
) -> Outcome:
    """Fail the test when the check finds something, or when it could not see.

    Settings of `[tool.fastness.check]` hold, comments and baseline included; the arguments replace single ones.

    Args:
        target: a folder; `module:app`, which is loaded in an interpreter of its own; or an application object, whose
            project's source is judged.
        probe: attack the application too; needs `module:app`.
        python: the interpreter that loads `module:app`; this one unless given.

    Raises:
        AssertionError: with every finding at or above `fail_on`, as the text report prints it.
        ValueError: the target is none of these.
    """
    root, targets = _target(target)
    own = read(root)
    settings = replace(
        own,
        fail_on=member(Severity, fail_on),
        persona=member(Persona, persona),
        select=tuple(select) or own.select,
        ignore=tuple(ignore) or own.ignore,
    )
    request = Request(root, targets, probe=probe, python=python or sys.executable, settings=settings)
    outcome = check(request).outcome
    problems = [f"not analysed: {reason}" for reason in outcome.blind]
    for finding in outcome.failing:
        problems += ["", *diagnostic(finding, outcome.sources, Paint(on=False))]
    if problems:
        raise AssertionError("\n".join([*problems, "", outcome.summary()]))
    return outcome


def refuse_insecure(target: Any, *, fail_on: str = "high") -> None:
    """Stop a start: call it before the application is served, as in a production entry point.

    It reads all source of the project, which takes about a second for 20,000 lines. Where source is not shipped there is
    nothing to read, and the start stops too.

    Raises:
        UnsafeConfiguration: something at or above `fail_on` was found, or nothing could be analysed.
    """
    try:
        assert_secure(target, fail_on=fail_on)
    except AssertionError as found:
        raise UnsafeConfiguration(
            "the check found what must not be served",
            where="the application's source",
            why=str(found),
            fix='run "fastness check" and repair it, or say why not beside the code',
        ) from None


def _target(target: Any) -> tuple[Path, tuple[str, ...]]:
    if isinstance(target, Path) or (isinstance(target, str) and Path(target).exists()):
        return Path(target), ()
    if isinstance(target, str):
        if ":" not in target:
            raise ValueError(f"{target!r} is no folder, no Python file and no module:app")
        return Path(), (target,)
    return _folder_of(target), ()


def _folder_of(app: Any) -> Path:
    """The folder of the project whose code added the first route to an application object."""
    from fastness.routes import walk

    for route in walk(app):
        endpoint = inspect.unwrap(route.endpoint) if route.endpoint is not None else None
        file = getattr(sys.modules.get(getattr(endpoint, "__module__", "")), "__file__", None)
        if file and "site-packages" not in file:
            return _root(Path(file))
    raise ValueError("the application has no route whose source is known; give a folder or module:app")


def _root(file: Path) -> Path:
    """The nearest folder above a file that is a project; else the one that its package lies in."""
    for folder in file.resolve().parents:
        if (folder / "pyproject.toml").is_file() or (folder / ".git").exists():
            return folder
    folder = file.resolve().parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder
