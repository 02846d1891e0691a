"""Accounts live on anybody's user class: int, UUID or text keys, and tables nobody may touch."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Computed,
    DateTime,
    Enum,
    FetchedValue,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Sequence,
    String,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry
from sqlmodel import Field, SQLModel

from fastness.accounts.models import Account, AccountMixin, LastAdmin, Models, Rotated, build_models
from fresh_database import fresh_url
from models_on import add, at_once, models_on, signed_in


class Base(DeclarativeBase):
    """Somebody's application."""


class Person(AccountMixin, Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    nickname: Mapped[str | None]


class BigPerson(AccountMixin, Base):
    __tablename__ = "big_people"
    # SQLite counts up by itself in INTEGER columns only.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


class UuidPerson(AccountMixin, Base):
    __tablename__ = "uuid_people"
    key: Mapped[uuid.UUID] = mapped_column("the_key", primary_key=True, default=uuid.uuid4)


class TextPerson(AccountMixin, Base):
    __tablename__ = "text_people"
    id: Mapped[str] = mapped_column(String(40), primary_key=True, default=lambda: f"u_{uuid.uuid4().hex}")


LEGACY_TABLE = """
CREATE TABLE legacy (
  nr INTEGER PRIMARY KEY {auto}, mail VARCHAR(320) NOT NULL, mail_lower VARCHAR(320) NOT NULL UNIQUE, pw VARCHAR(512),
  full_name VARCHAR(200) NOT NULL, kind VARCHAR(64) NOT NULL, confirmed DOUBLE PRECISION, blocked DOUBLE PRECISION,
  generation INTEGER NOT NULL, born DOUBLE PRECISION NOT NULL, shoe_size INTEGER NOT NULL DEFAULT 42
)
"""
LEGACY_COLUMNS = {
    "email": "mail",
    "email_canonical": "canonical",
    "password_hash": "pw",
    "name": "full_name",
    "role": "kind",
    "verified_at": "confirmed",
    "suspended_at": "blocked",
    "version": "generation",
    "created_at": "born",
}


class LegacyBase(DeclarativeBase):
    """Somebody's old application."""


class Legacy(LegacyBase):
    __tablename__ = "legacy"
    nr: Mapped[int] = mapped_column(primary_key=True)
    mail: Mapped[str]
    canonical: Mapped[str] = mapped_column("mail_lower", unique=True)
    pw: Mapped[str | None]
    full_name: Mapped[str]
    kind: Mapped[str]
    confirmed: Mapped[float | None]
    blocked: Mapped[float | None]
    generation: Mapped[int]
    born: Mapped[float]
    shoe_size: Mapped[int] = mapped_column(server_default=text("42"))


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with fresh_url(request.param, tmp_path) as fresh:
        yield fresh


def models_of(user: type, **columns: str) -> Models:
    for table in [t for t in user.metadata.tables.values() if t.name.startswith("fastness_")]:  # type: ignore[attr-defined]
        user.metadata.remove(table)  # type: ignore[attr-defined]
    return build_models(user, columns=columns)


async def story(url: str, models: Models, *, tables: bool = True) -> Account:
    """Register, sign in, refresh, list, guard, delete: the same for every class."""
    async with models_on(url, models, tables=tables) as db:
        ada = await add(db, "ada@example.com", role="admin", verified=True)
        opened = await signed_in(db, ada)
        async with db.write() as work:
            code = await work.codes.put(
                purpose="verify", user_id=ada.id, canonical=ada.canonical, flow="f", now=1.0, ttl=9
            )
            assert code is not None
            redeemed = await work.codes.redeem_digits("verify", "f", code.digits, now=2.0)
            rotated = await work.sessions.rotate(opened.refresh_token, now=2.0, grace=10, idle=10)
            device = await work.devices.remember(ada.id, now=1.0, ttl=10)
            assert await work.devices.known(ada.id, device or "", now=2.0)
            assert isinstance(await work.users.delete(ada.id), LastAdmin)
        async with db.read() as work:
            listed = await work.users.page(limit=5, search="ada")
            assert await work.users.by_id(ada.id) == await work.users.by_email("ada@example.com") == ada
        async with db.write() as work:
            await work.users.add(
                email="b", canonical="b", name="Bob", password_hash=None, role="admin", verified=True, now=1.0
            )
            await work.users.delete(ada.id)
            over = await work.sessions.get(opened.session_id, now=2.0)
        assert redeemed is not None
        assert redeemed.user_id == ada.id
        assert isinstance(rotated, Rotated)
        assert rotated.user_id == ada.id
        assert [item.id for item in listed.items] == [ada.id]
        assert over is None
        return ada


@pytest.mark.anyio
@pytest.mark.store
@pytest.mark.parametrize(
    ("user", "malformed"),
    [
        (Person, ["x", "-1", "01", "1.0", " 1", "１", "99999999999999999999", "4294967296", "1_0"]),
        (BigPerson, ["x", "9223372036854775808"]),
        (UuidPerson, ["1", "x"]),
        (TextPerson, ["\0", "\ud800", "nobody"]),
    ],
)
async def test_the_whole_story_works_on_every_kind_of_key(url: str, user: type, malformed: list[str]) -> None:
    models = models_of(user)

    ada = await story(url, models)

    assert models.accounts.parse(ada.id) is not None
    async with models_on(url, models) as db, db.read() as work:
        for id_ in malformed:
            assert await work.users.by_id(id_) is None


@pytest.mark.anyio
@pytest.mark.store
async def test_a_table_nobody_may_touch_carries_accounts_through_a_map(url: str) -> None:
    models = models_of(Legacy, **LEGACY_COLUMNS)
    async with models_on(url, models, tables=False) as db:
        sqlite = db.engine.dialect.name == "sqlite"
        ddl = LEGACY_TABLE.format(auto="" if sqlite else "GENERATED BY DEFAULT AS IDENTITY")
        async with db.transaction() as connection:
            await connection.execute(text(ddl))
        before = await described(db)
        await db.create_tables()

        assert await described(db) == before
        assert len(set(await at_once(20, lambda _: _add(db)))) == 2

    ada = await story(url, models)
    assert ada.id.isdigit()


async def described(db: Any) -> list[str]:
    """Every column and index of their table."""
    queries = {
        "sqlite": "SELECT name || coalesce(sql, '') FROM sqlite_master WHERE tbl_name = 'legacy' ORDER BY 1",
        "postgresql": "SELECT column_name || data_type FROM information_schema.columns WHERE table_name = 'legacy' "
        "UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename = 'legacy' ORDER BY 1",
    }
    async with db.engine.connect() as connection:
        return [row[0] for row in await connection.execute(text(queries[db.engine.dialect.name]))]


async def _add(db: Any) -> str | None:
    async with db.write() as work:
        account = await work.users.add(
            email="One@x", canonical="one@x", name="", password_hash=None, role="user", now=1.0
        )
    return account.id if account else None


class NoColumns(Base):
    __tablename__ = "no_columns"
    id: Mapped[int] = mapped_column(primary_key=True)


class TwoKeys(AccountMixin, Base):
    __tablename__ = "two_keys"
    a: Mapped[int] = mapped_column(primary_key=True)
    b: Mapped[int] = mapped_column(primary_key=True)


class FloatKey(AccountMixin, Base):
    __tablename__ = "float_key"
    id: Mapped[float] = mapped_column(primary_key=True)


class Child(Person):
    __tablename__ = "child"
    id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)


