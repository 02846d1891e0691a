"""A clock that a test turns."""

from __future__ import annotations

import time
from datetime import timedelta


class TurnableClock:
    """Time goes on as usual, and `forward` turns it: `Accounts(..., now=clock.wall, ticks=clock.ticks)`."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def wall(self) -> float:
        """Unix seconds: what tokens, codes and sessions read."""
        return time.time() + self._ahead

    def ticks(self) -> float:
        """Seconds that never go back: what limits and caches read."""
        return time.monotonic() + self._ahead

    def forward(self, by: float | timedelta) -> None:
        """Turn both by so many seconds.

        Raises:
            ValueError: time does not go back.
        """
        seconds = by.total_seconds() if isinstance(by, timedelta) else float(by)
        if seconds < 0:
            raise ValueError("time does not go back")
        self._ahead += seconds
