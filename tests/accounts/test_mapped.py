"""Accounts on a table that nobody may touch: what it has is used, what is missing lives beside it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Engine,
    Enum,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    String,
    TypeDecorator,
    Uuid,
    inspect,
    literal,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, registry
from sqlmodel import Field, SQLModel

from accounts.given import engine_on
from accounts.mounted import Mounted, mounted, settings
from accounts.passkeys import login, new
from accounts.serving import PASSWORD, bearer, digits
from authenticator import Authenticator
from fastness.accounts.db import Database
from fastness.accounts.models import LastAdmin, build_models
from fastness.accounts.models.account import NAMES
from fastness.controls.passwords import Passwords
from fastness.testing import sign_in, unsafe_fast_hasher
from models_on import AccountDatabase, at_once

pytestmark = pytest.mark.anyio
KINDS = [
    "sqlite-async",
    "sqlite-sync",
    pytest.param("postgresql-async", marks=pytest.mark.store),
    pytest.param("postgresql-sync", marks=pytest.mark.store),
]
FULL = {
    "id": "nr", "email": "mail", "password_hash": "pw", "role": "kind", "active": "is_active", "verified": "confirmed",
    "name": "full_name", "created_at": "born",
}  # fmt: skip
LEAST = {"email": "mail"}


def legacy(*, reused: bool = False) -> type[Any]:
    """A class that knows nothing of us, with a metadata of its own."""

    class Base(DeclarativeBase):
        """Theirs."""

    class Legacy(Base):
        __tablename__ = "legacy"
        __table_args__ = {} if reused else {"sqlite_autoincrement": True}
        nr: Mapped[int] = mapped_column(primary_key=True)
        mail: Mapped[str] = mapped_column(String(320), unique=True)
        pw: Mapped[str] = mapped_column("passwd", String(300), default="!", server_default="!")
        kind: Mapped[str] = mapped_column(String(20), server_default="user")
        is_active: Mapped[bool | None] = mapped_column(server_default=text("true"), default=True)
        confirmed: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
        full_name: Mapped[str] = mapped_column(String(100), server_default="", default="")
        born: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))
        shoe_size: Mapped[int] = mapped_column(default=42)

    return Legacy


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(params=["full", "least"])
def columns(request: pytest.FixtureRequest) -> dict[str, str]:
    return FULL if request.param == "full" else LEAST


@pytest.fixture
async def here(kind: str, columns: dict[str, str], tmp_path: Path) -> AsyncIterator[Mounted]:
    def routes(app: FastAPI, accounts: Any, _: Any) -> None:
        @app.get("/me")
        async def me(person: Any = accounts.user()) -> dict[str, Any]:  # noqa: B008
            return {"nr": person.nr, "mail": person.mail, "shoe_size": person.shoe_size}

    async with mounted(kind, tmp_path, user=legacy(), columns=columns, routes=routes) as running_app:
        yield running_app


async def run(here: Mounted, statement: str, **values: Any) -> list[Any]:
    """What the application says to its own database, in a transaction."""
    session = here.factory()
    if hasattr(session, "__aenter__"):
        async with session, session.begin():
            done = await session.execute(text(statement), values)
            return list(done.all()) if done.returns_rows else []

    def at_once() -> list[Any]:
        with session, session.begin():
            done = session.execute(text(statement), values)
            return list(done.all()) if done.returns_rows else []

    # In the event loop it could wait for a lock that only the event loop gives back.
    return await asyncio.to_thread(at_once)


async def test_the_whole_story_happens_on_their_table(here: Mounted) -> None:
    ada = await here.registered()
    header = await here.signed_in()

    me = await here.client.get("/me", headers=header)
    renamed = await here.client.patch("/profile", json={"name": "Countess"}, headers=header)
    again = await here.post("/auth/register", json={"email": "ADA@example.com", "password": PASSWORD, "name": "Eve"})
    gone = await here.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=header)

    assert me.json() == {"nr": int(ada), "mail": "ada@example.com", "shoe_size": 42}
    assert (renamed.json()["name"], renamed.json()["role"], renamed.json()["verified"]) == ("Countess", "user", True)
    assert renamed.json()["created_at"].startswith(str(datetime.now(UTC).year))
    assert again.status_code == 202
    assert gone.status_code == 204
    here.clock.ahead += 14 * 86_400
    await here.accounts.service._purge()
    assert await run(here, "SELECT * FROM legacy") == []
    assert await run(here, "SELECT * FROM fastness_accounts") == []


async def test_a_passkey_signs_its_owner_in_and_goes_with_the_account(here: Mounted) -> None:
    ada, key = await here.registered(), Authenticator()
    header = await here.signed_in()

    made = await new(here, {"access_token": header["Authorization"].removeprefix("Bearer ")}, key)
    done = await login(here, key)
    me = await here.client.get("/me", headers=bearer(done.json()))
    gone = await here.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=bearer(done.json()))

    assert (made.status_code, done.status_code, me.json()["nr"], gone.status_code) == (201, 200, int(ada), 204)
    assert (await login(here, key)).status_code == 401
    here.clock.ahead += 14 * 86_400
    await here.accounts.service._purge()
    assert await run(here, "SELECT * FROM fastness_passkeys") == []


async def test_people_who_were_there_before_sign_in_with_the_password_they_have(
    here: Mounted, columns: dict[str, str]
) -> None:
    passwords = Passwords(unsafe_fast_hasher())
    stored = await passwords.hash(PASSWORD)
    passwords.close()
    await run(
        here,
        "INSERT INTO legacy (mail, passwd, confirmed, full_name, born, shoe_size) "
        "VALUES (:mail, :stored, true, :name, :born, :size)",
        mail="Old@Example.com", stored=stored, name="Old", born=datetime(2001, 1, 1, tzinfo=UTC), size=40,
    )  # fmt: skip

    if "password_hash" not in columns:
        # Without a column for the hash nobody has a password yet: the owner proves the address and registers it.
        given = {"email": "old@example.com", "password": PASSWORD, "name": "Old"}
        flow = (await here.post("/auth/register", json=given)).json()["flow"]
        await here.accounts.settled()
        code = digits(here.mailer.outbox[-1])
        assert (await here.post("/auth/verify-email", json={"code": code, "flow": flow})).status_code == 200
    header = await here.signed_in("OLD@example.com")

    profile = (await here.client.get("/profile", headers=header)).json()
    assert (profile["email"], profile["role"], profile["verified"]) == ("Old@Example.com", "user", True)
    assert (await here.client.get("/me", headers=header)).json()["shoe_size"] == 40


async def test_an_administrator_manages_people_on_both_tables(here: Mounted) -> None:
    root, eve = await here.registered("root@example.com"), await here.registered("eve@example.com")
    async with here.accounts.service.db.write() as work:
        await work.users.set_role(root, "super_admin", now=1.0)
    header, hers = await sign_in(here.app, root), await sign_in(here.app, eve)

    listed = (await here.client.get("/users?search=e", headers=header)).json()
    made = await here.client.patch(f"/users/{eve}", json={"role": "editor"}, headers=header)
    suspended = await here.post(f"/users/{eve}/suspend", headers=header)
    out = await here.client.get("/me", headers=hers)
    refused = await here.post("/auth/login", json={"email": "eve@example.com", "password": PASSWORD})
    back = await here.post(f"/users/{eve}/unsuspend", headers=header)
    last = await here.client.delete(f"/users/{root}", headers=header)

    assert [item["id"] for item in listed["items"]] == [eve]
    assert (made.json()["role"], suspended.json()["suspended"], back.json()["suspended"]) == ("editor", True, False)
    assert (out.status_code, refused.status_code) == (401, 401)
    assert last.json()["code"] == "last_admin"


async def test_whom_the_application_makes_inactive_is_out(tmp_path: Path) -> None:
    def routes(app: FastAPI, accounts: Any, _: Any) -> None:
        @app.get("/me")
        async def me(person: Any = accounts.user()) -> int:  # noqa: B008
            return int(person.nr)

    async with mounted("sqlite-async", tmp_path, user=legacy(), columns=FULL, routes=routes) as here:
        await here.registered()
        header = await here.signed_in()
        answers = []
        for value in (False, None):
            await run(here, "UPDATE legacy SET is_active = :value", value=value)
            answers += [
                (await here.client.get("/me", headers=header)).status_code,
                (await here.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})).status_code,
            ]

    assert answers == [401, 401, 401, 401]


@pytest.fixture
async def db(kind: str, columns: dict[str, str], tmp_path: Path) -> AsyncIterator[AccountDatabase]:
    models = build_models(legacy(), columns=columns)
    async with engine_on(kind, tmp_path) as engine:
        database: AccountDatabase = Database(engine, models)
        await database.create_tables()
        yield database
        await database.close()


async def person(db: AccountDatabase, address: str, **more: Any) -> str | None:
    async with db.write() as work:
        made = await work.users.add(
            email=address, canonical=address.lower(), name="", password_hash="h", now=1e9, **more
        )
    return None if made is None else made.id


async def test_one_of_many_at_once_gets_the_address(db: AccountDatabase) -> None:
    made = await at_once(20, lambda i: person(db, "ADA@example.com" if i % 2 else "ada@example.com"))

    assert len([each for each in made if each is not None]) == 1


async def test_one_administrator_always_stays(db: AccountDatabase) -> None:
    ids = [await person(db, f"{i}@example.com", role="admin", verified=True) for i in range(6)]

    async def away(i: int) -> Any:
        async with db.write() as work:
            match i % 3:
                case 0:
                    return await work.users.delete(ids[i] or "")
                case 1:
                    return await work.users.suspend(ids[i] or "", now=2.0)
                case _:
                    return await work.users.set_role(ids[i] or "", "user", now=2.0)

    outcomes = await at_once(6, away)

    assert len([outcome for outcome in outcomes if isinstance(outcome, LastAdmin)]) == 1
    async with db.read() as work:
        assert await work.users.admins() == 1


async def test_a_code_of_one_registration_brings_no_other_password(db: AccountDatabase) -> None:
    ada = await person(db, "ada@example.com") or ""
    async with db.write() as work:
        code = await work.codes.put(
            purpose="p", user_id=ada, canonical="ada@example.com", flow="f", now=1.0, ttl=9, password_hash="h"
        )
        assert code is not None
        assert await work.users.contest(ada)
        assert await work.codes.redeem_token("p", code.token, now=2.0) is None
        assert await work.users.mark_verified(
            ada, canonical="ada@example.com", now=3.0, password_hash="new", name="Ada"
        )
        assert await work.users.mark_verified(ada, canonical="ada@example.com", now=3.0, password_hash="newer")
        assert not await work.users.mark_verified(ada, canonical="eve@example.com", now=3.0)
        assert await work.users.set_password_hash(ada, "x", old="h") is False
        assert await work.users.set_password_hash(ada, "y", old="new") is True
        assert await work.users.bump_version(ada) == 1
        account = await work.users.by_id(ada)

    assert account is not None
    assert (account.password_hash, account.name, account.verified, account.created_at) == ("y", "Ada", True, 1e9)


async def test_their_table_is_not_touched(kind: str, tmp_path: Path) -> None:
    user = legacy()
    before = [(c.name, str(c.type)) for c in user.__table__.columns], len(user.__table__.indexes)
    models = build_models(user, columns=FULL)

    assert ([(c.name, str(c.type)) for c in user.__table__.columns], len(user.__table__.indexes)) == before
    assert [column.name for column in models.metadata.tables["fastness_accounts"].columns] == ["user_id", "version"]
    async with engine_on(kind, tmp_path) as engine:
        database: AccountDatabase = Database(engine, models)
        await database.create_tables()
        if isinstance(engine, Engine):
            assert {"legacy", "fastness_accounts"} <= set(inspect(engine).get_table_names())
        await database.close()


async def test_a_sqlmodel_class_carries_accounts(tmp_path: Path) -> None:
    class Base(SQLModel, registry=registry()):
        """A metadata of its own, which no other test has filled."""

    class Hero(Base, table=True):
        __tablename__ = "heroes"
        key: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
        mail: str = Field(unique=True)
        secret_name: str = ""

    def routes(app: FastAPI, accounts: Any, _: Any) -> None:
        @app.get("/me")
        async def me(person: Any = accounts.user()) -> dict[str, str]:  # noqa: B008
            assert isinstance(person, Hero)
            return {"mail": person.mail, "secret_name": person.secret_name}

    columns = {"id": "key", "email": "mail", "name": "secret_name"}
    async with mounted("sqlite-sync", tmp_path, user=Hero, columns=columns, routes=routes) as here:
        hero = await here.registered()
        me = await here.client.get("/me", headers=await here.signed_in())

    assert str(uuid.UUID(hero)) == hero
    assert me.json() == {"mail": "ada@example.com", "secret_name": "Ada"}


@pytest.mark.parametrize("kind", ["sqlite-async", "sqlite-sync"])
async def test_a_table_that_gives_numbers_again_needs_foreign_keys(kind: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="leave its sessions to the next one"):
        async with mounted(kind, tmp_path, user=legacy(reused=True), columns=FULL):
            pass

    async with mounted(kind, tmp_path, user=legacy(reused=True), columns=FULL, foreign_keys=True) as here:
        await here.registered()
        await run(here, "DELETE FROM legacy")
        assert await run(here, "SELECT * FROM fastness_sessions") == []
        assert await run(here, "SELECT * FROM fastness_accounts") == []


def nine(**more: Any) -> type[Any]:
    """A class with a column for everything, as people write them: times are dates, and much may be NULL."""

    class Base(DeclarativeBase):
        """Theirs."""

    parts = {
        "__tablename__": "nine",
        "nr": mapped_column(Integer, primary_key=True),
        "email": mapped_column(String(40), unique=True, nullable=True),
        "email_canonical": mapped_column(String(40), unique=True, nullable=True),
        "name": mapped_column(String(20), nullable=True),
        "password_hash": mapped_column(String(200), nullable=True),
        "role": mapped_column(String(12), nullable=True),
        "verified_at": mapped_column(DateTime(timezone=True), nullable=True),
        "suspended_at": mapped_column(DateTime, nullable=True),
        "version": mapped_column(Integer, nullable=True),
        "created_at": mapped_column(DateTime, nullable=True),
        **more,
    }
    return type("Nine", (Base,), {"__table_args__": {"sqlite_autoincrement": True}, **parts})


NINE = {name: name for name in NAMES}


class Zoned(TypeDecorator[datetime]):
    """The type of SQLAlchemy's own recipe: it insists on a zone, and keeps none."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise TypeError("tzinfo is required")
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


