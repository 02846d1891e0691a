"""Accounts in somebody's application: on their class, their table, their engine and their paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Generic, TypeVar

from fastapi import Depends, FastAPI

from fastness.accounts.db import Database
from fastness.accounts.hooks import Hooks
from fastness.accounts.mail import Mailer
from fastness.accounts.models import Models, Work, build_models
from fastness.accounts.mount import Ground, World, mount
from fastness.accounts.people import People, SessionFactory
from fastness.accounts.reuse import refuse_reused_numbers
from fastness.accounts.service import Service
from fastness.accounts.settings import ADMINISTRATORS, ServiceSettings
from fastness.chain import Secured, Settings
from fastness.controls.access import CurrentUser, require
from fastness.controls.secrets import read
from fastness.core.clock import Clock, steady, wall
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Event, EventType, Sink
from fastness.core.store import CounterStore

UserT = TypeVar("UserT")
R = TypeVar("R")


class Accounts(Generic[UserT]):
    """Register, sign in, sessions and administration for the people of your own table.

        accounts = Accounts(Person, session_factory)
        accounts.install(app)
        Me = Annotated[Person, accounts.user()]

    Make it where your models are: from then on our tables are in the metadata of your class, so that your own Alembic
    sees them. Sessions, codes and devices refer to your key, which may be an int, a UUID or text; in tokens, events and
    `Principal.id` it is text.

    Args:
        user: your mapped class, with `AccountMixin` among its bases or with the columns that `columns` names. A
            SQLModel class with `table=True` is one.
        session_factory: `sessionmaker(engine)` or `async_sessionmaker(engine)`. Our queries take connections from its
            engine; a synchronous one works in threads.
        columns: our names -> the attributes of your class, where they differ.
        api: the path below which our routes are, as in `"/accounts"`; only `/.well-known` stays at the root.
        settings: instead of the environment (`FASTNESS_*`).
        mailer, store, emit, now, ticks: as for `fastness.accounts.app.build`.

    Raises:
        TypeError: the class cannot carry accounts; the message says what is missing.
        ValueError: `api` is not a path.
    """

    def __init__(
        self,
        user: type[UserT],
        session_factory: SessionFactory,
        *,
        columns: Mapping[str, str] | None = None,
        api: str = "",
        settings: ServiceSettings | None = None,
        mailer: Mailer | None = None,
        store: CounterStore | None = None,
        emit: Sink | None = None,
        now: Clock = wall,
        ticks: Clock = steady,
    ) -> None:
        if api and (not api.startswith("/") or api.endswith("/") or "{" in api):
            raise ValueError('api is a path such as "/accounts"')
        self.models: Models = build_models(user, columns=columns, admin_roles=ADMINISTRATORS)
        self._people = People(user, self.models.accounts, session_factory)
        self._hooks = Hooks(self._people.get)
        self._api, self._settings = api, settings
        self._world = World(mailer, store, [] if emit is None else [emit], now, ticks)
        self._loaders: dict[Callable[..., Any] | None, Callable[..., Any]] = {}
        self._service: Service | None = None

    @property
    def service(self) -> Service:
        """The parts of the account service, for what no route does.

        Raises:
            RuntimeError: `install` was not called.
        """
        if self._service is None:
            raise RuntimeError("call accounts.install(app) first")
        return self._service

    def install(self, app: FastAPI) -> Secured:
        """Add the routes of accounts to `app`, and let their tokens say who calls.

        Calls `secure(app)` unless you did; call it first when you have something to say to it. Nothing is raised for
        an unsafe configuration: the start check stops the server with every problem at once.

        Raises:
            TypeError: the session factory gives no session with an engine.
            ValueError: the database is neither SQLite nor PostgreSQL, or the application has accounts already.
        """
        secured: Secured | None = getattr(app.state, "fastness", None)
        settings, found = self._chosen(None if secured is None else secured.settings)
        models = self.models
        db: Database[Work] = Database(self._people.engine(), models)
        ground = Ground(db, _NO_TABLES, models.own if settings.accounts.create_tables else ())
        self._service = mount(app, settings, ground=ground, world=self._world, found=found, api=self._api)
        installed: Secured = app.state.fastness

        # Events of accounts come by here too, and those of every other control.
        installed.sinks.append(self._hooks)

        async def check() -> None:
            await refuse_reused_numbers(db, models.accounts.table)

        installed.identity.on_start.insert(0, self._hooks.start)
        installed.identity.on_start.append(check)
        installed.identity.on_stop.append(self._hooks.stop)
        return installed

    def user(
        self,
        *,
        role: str | Sequence[str] = (),
        permission: str | Sequence[str] = (),
        fresh: str | timedelta | None = None,
        mfa: bool = False,
        session: Callable[..., Any] | None = None,
    ) -> UserT:
        """The caller as an object of your class, for one SELECT a request: `Annotated[Person, accounts.user()]`.

        401 for nobody, for a token that is not good, and for an account that is gone or suspended; requirements are
        those of `require`. It asks `current_user`, so that one override in a test reaches it too.

        Args:
            session: your dependency that gives the session of the request. The object then belongs to it and can be
                changed; without one it is detached.
        """
        load = self._loader(session)
        if not role and not permission and fresh is None and not mfa:
            return self._typed(Depends(load))
        needed = require(role=role, permission=permission, fresh=fresh, mfa=mfa)

        # The requirement first: whoever may not do this costs no SELECT.
        async def allowed(_: Any = Depends(needed), person: Any = Depends(load)) -> Any:  # noqa: B008
            return person

        return self._typed(Depends(allowed))

    def on_registered(self, hook: Callable[[UserT], R]) -> Callable[[UserT], R]:
        """Call `hook(user)`, sync or async, for each new account, whose address is not proved yet.

        Every `on_...` hook runs after the commit and outside the request: it changes no answer, and one that fails is
        logged.
        """
        return self._hook(hook, EventType.USER_CREATED)

    def on_verified(self, hook: Callable[[UserT], R]) -> Callable[[UserT], R]:
        """Call `hook(user)` when an address is proved for the first time."""
        return self._hook(hook, EventType.USER_UPDATED, when=lambda event: event.details.get("verified") is True)

    def on_login(self, hook: Callable[[UserT], R]) -> Callable[[UserT], R]:
        """Call `hook(user)` after each sign-in."""
        return self._hook(hook, EventType.AUTHN_LOGIN_SUCCESS)

    def on_logout(self, hook: Callable[[UserT], R]) -> Callable[[UserT], R]:
        """Call `hook(user)` when one session, or all of them, ended on the user's own wish."""
        return self._hook(hook, EventType.SESSION_LOGOUT)

    def on_role_changed(self, hook: Callable[[UserT], R]) -> Callable[[UserT], R]:
        """Call `hook(user)` after an administrator gave the account another role."""
        return self._hook(hook, EventType.AUTHZ_CHANGE)

    def on_suspended(self, hook: Callable[[UserT], R]) -> Callable[[UserT], R]:
        """Call `hook(user)` after an administrator suspended the account."""
        return self._hook(hook, EventType.AUTHZ_ADMIN, when=lambda event: event.details.get("did") == "suspend")

    def on_deleted(self, hook: Callable[[str], R]) -> Callable[[str], R]:
        """Call `hook(user_id)` after an account was deleted through our routes; the row is gone by then."""
        self._hooks.add(hook, EventType.USER_DELETED, wants="id")
        return hook

    def on(self, kind: EventType) -> Callable[[Callable[[Event], R]], Callable[[Event], R]]:
        """Call `hook(event)` for every event of one kind, of accounts or of a control: `@accounts.on(EventType.AUTHZ_FAIL)`."""

        def add(hook: Callable[[Event], R]) -> Callable[[Event], R]:
            self._hooks.add(hook, kind, wants="event")
            return hook

        return add

    async def settled(self) -> None:
        """Wait until every hook that was begun, and every mail that was queued, is done. For tests."""
        await self._hooks.settled()
        await self.service.mail.settled()

    def _hook(
        self, hook: Callable[[UserT], R], kind: EventType, *, when: Callable[[Event], bool] = lambda _: True
    ) -> Callable[[UserT], R]:
        self._hooks.add(hook, kind, when=when, wants="user")
        return hook

    def _loader(self, session: Callable[..., Any] | None) -> Callable[..., Any]:
        # One callable for one session dependency: FastAPI then calls it once a request, whatever aliases there are.
        if session not in self._loaders:
            people = self._people

            async def detached(who: CurrentUser) -> Any:
                return people.there(await people.get(who.id))

            async def attached(who: CurrentUser, given: Any = Depends(session)) -> Any:  # noqa: B008
                return people.there(await people.within(given, who.id))

            self._loaders[session] = detached if session is None else attached
        return self._loaders[session]

    def _typed(self, dependency: Any) -> UserT:
        # What FastAPI puts in its place is an object of the class, as with every Depends.
        given: UserT = dependency
        return given

    def _chosen(self, of_chain: Settings | None) -> tuple[ServiceSettings, list[UnsafeConfiguration]]:
        if self._settings is not None:
            return self._settings, []
        if isinstance(of_chain, ServiceSettings):
            return of_chain, []
        settings, found = read(ServiceSettings)
        settings = settings or ServiceSettings.model_construct()
        if of_chain is not None:
            # What `secure` was told holds for accounts too.
            told = {name: getattr(of_chain, name) for name in Settings.model_fields}
            settings = settings.model_copy(update=told)
        return settings, found


_NO_TABLES = UnsafeConfiguration(
    "the database does not answer, or has no tables for accounts",
    where="the engine of session_factory",
    why="Nobody could register or sign in.",
    fix='Check that the database runs, then: alembic revision --autogenerate -m "accounts" and alembic upgrade head. '
    "FASTNESS_ACCOUNTS__CREATE_TABLES=true makes them at start instead.",
)
