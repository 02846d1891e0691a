"""Where a defence was removed, the tests must really run against the copy without it, and nothing else may be broken."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from proof.advisories.advisory import ROOT

copy = os.environ.get("PROOF_COPY")
if copy is not None and str(ROOT) != copy:
    raise RuntimeError(f"the tests would run against {ROOT}, not against the copy {copy}")


class Crashes(logging.Handler):
    """Writes down the kind of each exception that nobody handled: the chain makes a 500 of it, asyncio a line of log."""

    def __init__(self, file: Path) -> None:
        super().__init__(logging.ERROR)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "fastness" and record.msg.startswith("unhandled ") and isinstance(record.args, tuple):
            kind = str(record.args[0])
        elif record.name in {"asyncio", "uvicorn.error"} and record.exc_info and record.exc_info[0]:
            kind = record.exc_info[0].__name__
        else:
            return
        with self._file.open("a", encoding="utf-8") as kinds:
            kinds.write(f"{kind}\n")


@pytest.fixture(autouse=True)
def crashes() -> Iterator[None]:
    """For tools/removed.py, which reads them."""
    if copy is None:
        yield
        return
    handler = Crashes(Path(copy) / "crashes")
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
