"""SQL injection prevention. Control: sql.

Values are bound, text of SQL stands in the source (`query` takes literals only, and pyright refuses anything else), the
sort order comes from a list, and `%` and `_` in a search mean themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from fastness.controls.sql import contains, order_by, query, starts_with

from .database import User

ADMINISTRATORS = ("admin", "super_admin")

SORTS = {"email": User.canonical, "name": User.name}
BY_CANONICAL = query("SELECT * FROM users WHERE canonical = :canonical")


async def by_canonical(db: AsyncSession, canonical: str) -> User | None:
    """The account with this address. Plain SQL with a bound parameter; `select(User).where(...)` does the same."""
    user: User | None = await db.scalar(select(User).from_statement(BY_CANONICAL), {"canonical": canonical})
    return user


async def page(db: AsyncSession, *, search: str | None, sort: str, limit: int, offset: int) -> Sequence[User]:
    """One page of the accounts that match, in an allowed order."""
    statement = select(User).where(_matches(search)).order_by(order_by(sort, SORTS), User.id)
    return (await db.scalars(statement.limit(limit).offset(offset))).all()


async def count(db: AsyncSession, search: str | None) -> int:
    """How many accounts match."""
    return await db.scalar(select(func.count()).select_from(User).where(_matches(search))) or 0


def _matches(search: str | None) -> ColumnElement[bool]:
    if search is None:
        return true()
    return or_(starts_with(User.canonical, search), contains(User.name, search))


async def delete_unless_last_admin(db: AsyncSession, user_id: str) -> bool:
    """Delete the account; False when it is the only administrator.

    One statement decides, so that two administrators who delete each other at once do not both succeed. The rows are
    locked first for databases where two such statements can run side by side.
    """
    is_admin = User.role.in_(ADMINISTRATORS)
    await db.execute(select(User.id).where(is_admin).order_by(User.id).with_for_update())
    others = select(User.id).where(is_admin, User.id != user_id).exists()
    kept = await db.execute(delete(User).where(User.id == user_id, or_(~is_admin, others)).returning(User.id))
    return kept.first() is not None
