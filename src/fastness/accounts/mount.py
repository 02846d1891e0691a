"""Puts the account service into an application: its parts, its routes, and the chain around both.

The one place where that is done, for the service that stands alone and for one in somebody's application.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fastapi import FastAPI
from sqlalchemy import Table

from fastness.accounts.api import routes
from fastness.accounts.api.operations import security_txt
from fastness.accounts.api.token import password_grant
from fastness.accounts.collisions import collisions
from fastness.accounts.db import Database, normalized
from fastness.accounts.mail import Mailer
from fastness.accounts.models import Work
from fastness.accounts.service import Service
from fastness.accounts.settings import ServiceSettings
from fastness.accounts.wiring import attach
from fastness.chain import Secured, secure
from fastness.controls.apikeys import ApiKeySettings
from fastness.controls.bearer import Bearer
from fastness.controls.secrets import generate
from fastness.controls.tokens import TokenSettings
from fastness.core.clock import Clock, steady, wall
from fastness.core.errors import UnsafeConfiguration
from fastness.core.events import Event, Sink
from fastness.core.keys import KeyRing
from fastness.core.store import CounterStore, MemoryStore
from fastness.counters import Counters
from fastness.stores.sql import SqlStore, engine_for


@dataclass(frozen=True, slots=True)
class Ground:
    """What the service stands on."""

    db: Database[Work]
    missing: UnsafeConfiguration
    """What the operator reads when the tables are not there."""
    tables: Sequence[Table] = ()
    """Made at start where they are missing."""


@dataclass(frozen=True, slots=True)
class World:
    """What comes from outside: mail, counters, events and time."""

    mailer: Mailer | None = None
    store: CounterStore | None = None
    sinks: Sequence[Sink] = ()
    now: Clock = wall
    ticks: Clock = steady


def mount(
    app: FastAPI,
    settings: ServiceSettings,
    *,
    ground: Ground,
    world: World,
    found: list[UnsafeConfiguration],
    api: str = "",
) -> Service:
    """The service in `app`, below the path `api`. Calls `secure(app)` when nobody has.

    Nothing is raised for an unsafe configuration: what is in `found` stops the start, with every other problem.

    Raises:
        ValueError: the application has accounts already, or has started.
    """
    if hasattr(app.state, "fastness_accounts"):
        raise ValueError("this application has accounts already")
    if app.middleware_stack is not None:
        raise ValueError("accounts came after the application had started: nothing would be installed")
    secured: Secured | None = getattr(app.state, "fastness", None)
    found += settings.unsafe(own_mailer=world.mailer is not None)
    sinks = list(world.sinks)

    def tell(event: Event) -> None:
        for sink in sinks:
            sink(event)

    if unreadable := settings.apikeys.problems(production=settings.production):
        found += unreadable
        settings = settings.model_copy(update={"apikeys": ApiKeySettings()})
    settings = _counted_where(settings, found)
    counted, close = _counters(settings, secured, ground, world, tell)
    found += counted.found
    store = counted.store if counted.shared else None

    service = Service(
        settings,
        db=ground.db,
        ring=_ring(settings, found),
        tokens=_token_settings(settings, found),
        emit=tell,
        missing=ground.missing,
        tables=ground.tables,
        mailer=world.mailer,
        store=store,
        now=world.now,
        ticks=world.ticks,
    )
    found += [*service.db.problems(production=settings.production), *service.letters.problems()]
    attach(app, service)
    bearer = Bearer(service.tokens.verify, check=service.feed.check)
    roles, token_url = settings.accounts.roles, f"{api.strip('/')}/auth/token".strip("/")
    if secured is None:
        secured = secure(app, settings, authenticators=[bearer], roles=roles, store=store)
    else:
        secured.identity.give_way(bearer, roles=roles)
    _read_keys(service, secured)
    if secured.browser.session is None and not secured.browser.closed:
        service.cookie = secured.browser.use(service.flows.browser_session)
    secured.tokens = service.tokens
    secured.follow(service.tokens.revocations)
    if password_grant(service):
        secured.identity.token_url = secured.identity.token_url or token_url
    secured.identity.on_start += [counted.start, service.start]
    secured.identity.on_stop += [service.stop, counted.stop, *close]
    secured.on.append("accounts")
    secured.found += found
    installed = secured
    secured.checks.append(lambda: collisions(installed))
    sinks.append(secured.emit)
    if settings.accounts.events.stored:
        secured.sinks.append(service.journal)
    _include(app, settings, api, keys=secured.apikeys is service.keys)
    return service


def _include(app: FastAPI, settings: ServiceSettings, api: str, *, keys: bool) -> None:
    app.include_router(routes(api, settings.accounts, keys=keys))
    if settings.accounts.security_contact:
        app.include_router(security_txt(settings.accounts.security_contact, settings.public_url))


def _read_keys(service: Service, secured: Secured) -> None:
    service.grants.update(secured.identity.grants)
    if not service.settings.accounts.api_keys or "apikeys" in {*secured.on, *secured.off}:
        return  # keys of the application's own are read already and look alike, or none shall be
    secured.identity.first(service.keys, close=service.keys.close)  # Bearer takes every bearer credential for a token
    secured.apikeys = secured.controls["apikeys"] = service.keys
    secured.on.append("apikeys")


def _counted_where(settings: ServiceSettings, found: list[UnsafeConfiguration]) -> ServiceSettings:
    chosen = settings.accounts.counters
    if chosen == "redis" and not settings.redis_url:
        found.append(_NO_REDIS)
    # Where something else was chosen, the limits of the chain follow it.
    return settings if chosen in {None, "redis"} else settings.model_copy(update={"redis_url": ""})


def _counters(
    settings: ServiceSettings, secured: Secured | None, ground: Ground, world: World, emit: Sink
) -> tuple[Counters, list[Callable[[], Awaitable[None]]]]:
    """Where sign-ins are counted, and what must be closed at the end."""
    if world.store is not None:
        return Counters(world.store, settings, emit, ticks=world.ticks), []
    if secured is not None and not isinstance(secured.store, MemoryStore):
        # What counts limits for all workers counts sign-ins too.
        return Counters(secured.store, settings, emit, ticks=world.ticks), []
    if settings.accounts.counters == "database":
        url = normalized(ground.db.url.render_as_string(hide_password=False))
        sql = SqlStore(engine_for(url.render_as_string(hide_password=False)))
        return Counters(sql, settings, emit, ticks=world.ticks), [sql.close]
    return Counters(None, settings, emit, ticks=world.ticks), []


_NO_REDIS = UnsafeConfiguration(
    "sign-ins are to be counted in Redis, and nobody says where it is",
    where="FASTNESS_ACCOUNTS__COUNTERS",
    why="each process would count by itself",
    fix="set FASTNESS_REDIS_URL, as in redis://localhost:6379/0",
)


def _ring(settings: ServiceSettings, found: list[UnsafeConfiguration]) -> KeyRing:
    if settings.secret:
        return KeyRing(secret.get_secret_value() for secret in settings.secret)
    if settings.production:
        found.append(
            UnsafeConfiguration(
                "there is no secret",
                where="FASTNESS_SECRET",
                why="Signing keys could not be sealed, and addresses in counters could be guessed.",
                fix='Run "fastness secret" and set FASTNESS_SECRET.',
            )
        )
    return KeyRing([generate()])


def _token_settings(settings: ServiceSettings, found: list[UnsafeConfiguration]) -> TokenSettings:
    chosen = settings.tokens
    if not chosen.issuer:
        if settings.production and not settings.public_url:
            found.append(
                UnsafeConfiguration(
                    "nobody knows where people reach this service",
                    where="FASTNESS_PUBLIC_URL",
                    why="It names the issuer of tokens and the allowed hosts.",
                    fix="Set it, as in FASTNESS_PUBLIC_URL=https://accounts.example.com",
                )
            )
        chosen = chosen.model_copy(update={"issuer": settings.public_url or "http://localhost"})
    found += chosen.problems(production=settings.production)
    return chosen
