"""Recovery codes: ten ways past a lost factor, each once. They have 128 random bits, so a digest is safe to keep."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass

from sqlalchemy import Column, ForeignKey, MetaData, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fastness.accounts.models.account import AccountTable
from fastness.accounts.models.columns import Digest, Seconds, digest

COUNT = 10
_BYTES = 16
_GROUP = 5
_SHAPE = re.compile(r"[A-Z2-7]{26}", re.ASCII)


def recovery_code_table(metadata: MetaData, accounts: AccountTable) -> Table:
    """The table of recovery codes."""
    return Table(
        "fastness_recovery_codes",
        metadata,
        Column("code", Digest, primary_key=True),
        Column("user_id", accounts.key.type, ForeignKey(accounts.key, ondelete="CASCADE"), nullable=False, index=True),
        Column("used_at", Seconds),
    )


class RecoveryCodeSQL:
    """The statements about recovery codes, built once."""

    def __init__(self, table: Table, accounts: AccountTable) -> None:
        t = table.c
        self.accounts = accounts
        owned = t.user_id == bindparam("key")
        self.forget, self.add = delete(table).where(owned), insert(table)
        self.spend = (
            update(table)
            .where(owned, t.code == bindparam("given"), t.used_at.is_(None))
            .values(used_at=bindparam("now", type_=Seconds()))
        )
        self.left = select(func.count()).select_from(table).where(owned, t.used_at.is_(None))


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Queries about recovery codes, bound to one connection."""

    connection: AsyncConnection
    sql: RecoveryCodeSQL

    async def replace(self, user_id: str) -> tuple[str, ...]:
        """Ten new codes, to be shown once; the ones before are gone. Hold the account first."""
        key = self.sql.accounts.parse(user_id)
        await self.connection.execute(self.sql.forget, {"key": key})
        codes = tuple(_new() for _ in range(COUNT))
        rows = [{"code": digest(canonical(code)), "user_id": key, "used_at": None} for code in codes]
        await self.connection.execute(self.sql.add, rows)
        return codes

    async def spend(self, user_id: str, given: str, *, now: float) -> bool:
        """Use one up; only one caller ever succeeds."""
        key, code = self.sql.accounts.parse(user_id), canonical(given)
        if key is None or not _SHAPE.fullmatch(code):
            return False
        place = {"key": key, "given": digest(code), "now": now}
        return bool((await self.connection.execute(self.sql.spend, place)).rowcount)

    async def left(self, user_id: str) -> int:
        """How many still work."""
        key = self.sql.accounts.parse(user_id)
        return 0 if key is None else int((await self.connection.execute(self.sql.left, {"key": key})).scalar_one())

    async def forget(self, user_id: str) -> None:
        """Let none work any more."""
        key = self.sql.accounts.parse(user_id)
        if key is not None:
            await self.connection.execute(self.sql.forget, {"key": key})


def canonical(code: str) -> str:
    """A code as it is compared: without hyphens and spaces, in capitals."""
    return code.replace("-", "").replace(" ", "").upper()


def _new() -> str:
    text = base64.b32encode(secrets.token_bytes(_BYTES)).decode().rstrip("=")
    return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP))