async def administrator(here: Mounted, id_: str) -> dict[str, str]:
    """The header of somebody who is one from now on."""
    async with here.accounts.service.db.write() as work:
        await work.users.set_role(id_, "admin", now=1.0)
    return await sign_in(here.app, id_)


TIMES = ("verified_at", "suspended_at", "created_at")


@pytest.mark.parametrize("of", [DateTime, Zoned, BigInteger, Float, Numeric])
async def test_a_map_of_all_nine_names_works_with_times_of_any_kind(kind: str, of: Any, tmp_path: Path) -> None:
    user = nine(**{name: mapped_column(of(), nullable=True) for name in TIMES})
    async with mounted(kind, tmp_path, user=user, columns=NINE) as here:
        ada = await here.registered()
        await here.registered("root@example.com")
        header = await here.signed_in()
        profile = (await here.client.get("/profile", headers=header)).json()
        root = await administrator(here, "2")
        suspended = await here.post(f"/users/{ada}/suspend", headers=root)
        out = await here.client.get("/profile", headers=header)
        back = await here.post(f"/users/{ada}/unsuspend", headers=root)

        assert (profile["name"], profile["role"], profile["verified"]) == ("Ada", "user", True)
        assert profile["created_at"].startswith(str(datetime.now(UTC).year))
        assert (suspended.json()["suspended"], out.status_code, back.json()["suspended"]) == (True, 401, False)
        assert "fastness_accounts" not in user.metadata.tables, "they left nothing for it"