@pytest.mark.parametrize(
    ("user", "columns", "says"),
    [
        (int, {}, "int is not a class that SQLAlchemy maps"),
        (NoColumns, {}, "has no email, email_canonical.*AccountMixin"),
        (TwoKeys, {}, "one key column"),
        (FloatKey, {}, "one key column"),
        (Child, {}, "Child is not a class that SQLAlchemy maps to one table"),
        (Person, {"mail": "email"}, "knows no mail"),
        (Person, {"email": "e_mail"}, "has no email"),
    ],
)
def test_a_class_that_cannot_carry_accounts_is_told_why(user: type, columns: dict[str, str], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        build_models(user, columns=columns)


def mixed(**more: Any) -> type[Any]:
    """A class with our mixin and these attributes, in a metadata of its own."""

    class Own(DeclarativeBase):
        """Theirs."""

    parts = {"__tablename__": "mixed", "id": mapped_column(Integer, primary_key=True), **more}
    return type("Mixed", (AccountMixin, Own), parts)


NO_VALUE = "needs a default: a registration has no value for it"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"nick": mapped_column(String, nullable=False)}, f"mixed.nick {NO_VALUE}"),
        ({"id": mapped_column(Uuid, primary_key=True)}, f"mixed.id {NO_VALUE}"),
        ({"id": mapped_column(String, primary_key=True)}, f"mixed.id {NO_VALUE}"),
        ({"id": mapped_column(Integer, primary_key=True, autoincrement=False)}, f"mixed.id {NO_VALUE}"),
        ({"slug": mapped_column(String, default="", unique=True)}, "mixed.slug is unique and its default is always"),
        ({"slug": mapped_column(String, server_default="", unique=True)}, "its default is always the same: one person"),
        ({"role": mapped_column(Enum("user", "admin"))}, "mixed.role is of type Enum, and role is text; make it as"),
        ({"name": mapped_column(JSON)}, "mixed.name is of type JSON, and name is text"),
        ({"created_at": mapped_column(DateTime)}, "mixed.created_at is of type DateTime.* seconds as a float"),
        ({"verified_at": mapped_column(Numeric, nullable=True)}, "mixed.verified_at is of type Numeric"),
        ({"version": mapped_column(String)}, "mixed.version is of type String, and version is a whole number"),
        ({"password_hash": mapped_column(String(60), nullable=True)}, "password_hash holds 60 characters.* needs 128"),
        ({"email": mapped_column(String(100))}, "mixed.email holds 100 characters, and email needs 254"),
        ({"name": mapped_column(String(200), nullable=True)}, "mixed.name may be NULL, and everybody has a name"),
        ({"password_hash": mapped_column(String(200), nullable=False)}, "password_hash may not be NULL"),
        ({"name": mapped_column(String(200), unique=True)}, "mixed.name is unique, and two people may have"),
        (
            {"email_canonical": mapped_column(String(320), nullable=False)},
            "email_canonical is not unique: two people could register",
        ),
    ],
)
def test_a_column_that_would_be_a_500_later_is_told_at_once(more: dict[str, Any], says: str) -> None:
    user = mixed(**more)

    with pytest.raises(TypeError, match=says):
        build_models(user)


