"""Models: every table around one user class. Work: every query, on one connection.

Rows are locked in one order, or two transactions could wait for each other, which PostgreSQL ends by failing one:
administrators, by their keys, where one of them may be taken away; then the account; then what hangs on it. Codes and
challenges are found by their secret, so they hold its account themselves before they are touched. A session alone may be
locked without its account, by whoever locks no account afterwards. A purge waits for no row: it leaves what is locked.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Delete, MetaData, Table, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastness.accounts.models.account import AccountMixin, AccountTable, mapper_of
from fastness.accounts.models.api_keys import ApiKeys, ApiKeySQL, api_key_table
from fastness.accounts.models.challenges import Challenges, ChallengeSQL, challenge_table
from fastness.accounts.models.codes import Codes, CodeSQL, code_table
from fastness.accounts.models.deletions import Deletions, DeletionSQL, deletion_table
from fastness.accounts.models.devices import Devices, DeviceSQL, device_table
from fastness.accounts.models.events import Events, EventSQL, event_table, mark_table
from fastness.accounts.models.factors import Factors, FactorSQL, factor_table
from fastness.accounts.models.keys import Keys, KeySQL, key_table
from fastness.accounts.models.leases import Leases, LeaseSQL, lease_table
from fastness.accounts.models.mapped import MappedTable, is_mapped
from fastness.accounts.models.mapped_users import MappedUsers, MappedUserSQL
from fastness.accounts.models.outbox import Outbox, OutboxSQL, outbox_table
from fastness.accounts.models.passkeys import PasskeySQL, StoredPasskeys, passkey_table, spent_challenge_table
from fastness.accounts.models.recovery_codes import RecoveryCodes, RecoveryCodeSQL, recovery_code_table
from fastness.accounts.models.revocations import RevocationLog, RevocationSQL, revocation_table
from fastness.accounts.models.session_statements import SessionSQL, session_table
from fastness.accounts.models.sessions import Sessions
from fastness.accounts.models.usernames import Usernames, UsernameSQL, username_table
from fastness.accounts.models.users import Users, UserSQL
from fastness.stores import sql as counters

PURGED = 1_000
"""Rows that one transaction of a purge deletes at most, so that none is long."""
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Work:
    """One unit of work: the nouns, all on the same connection and in the same transaction, locking in one order."""

    users: Users
    sessions: Sessions
    codes: Codes
    devices: Devices
    keys: Keys
    revocations: RevocationLog
    leases: Leases
    outbox: Outbox
    factors: Factors
    recovery_codes: RecoveryCodes
    challenges: Challenges
    api_keys: ApiKeys
    usernames: Usernames
    deletions: Deletions
    passkeys: StoredPasskeys
    events: Events
    purges: Mapping[str, Delete]

    async def purge(self, table: str, now: float) -> int:
        """Delete what is over in one table, at most 1,000 rows: how many went. Repeat until none do."""
        return (await self.leases.connection.execute(self.purges[table], {"now": now})).rowcount


class Models:
    """The user's class and our tables beside it, in the same metadata. Make one with `build_models`."""

    def __init__(self, user: type, columns: Mapping[str, str], admin_roles: tuple[str, ...]) -> None:
        self.user = user
        theirs = set(mapper_of(user)[1].metadata.tables)
        mapped = MappedTable(user, columns) if is_mapped(user, columns) else None
        self.accounts = AccountTable(user, columns) if mapped is None else mapped
        self.metadata: MetaData = self.accounts.table.metadata
        sessions = self._table(session_table, self.accounts)
        codes = self._table(code_table, self.accounts)
        devices = self._table(device_table, self.accounts)
        keys = self._table(key_table)
        revocations = self._table(revocation_table)
        self.leases = self._table(lease_table)
        outbox = self._table(outbox_table)
        factors = self._table(factor_table, self.accounts)
        recovery_codes = self._table(recovery_code_table, self.accounts)
        challenges = self._table(challenge_table, self.accounts)
        api_keys = self._table(api_key_table, self.accounts)
        usernames = self._table(username_table, self.accounts)
        deletions = self._table(deletion_table, self.accounts)
        passkeys = self._table(passkey_table, self.accounts, factors)
        spent = self._table(spent_challenge_table)
        events = self._table(event_table)
        marks = self._table(mark_table)
        # Shared counters live beside them, so that one migration makes both.
        counters.tables(self.metadata)
        self.own: tuple[Table, ...] = tuple(t for name, t in self.metadata.tables.items() if name not in theirs)
        """Our tables beside the class's."""
        self._users = UserSQL(self.accounts, admin_roles) if mapped is None else MappedUserSQL(mapped, admin_roles)
        self._sessions = SessionSQL(sessions, self.accounts)
        self._codes = CodeSQL(codes, self.accounts)
        self._devices = DeviceSQL(devices, self.accounts)
        self._keys = KeySQL(keys)
        self._revocations = RevocationSQL(revocations)
        self._leases = LeaseSQL(self.leases)
        self._outbox = OutboxSQL(outbox)
        self._factors = FactorSQL(factors, self.accounts)
        self._recovery_codes = RecoveryCodeSQL(recovery_codes, self.accounts)
        self._challenges = ChallengeSQL(challenges, self.accounts)
        self._api_keys = ApiKeySQL(api_keys, self.accounts)
        self._usernames = UsernameSQL(usernames, self.accounts)
        self._deletions = DeletionSQL(deletions, self.accounts)
        self._passkeys = PasskeySQL(passkeys, factors, spent, self.accounts)
        self._events = EventSQL(events, marks)
        self.purges: Mapping[str, Delete] = {
            table.name: _purge(table, over)
            for table, over in (
                (sessions, sessions.c.idle_expires_at),
                (codes, codes.c.expires_at),
                (devices, devices.c.expires_at),
                (challenges, challenges.c.expires_at),
                (api_keys, api_keys.c.expires_at),
                (spent, spent.c.expires_at),
                (keys, keys.c.retires_at),
                (revocations, revocations.c.until),
                # The courier gives up what is too old and says so; this is for mails that no courier comes for.
                (outbox, outbox.c.expires_at + _DAY),
                (self.leases, self.leases.c.expires_at),
            )
        }

    def work(self, connection: AsyncConnection) -> Work:
        """Every noun, bound to this connection."""
        return Work(
            users=(
                MappedUsers(connection, self._users)
                if isinstance(self._users, MappedUserSQL)
                else Users(connection, self._users)
            ),
            sessions=Sessions(connection, self._sessions),
            codes=Codes(connection, self._codes),
            devices=Devices(connection, self._devices),
            keys=Keys(connection, self._keys),
            revocations=RevocationLog(connection, self._revocations),
            leases=Leases(connection, self._leases),
            outbox=Outbox(connection, self._outbox),
            factors=Factors(connection, self._factors),
            recovery_codes=RecoveryCodes(connection, self._recovery_codes),
            challenges=Challenges(connection, self._challenges),
            api_keys=ApiKeys(connection, self._api_keys),
            usernames=Usernames(connection, self._usernames),
            deletions=Deletions(connection, self._deletions),
            passkeys=StoredPasskeys(connection, self._passkeys),
            events=Events(connection, self._events),
            purges=self.purges,
        )

    @property
    def probe(self) -> Table:
        """The table that is there when the schema is."""
        return self.leases

    def _table(self, make: Any, *given: Any) -> Table:
        table: Table = make(self.metadata, *given)
        return table


