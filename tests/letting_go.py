"""The applications of a test end with it.

FastAPI remembers thousands of endpoints by what kind of function they are, and each holds its application: forty of them
are a million objects, which the garbage collector walks through while a database waits for its answer.
"""

from __future__ import annotations

from fastapi.dependencies import models

_CACHES = [cache for cache in vars(models).values() if hasattr(cache, "cache_clear")]


def let_go() -> None:
    """Make FastAPI forget every endpoint that it has seen."""
    for cache in _CACHES:
        cache.cache_clear()
