"""Accounts in somebody's application: their class, their engine, their paths, and the chain around both."""

# ruff: noqa: B008 - what a function knows is no global name, where annotations are looked up
from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from accounts.mounted import Mounted, mounted, person_class, settings
from accounts.serving import PASSWORD, running
from accounts.statements import BACKGROUND
from fastness import CurrentUser, Principal, public, secure
from fastness.accounts import Accounts
from fastness.accounts.app import build
from fastness.chain import Settings
from fastness.controls.access import current_user
from fastness.core.errors import UnsafeConfiguration

pytestmark = pytest.mark.anyio
KINDS = [
    "sqlite-async",
    "sqlite-sync",
    pytest.param("postgresql-async", marks=pytest.mark.store),
    pytest.param("postgresql-sync", marks=pytest.mark.store),
]


def greeting(app: FastAPI, accounts: Accounts[Any], factory: Any) -> None:
    """Routes of somebody's application that ask for the caller in each way."""

    async def async_session() -> AsyncIterator[Any]:
        async with factory() as session:
            yield session

    def sync_session() -> Iterator[Any]:
        with factory() as session:
            yield session

    get_session = sync_session if isinstance(factory, sessionmaker) else async_session

    @app.get("/me")
    async def me(person: Any = accounts.user()) -> dict[str, Any]:
        return {"type": type(person).__name__, "id": str(person.id), "email": person.email, "nick": person.nickname}

    @app.get("/admin")
    async def admin(person: Any = accounts.user(role="admin")) -> str:
        return str(person.role)

    @app.get("/twice")
    async def twice(who: CurrentUser, one: Any = accounts.user(), two: Any = accounts.user(role="user")) -> bool:
        return one is two and who.id == str(one.id)

    # A lock of SQLite's may be held by a step of ours that goes on in the event loop, so nobody waits for it there.
    async def async_rename(
        person: Any = accounts.user(session=get_session), session: Any = Depends(get_session)
    ) -> None:
        person.nickname = "Countess"
        await session.commit()

    def sync_rename(person: Any = accounts.user(session=get_session), session: Any = Depends(get_session)) -> None:
        person.nickname = "Countess"
        session.commit()

    app.post("/rename")(sync_rename if get_session is sync_session else async_rename)


@pytest.fixture(params=KINDS)
async def here(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Mounted]:
    async with mounted(request.param, tmp_path, routes=greeting) as running_app:
        yield running_app


async def test_the_whole_story_happens_in_somebodys_application(here: Mounted) -> None:
    ada = await here.registered()
    header = await here.signed_in()

    me = await here.client.get("/me", headers=header)
    profile = await here.client.get("/profile", headers=header)
    gone = await here.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=header)
    after = await here.client.get("/me", headers=header)

    assert me.json() == {"type": "Person", "id": ada, "email": "ada@example.com", "nick": None}
    assert profile.json()["id"] == ada
    assert ada.isdigit()
    assert gone.status_code == 204
    assert after.status_code == 401


async def test_somebodys_key_may_be_a_uuid(tmp_path: Path) -> None:
    user = person_class(uuid.UUID, default=uuid.uuid4)
    async with mounted("sqlite-async", tmp_path, user=user, routes=greeting) as here:
        ada = await here.registered()

        me = await here.client.get("/me", headers=await here.signed_in())

    assert str(uuid.UUID(ada)) == ada == me.json()["id"]


async def test_nobody_gets_401_and_the_wrong_role_403(here: Mounted) -> None:
    await here.registered()
    header = await here.signed_in()

    answers = [
        await here.client.get("/me"),
        await here.client.get("/me", headers={"Authorization": "Bearer x.y.z"}),
        await here.client.get("/admin", headers=header),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 403]
    assert [answer.headers["content-type"] for answer in answers] == ["application/problem+json"] * 3


async def test_the_caller_costs_one_select_whatever_asks_for_them(tmp_path: Path) -> None:
    async with mounted("sqlite-async", tmp_path, routes=greeting) as here:
        await here.registered()
        header = await here.signed_in()
        await here.accounts.settled()
        engine: AsyncEngine = here.factory.kw["bind"]
        said: list[str] = []
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *a: said.append(a[2]))

        twice = await here.client.get("/twice", headers=header)
        refused = await here.client.get("/admin", headers=header)

    selects = [statement for statement in said if "FROM people" in statement]
    assert twice.json() is True
    assert refused.status_code == 403
    assert len(selects) == 1


