"""The list of accounts, page by page: flat to a million, because every step is a range of an index."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import Account, AccountTable
from fastness.accounts.models.columns import storable
from fastness.core.errors import Refused

COUNTED = 10_000
"""How far totals are exact and page numbers reach."""

_BEYOND = "\U0010ffff"
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One page of accounts."""

    items: tuple[Account, ...]
    next: str | None
    """The cursor of the next page, or None on the last."""
    total: int | None
    """Exact up to 10,000, else None."""


class InvalidCursor(Refused):
    """The cursor was not made by this service."""

    code, status, public = "invalid_cursor", 422, "The cursor is not valid. Start again without one."


class DirectorySQL:
    """The statements of the list, built once. A part is one range of one index, in its order."""

    def __init__(self, accounts: AccountTable) -> None:
        self.accounts = accounts
        address, name, key = accounts.canonical, accounts.folded_name, accounts.key
        by_address = and_(address >= bindparam("prefix"), address < bindparam("beyond"))
        by_name = and_(
            name >= bindparam("folded"),
            name < bindparam("folded_beyond"),
            not_(by_address),
        )
        rows = accounts.select(name.label("folded_name")).limit(bindparam("limit"))
        rows = rows.offset(bindparam("offset"))
        everybody, addresses = rows.order_by(address), rows.where(by_address).order_by(address)
        names = rows.where(by_name).order_by(name, key)
        after_address = address > bindparam("after")
        after_name = or_(name > bindparam("after"), and_(name == bindparam("after"), key > bindparam("after_key")))
        self.everybody = (everybody, everybody.where(after_address), self._count(None))
        self.addresses = (addresses, addresses.where(after_address), self._count(by_address))
        # The first condition is implied; it is what lets the index start in the right place.
        self.names = (names, names.where(name >= bindparam("after"), after_name), self._count(by_name))

    def _count(self, condition: ColumnElement[bool] | None) -> Select[Any]:
        rows = self.accounts.keys()
        if condition is not None:
            rows = rows.where(condition)
        return select(func.count()).select_from(rows.limit(COUNTED + 1).subquery())


@dataclass(frozen=True, slots=True)
class Directory:
    """The list, bound to one connection."""

    connection: AsyncConnection
    sql: DirectorySQL

    async def page(self, *, limit: int, page: int, after: str | None, search: str | None) -> AccountPage:
        """See `Users.page`."""
        if limit < 1 or page < 1 or (after is None and page * limit > COUNTED):
            raise ValueError("page x limit goes to 10,000; use the cursor beyond")
        start = None if after is None else self._opened(after)
        if search is not None and not storable(search):
            return AccountPage((), None, 0)
        folded = (search or "").translate(_LOWER)
        values = {
            "prefix": search or "",
            "beyond": (search or "") + _BEYOND,
            "folded": folded,
            "folded_beyond": folded + _BEYOND,
        }
        parts = [("a", self.sql.addresses), ("n", self.sql.names)] if search else [("e", self.sql.everybody)]
        if start is not None and start[0] not in {name for name, _ in parts}:
            raise InvalidCursor("a cursor of another search")

        counts = [int((await self.connection.execute(sql[2], values)).scalar_one()) for _, sql in parts]
        rows: list[tuple[str, Any]] = []
        skip = 0 if start else (page - 1) * limit
        for (name, (first, following, _)), count in zip(parts, counts, strict=True):
            wanted = limit + 1 - len(rows)
            if wanted <= 0 or (start and start[0] > name):
                continue
            if skip >= count:
                skip -= count
                continue
            statement, bound = first, {**values, "limit": wanted, "offset": skip}
            if start and start[0] == name:
                statement, bound = following, {**bound, "after": start[1], "after_key": start[2]}
            rows += [(name, row) for row in (await self.connection.execute(statement, bound)).all()]
            skip = 0
        total = sum(counts)
        return AccountPage(
            items=tuple(self.sql.accounts.account(row[:-1]) for _, row in rows[:limit]),
            next=self._sealed(*rows[limit - 1]) if len(rows) > limit else None,
            total=total if total <= COUNTED else None,
        )

    def _sealed(self, part: str, row: Any) -> str:
        account = self.sql.accounts.account(row[:-1])
        place = [part, row[-1], account.id] if part == "n" else [part, account.canonical, ""]
        return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).rstrip(b"=").decode()

    def _opened(self, cursor: str) -> tuple[str, str, Any]:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            part, place, key = json.loads(raw)
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidCursor("not one of ours") from error
        if not (isinstance(part, str) and isinstance(place, str) and isinstance(key, str) and storable(place)):
            raise InvalidCursor("not one of ours")
        parsed = self.sql.accounts.parse(key) if part == "n" else ""
        if parsed is None:
            raise InvalidCursor("not one of ours")
        return part, place, parsed