@pytest.mark.parametrize("mapped", [NINE, {name: name for name in NAMES if name != "version"}])
async def test_what_is_null_in_their_table_reads_as_usual(kind: str, mapped: dict[str, str], tmp_path: Path) -> None:
    passwords = Passwords(unsafe_fast_hasher())
    stored = await passwords.hash(PASSWORD)
    passwords.close()
    async with mounted(kind, tmp_path, user=nine(), columns=mapped) as here:
        await run(
            here,
            "INSERT INTO nine (email, email_canonical, password_hash, verified_at) VALUES (:mail, :mail, :stored, :at)",
            mail="ada@example.com", stored=stored, at=datetime(2001, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        header = await here.signed_in()
        own = [await here.client.get(path, headers=header) for path in ("/profile", "/account/export")]
        await here.registered("root@example.com")
        root = await administrator(here, "2")
        raised = await here.client.patch("/users/1", json={"name": "Ada", "role": "admin"}, headers=root)

    assert [answer.status_code for answer in own] == [200, 200]
    assert (own[0].json()["name"], own[0].json()["role"], own[0].json()["created_at"][:4]) == ("", "user", "1970")
    assert (raised.json()["name"], raised.json()["role"]) == ("Ada", "admin")


@pytest.mark.parametrize("missing", ["email", "email_canonical"])
async def test_a_row_without_an_address_is_no_account(kind: str, missing: str, tmp_path: Path) -> None:
    async with mounted(kind, tmp_path, user=nine(), columns=NINE) as here:
        await here.registered()
        await run(here, "INSERT INTO nine (name, email, email_canonical) VALUES ('Ada', 'b@x.example', 'b@x.example')")
        await run(here, f"UPDATE nine SET {missing} = NULL WHERE email = 'b@x.example'")
        root = await administrator(here, "1")
        everybody = await here.client.get("/users", headers=root)
        found = [await here.client.get(f"/users?search={word}", headers=root) for word in ("ada", "b")]
        alone = await here.client.get("/users/2", headers=root)
        raised = await here.client.patch("/users/2", json={"role": "admin"}, headers=root)

    assert [item["id"] for item in everybody.json()["items"]] == ["1"]
    assert [answer.json()["total"] for answer in (everybody, *found)] == [1, 1, 0]
    assert (alone.status_code, raised.status_code) == (404, 404)


async def test_what_their_columns_cannot_hold_is_no_error_of_the_server(kind: str, tmp_path: Path) -> None:
    roles: dict[str, list[str]] = {"admin": [], "much_too_long_role": []}
    async with mounted(kind, tmp_path, user=nine(), columns=NINE, chosen=settings(accounts={"roles": roles})) as here:
        await here.registered()
        long = {"email": f"{'a' * 40}@example.com", "password": PASSWORD, "name": "Ada"}
        names = [{"email": f"{who}@example.com", "password": PASSWORD, "name": "A" * 50} for who in ("ada", "eve")]

        refused = await here.post("/auth/register", json=long)
        taken, new = [await here.post("/auth/register", json=given) for given in names]
        async with here.accounts.service.db.read() as work:
            eve = await work.users.by_email("eve@example.com")
        assert eve is not None
        root = await administrator(here, "1")
        role = await here.client.patch(f"/users/{eve.id}", json={"role": "much_too_long_role"}, headers=root)

    assert (refused.status_code, refused.json()["code"]) == (422, "too_long")
    assert (taken.status_code, new.status_code) == (202, 202), "or the name would tell a taken address from a new one"
    assert eve.name == "A" * 20
    assert (role.status_code, role.json()["code"]) == (422, "too_long")


def unfit(**more: Any) -> type[Any]:
    class Base(DeclarativeBase):
        """Theirs."""

    parts = {"__tablename__": "unfit", "nr": mapped_column(Integer, primary_key=True), **more}
    return type("Unfit", (Base,), parts)


MAIL: Any = {"mail": lambda: mapped_column(String, unique=True)}


@pytest.mark.parametrize(
    ("more", "columns", "says"),
    [
        ({}, {"id": "nr"}, "where the address is"),
        ({}, {"email": "mail", "e_mail": "mail"}, "knows no e_mail"),
        ({}, {"email": "mail", "name": "nome"}, "has no nome"),
        ({}, {"email": "mail", "id": "mail"}, "its primary key"),
        ({"flag": lambda: mapped_column(String)}, {"email": "mail", "active": "flag"}, "not yes or no"),
        (
            {"flag": lambda: mapped_column(Boolean)},
            {"email": "mail", "active": "flag", "suspended_at": "flag"},
            "the same twice",
        ),
        ({"mail": lambda: mapped_column(String)}, {"email": "mail"}, "two people could register"),
        ({"shoe": lambda: mapped_column(Integer, nullable=False)}, {"email": "mail"}, "unfit.shoe needs a default"),
        ({"nr": lambda: mapped_column(Uuid, primary_key=True)}, {"email": "mail"}, "unfit.nr needs a default"),
        ({"mail": lambda: mapped_column(Integer, unique=True)}, {"email": "mail"}, "type Integer.*; map a column that"),
        ({"kind": lambda: mapped_column(Enum("user"))}, {"email": "mail", "role": "kind"}, "Enum.*leave role out of"),
        ({"call": lambda: mapped_column(Integer)}, {"email": "mail", "name": "call"}, "unfit.call is of type Integer"),
        (
            {"call": lambda: mapped_column(String, unique=True)},
            {"email": "mail", "name": "call"},
            "unfit.call is unique",
        ),
        ({"pw": lambda: mapped_column(LargeBinary)}, {"email": "mail", "password_hash": "pw"}, "type LargeBinary"),
        ({"pw": lambda: mapped_column(String(60))}, {"email": "mail", "password_hash": "pw"}, "holds 60 characters"),
        (
            {"born": lambda: mapped_column(Date)},
            {"email": "mail", "created_at": "born"},
            "Date, .* a date with its time",
        ),
        (
            {"at": lambda: mapped_column(DateTime, nullable=False)},
            {"email": "mail", "verified_at": "at"},
            "may not be NULL",
        ),
        ({"say": lambda: column_property(literal("x"))}, {"email": "mail", "name": "say"}, "has no say"),
    ],
)
async def test_a_map_that_cannot_carry_accounts_is_told_why(more: Any, columns: dict[str, str], says: str) -> None:
    user = unfit(**{name: make() for name, make in {**MAIL, **more}.items()})

    with pytest.raises(TypeError, match=says):
        build_models(user, columns=columns)
    await asyncio.sleep(0)
