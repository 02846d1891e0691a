"""The command line: one file per command, plain output, the exit codes of docs/cli.md.

A command is imported when it is called, and the parser when it is needed: `fastness --version` answers without either.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

from fastness._version import __version__

if TYPE_CHECKING:
    from fastness.cli.application import app as app

USAGE, UNSAFE, INTERRUPTED = 2, 78, 130


def main() -> None:
    """Run the `fastness` command and exit with its code."""
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = INTERRUPTED
    # The interpreter collects once more before it ends: a fifth of a large check, for memory that the system takes back.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command.

    Returns:
        0 when it did its work, 1 when it could not or the check found something, 2 for wrong usage or a missing extra,
        3 when nothing could be analysed, 78 for an unsafe configuration (EX_CONFIG), 130 when interrupted.
    """
    if arguments == ["--version"]:
        print(f"fastness {__version__}")
        return 0
    from fastness.cli.application import run as dispatch

    return dispatch(arguments)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module 'fastness.cli' has no attribute {name!r}")
    from fastness.cli.application import app

    return app
