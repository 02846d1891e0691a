"""API keys in SQLite or PostgreSQL, one short statement for each question.

The table has no foreign key: it stands beside any table of users, and `find` asks none. Whoever suspends or deletes an
owner disables or removes the keys as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastness.core.api_keys import ApiKey
from fastness.core.errors import MissingExtra
from fastness.core.store import Rate

try:
    from sqlalchemy import (
        Boolean,
        Column,
        Double,
        Integer,
        LargeBinary,
        MetaData,
        String,
        Table,
        Text,
        bindparam,
        delete,
        insert,
        select,
        update,
    )
    from sqlalchemy.schema import CreateIndex, CreateTable

    from fastness.stores.alone import Alone
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtra("fastness.stores.api_keys", "service") from error

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Executable
    from sqlalchemy.ext.asyncio import AsyncEngine


def api_key_table(metadata: MetaData, *, prefix: str = "fastness_") -> Table:
    """The table, added to `metadata`, for Alembic's autogenerate. Times are Unix seconds."""
    return Table(
        f"{prefix}api_keys",
        metadata,
        Column("id", String(64), primary_key=True),
        Column("owner", String(255), nullable=False, index=True),
        Column("digest", LargeBinary(32), nullable=False, unique=True),
        Column("scopes", Text, nullable=False),
        Column("name", String(100), nullable=False),
        Column("hint", String(64), nullable=False),
        Column("created_at", Double, nullable=False),
        Column("expires_at", Double),
        Column("disabled", Boolean, nullable=False),
        Column("rate_limit", Integer),
        Column("rate_period", Double),
        Column("last_used_at", Double),
    )


class SqlApiKeys:
    """An `ApiKeyStore` that all processes share. Take the engine of `fastness.stores.sql.engine_for`."""

    def __init__(self, engine: AsyncEngine, *, prefix: str = "fastness_") -> None:
        self._table = table = api_key_table(MetaData(), prefix=prefix)
        self._transactions = engine
        self._alone = Alone(engine)
        t = table.c
        given: BindParameter[Any] = bindparam("given")
        self._find = select(table).where(t.digest == given)
        self._of = select(table).where(t.owner == given).order_by(t.created_at, t.id)
        self._add = insert(table)
        self._used = update(table).where(t.id == given).values(last_used_at=bindparam("at"))
        self._moved = self._used.values(digest=bindparam("renewed"))
        self._disable = update(table).where(t.id == given).values(disabled=True)
        self._disable_of = update(table).where(t.owner == given).values(disabled=True)
        self._remove = delete(table).where(t.id == given)

    async def create_tables(self) -> None:
        """Create the table where it is missing."""
        async with self._transactions.begin() as connection:
            await connection.execute(CreateTable(self._table, if_not_exists=True))
            for index in self._table.indexes:
                await connection.execute(CreateIndex(index, if_not_exists=True))

    async def find(self, digest: bytes) -> ApiKey | None:
        """The key with this digest, or None."""
        row = await self._alone.run(self._find, {"given": digest}, lambda found: found.mappings().one_or_none())
        return None if row is None else _key(row)

    async def add(self, key: ApiKey) -> None:
        """Keep a new key.

        Raises:
            sqlalchemy.exc.IntegrityError: there is one with this id or digest.
        """
        await self._run(
            self._add,
            id=key.id,
            owner=key.owner,
            digest=key.digest,
            scopes=" ".join(sorted(key.scopes)),
            name=key.name,
            hint=key.hint,
            created_at=key.created_at,
            expires_at=key.expires_at,
            disabled=key.disabled,
            rate_limit=None if key.rate is None else key.rate.limit,
            rate_period=None if key.rate is None else key.rate.period,
            last_used_at=key.last_used_at,
        )

    async def used(self, key_id: str, *, at: float, digest: bytes | None = None) -> None:
        """Note the time, and the digest under the newer secret."""
        if digest is None:
            await self._run(self._used, given=key_id, at=at)
        else:
            await self._run(self._moved, given=key_id, at=at, renewed=digest)

    async def of(self, owner: str) -> list[ApiKey]:
        """Every key of this owner, the oldest first."""
        return await self._alone.run(self._of, {"given": owner}, lambda found: [_key(row) for row in found.mappings()])

    async def disable(self, key_id: str) -> bool:
        """Turn a key off; False when there is no such key."""
        return await self._run(self._disable, given=key_id) > 0

    async def disable_of(self, owner: str) -> int:
        """Turn every key of this owner off; how many there are."""
        return await self._run(self._disable_of, given=owner)

    async def remove(self, key_id: str) -> bool:
        """Forget a key; False when there is no such key."""
        return await self._run(self._remove, given=key_id) > 0

    async def close(self) -> None:
        """Close the connections of the engine."""
        await self._transactions.dispose()

    async def _run(self, statement: Executable, **values: Any) -> int:
        return await self._alone.run(statement, values, lambda found: found.rowcount)


def _key(row: Any) -> ApiKey:
    values = dict(row)
    limit, period = values.pop("rate_limit"), values.pop("rate_period")
    scopes = frozenset(values.pop("scopes").split())
    return ApiKey(**values, scopes=scopes, rate=None if limit is None else Rate(limit, period))