def _purge(table: Table, over: Any) -> Delete:
    key = next(iter(table.primary_key))
    some = select(key).where(over <= bindparam("now")).limit(PURGED).with_for_update(skip_locked=True)
    return delete(table).where(key.in_(some))


def build_models(
    user: type,
    *,
    columns: Mapping[str, str] | None = None,
    admin_roles: tuple[str, ...] = ("admin", "super_admin"),
) -> Models:
    """Our tables in the metadata of `user`, with foreign keys of its key type: its own Alembic sees them.

    `columns` maps our names to the attributes of a class that has the columns under other names. Build once a class.

    Raises:
        TypeError: the class cannot carry accounts; the message says what is missing.
    """
    return Models(user, columns or {}, admin_roles)


@functools.cache
def default_models() -> Models:
    """Our own `User` (table `users`, random UUID key) with our tables."""

    class Base(DeclarativeBase):
        """The tables of a service that is nothing else; every constraint has a name that a migration can say."""

        metadata = MetaData(
            naming_convention={
                "ix": "ix_%(column_0_label)s",
                "pk": "pk_%(table_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "fk": "fk_%(table_name)s_%(column_0_name)s",
            }
        )

    class User(AccountMixin, Base):
        """An account."""

        __tablename__ = "users"
        id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)

    return build_models(User)
