"""Make a registered account an administrator: `python -m examples.guide.promote ada@example.com`.

Roles are given here, by somebody who can reach the database, and never by a request.
"""

from __future__ import annotations

import asyncio
import sys

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from fastness.controls.fields import canonical_email

from .queries import by_canonical
from .settings import from_environment


async def promote(email: str) -> str | None:
    """The reason why it did not work, or None."""
    settings, found = from_environment()
    if found:
        return "\n".join(map(str, found))
    engine = create_async_engine(settings.database_url, hide_parameters=True)
    try:
        async with async_sessionmaker(engine).begin() as db:
            user = await by_canonical(db, canonical_email(email))
            if user is None:
                return "nobody registered with this address"
            user.role = "admin"
    finally:
        await engine.dispose()
    return None


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and one address
        sys.exit("usage: python -m examples.guide.promote ADDRESS")
    sys.exit(asyncio.run(promote(sys.argv[1])))
