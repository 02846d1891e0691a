"""The most memory that a server's workers ever held, which is more than what they hold when somebody looks."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from cells import Serving

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class Grown:
    """How many MiB the peak of each worker is above what it held when the block began; read after the block."""

    def __init__(self, workers: list[int]) -> None:
        for pid in workers:
            # proc_pid_clear_refs(5): the peak is from now on that from now on.
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._before = {pid: _peak(pid) for pid in workers}
        self.most = 0.0

    def read(self) -> None:
        self.most = max(_peak(pid) - before for pid, before in self._before.items())


@contextlib.contextmanager
def grown(serving: Serving) -> Iterator[Grown]:
    """Watch all workers; one that has died meanwhile is an error."""
    watched = Grown(serving.workers())
    yield watched
    watched.read()


def _peak(pid: int) -> float:
    found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None, f"{pid} has ended"
    return int(found[1]) / 1024
