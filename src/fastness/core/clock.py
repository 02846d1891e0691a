"""Time comes in from outside, so that a test can turn it."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Unix seconds as a float: `time.time` in production, a counter in tests."""

wall: Clock = time.time
"""The clock of people and tokens; it may jump."""

steady: Clock = time.monotonic
"""The clock of limits and caches; it never goes back."""