@pytest.mark.parametrize(
    "more",
    [
        {"nick": mapped_column(String, nullable=True)},
        {"nick": mapped_column(String, default=lambda: "x")},
        {"nick": mapped_column(String, insert_default="x")},
        {"nick": mapped_column(String, default=lambda: "x", unique=True)},
        {"nick": mapped_column(String, server_default=text("gen_random_uuid()"), unique=True)},
        {"nick": mapped_column(String, nullable=False, server_default="")},
        {"nick": mapped_column(String, FetchedValue(), nullable=False)},
        {"nick": mapped_column(String, Computed("lower(email)"), nullable=False)},
        {"nick": mapped_column(Integer, Sequence("nicks"), nullable=False)},
        {"id": mapped_column(Integer, Identity(), primary_key=True)},
        {"id": mapped_column(Uuid, primary_key=True, server_default=func.gen_random_uuid())},
        {"id": mapped_column(String, FetchedValue(), primary_key=True)},
        {
            "email_canonical": mapped_column(String, nullable=False),
            "__table_args__": (UniqueConstraint("email_canonical"),),
        },
        {
            "email_canonical": mapped_column(String, nullable=False),
            "__table_args__": (Index("i", "email_canonical", unique=True),),
        },
    ],
)
def test_what_a_default_or_the_database_fills_is_no_objection(more: dict[str, Any]) -> None:
    assert build_models(mixed(**more)).accounts.table.name == "mixed"


@pytest.mark.anyio
@pytest.mark.parametrize("length", [None, 40])
async def test_a_sqlmodel_class_may_have_a_key_of_text(length: int | None, tmp_path: Path) -> None:
    class Own(SQLModel, registry=registry()):
        """A metadata of its own."""

    class Hero(Own, table=True):
        key: str = Field(primary_key=True, default_factory=lambda: uuid.uuid4().hex, max_length=length)
        mail: str = Field(unique=True)

    ada = await story(f"sqlite+aiosqlite:///{tmp_path}/heroes.db", build_models(Hero, columns={"email": "mail"}))

    assert uuid.UUID(ada.id).hex == ada.id


def test_our_tables_are_in_the_metadata_of_the_class_so_that_its_own_migrations_see_them() -> None:
    models = models_of(Person)

    ours = {name for name in Base.metadata.tables if name.startswith("fastness_")}
    assert models.metadata is Base.metadata
    assert {"fastness_sessions", "fastness_codes", "fastness_devices", "fastness_revocations"} <= ours
    assert {index.name for index in Base.metadata.tables["people"].indexes} == {
        "ix_people_name_prefix",
        "ix_people_staff",
    }