async def test_who_calls_is_known_without_a_question_to_the_database(tmp_path: Path) -> None:
    def who_calls(app: FastAPI, *_: Any) -> None:
        @app.get("/who")
        async def who(caller: CurrentUser) -> str:
            return caller.id

    async with mounted("sqlite-async", tmp_path, routes=who_calls) as here:
        await here.registered()
        header = await here.signed_in()
        await here.accounts.settled()
        engine: AsyncEngine = here.factory.kw["bind"]
        said: list[str] = []
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *a: said.append(a[2]))

        answers = [await here.client.get("/who", headers=header) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    asked = [one for one in said if not one.startswith(("BEGIN", "COMMIT", "PRAGMA"))]
    assert [one for one in asked if not any(word in one for word in BACKGROUND)] == []


async def test_an_object_of_the_requests_own_session_can_be_changed(here: Mounted) -> None:
    await here.registered()
    header = await here.signed_in()

    assert (await here.client.post("/rename", headers=header)).status_code == 200

    assert (await here.client.get("/me", headers=header)).json()["nick"] == "Countess"


async def test_an_account_that_the_application_suspends_or_deletes_itself_is_out(here: Mounted) -> None:
    await here.registered("ada@example.com")
    await here.registered("eve@example.com")
    ada, eve = await here.signed_in("ada@example.com"), await here.signed_in("eve@example.com")

    await change(here, "ada@example.com", lambda person, _: setattr(person, "suspended_at", 1.0))
    await change(here, "eve@example.com", lambda person, session: session.delete(person))

    assert (await here.client.get("/me", headers=ada)).status_code == 401
    assert (await here.client.get("/me", headers=eve)).status_code == 401
    again = await here.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    assert again.status_code == 401


async def change(here: Mounted, email: str, how: Any) -> None:
    """What the application does with its own session."""
    Person = here.accounts.models.user  # noqa: N806
    found: Any = select(Person).where(Person.email == email)  # type: ignore[attr-defined]

    def at_once() -> None:
        with here.factory() as session:
            how(session.scalar(found), session)
            session.commit()

    if isinstance(here.factory, sessionmaker):
        await asyncio.to_thread(
            at_once
        )  # in the event loop it could wait for a lock that only the event loop gives back
    else:
        async with here.factory() as session:
            person = await session.scalar(found)
            waiting = how(person, session)
            if waiting is not None:
                await waiting
            await session.commit()


async def test_a_test_that_overrides_the_caller_overrides_the_person_too(here: Mounted) -> None:
    ada = await here.registered()
    here.app.dependency_overrides[current_user] = lambda: Principal(id=ada, roles=frozenset({"user"}))

    me = await here.client.get("/me")

    assert me.json()["id"] == ada
    assert (await here.client.get("/twice")).json() is True


@pytest.mark.parametrize("kind", ["sqlite-async"])
async def test_a_principal_with_an_id_of_another_form_is_nobody(kind: str, tmp_path: Path) -> None:
    async with mounted(kind, tmp_path, routes=greeting) as here:
        here.app.dependency_overrides[current_user] = lambda: Principal(id="\0not-a-number")

        assert (await here.client.get("/me")).status_code == 401


async def test_the_number_of_a_deleted_account_is_not_given_again(tmp_path: Path) -> None:
    async with mounted("sqlite-sync", tmp_path) as here:
        first = await here.registered("ada@example.com")
        await change(here, "ada@example.com", lambda person, session: session.delete(person))

        assert await here.registered("eve@example.com") != first


async def test_secure_may_come_first_and_keeps_what_it_was_told(tmp_path: Path) -> None:
    def before(app: FastAPI) -> None:
        secure(app, Settings(environment="development"), cors=["https://app.example.com"], roles={"user": ["read"]})

    async with mounted("sqlite-async", tmp_path, before=before, routes=greeting) as here:
        await here.registered()
        me = await here.client.get("/me", headers={**await here.signed_in(), "Origin": "https://app.example.com"})
        report = here.app.state.fastness.report()

    assert me.status_code == 200
    assert me.headers["access-control-allow-origin"] == "https://app.example.com"
    assert ", accounts" in report


async def test_install_calls_secure_when_nobody_did_and_says_so_in_the_report(tmp_path: Path) -> None:
    async with mounted("sqlite-async", tmp_path) as here:
        answer = await here.client.get("/health")
        report = here.app.state.fastness.report()

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "on: security_events" in report
    assert ", accounts" in report


async def test_a_token_of_the_chain_without_accounts_counts_no_more(tmp_path: Path) -> None:
    issued: list[str] = []

    def before(app: FastAPI) -> None:
        secured = secure(app, settings())
        assert secured.tokens is not None
        issued.append(secured.tokens.issue("1", roles=["super_admin"]))

    async with mounted("sqlite-async", tmp_path, before=before, routes=greeting) as here:
        await here.registered()
        answer = await here.client.get("/me", headers={"Authorization": f"Bearer {issued[0]}"})

    assert answer.status_code == 401


def test_secure_after_install_says_which_comes_first(tmp_path: Path) -> None:
    accounts = Accounts(person_class(), async_sessionmaker(create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db")))
    app = FastAPI()
    accounts.install(app)

    with pytest.raises(ValueError, match="Accounts"):
        secure(app)
    with pytest.raises(ValueError, match="has accounts already"):
        accounts.install(app)


async def test_everything_of_ours_is_below_the_prefix_but_what_the_world_looks_for(tmp_path: Path) -> None:
    async with mounted("sqlite-async", tmp_path, api="/accounts", routes=greeting) as here:
        await here.registered()
        header = await here.signed_in()
        profile = await here.client.get("/accounts/profile", headers=header)
        keys = await here.client.get("/.well-known/jwks.json")
        nothing = await here.client.get("/profile", headers=header)
        document = (await here.client.get("/openapi.json")).json()

    assert (profile.status_code, keys.status_code, nothing.status_code) == (200, 200, 404)
    flows = document["components"]["securitySchemes"]["fastness"]["flows"]
    assert flows["password"]["tokenUrl"] == "accounts/auth/token"


@pytest.mark.parametrize("api", ["accounts", "/accounts/", "/{x}"])
def test_a_prefix_that_is_no_path_is_refused(api: str) -> None:
    with pytest.raises(ValueError, match="api is a path"):
        Accounts(person_class(), sessionmaker(), api=api)


@pytest.mark.parametrize(
    ("path", "method", "first", "named"),
    [
        ("/profile", "GET", True, "GET /profile"),
        ("/profile", "GET", False, "GET /profile"),
        ("/users/{name}", "GET", False, "GET /users/{"),
        ("/users/me", "GET", False, "GET /users/me"),
        ("/{anything:path}", "POST", True, "POST /auth/login"),
    ],
)
async def test_a_path_that_two_would_answer_stops_the_start(
    path: str, method: str, first: Any, named: str, tmp_path: Path
) -> None:
    def theirs(app: FastAPI, *_: Any) -> None:
        app.add_api_route(path, public("a test")(lambda: "theirs"), methods=[method])

    how: dict[str, Any] = {"before": theirs} if first else {"routes": theirs}
    with pytest.raises(RuntimeError) as stopped:
        async with mounted("sqlite-async", tmp_path, **how):
            pass

    assert "accounts and the application both answer" in str(stopped.value)
    assert named in str(stopped.value)
    async with mounted("sqlite-async", tmp_path, api="/accounts", routes=theirs):
        pass


async def test_the_same_path_with_another_method_is_no_collision(tmp_path: Path) -> None:
    def theirs(app: FastAPI, *_: Any) -> None:
        app.add_api_route("/profile", public("a test")(lambda: "theirs"), methods=["POST"])

    async with mounted("sqlite-async", tmp_path, routes=theirs) as here:
        assert (await here.client.post("/profile")).json() == "theirs"


def test_the_service_alone_collides_with_nothing(tmp_path: Path) -> None:
    app = build(
        settings(database_url=f"sqlite:///{tmp_path}/a.db", accounts={"security_contact": "mailto:a@b.example"})
    )

    assert app.state.fastness.problems() == []


async def test_without_tables_the_start_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="alembic upgrade head"):
        async with mounted("sqlite-async", tmp_path, tables=False):
            pass


async def test_tables_made_at_start_are_ours_only(tmp_path: Path) -> None:
    chosen = settings(accounts={"create_tables": True})
    async with mounted("sqlite-async", tmp_path, tables=False, chosen=chosen) as here, here.factory() as session:
        found = await session.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        names = {name for name in found.scalars() if not name.startswith("sqlite_")}

    assert names
    assert all(name.startswith("fastness_") for name in names)


class NoSession:
    """What a FastAPI dependency gives when it is called."""


@pytest.mark.parametrize(
    ("factory", "says"),
    [(NoSession, "gives NoSession"), (sessionmaker(), "have no engine"), (async_sessionmaker(), "no engine")],
)
def test_a_factory_that_gives_no_session_is_told_what_to_write(factory: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        Accounts(person_class(), factory).install(FastAPI())


async def test_production_without_a_secret_stops_with_every_problem_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FASTNESS_ENVIRONMENT", "FASTNESS_SECRET", "FASTNESS_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    app = FastAPI()
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    Accounts(person_class(), async_sessionmaker(engine)).install(app)

    with pytest.raises(RuntimeError) as stopped:
        async with running(app):
            pass

    for where in ("FASTNESS_SECRET", "FASTNESS_PUBLIC_URL", "FASTNESS_MAIL__BACKEND"):
        assert where in str(stopped.value)
    assert isinstance(app.state.fastness.problems()[0], UnsafeConfiguration)
