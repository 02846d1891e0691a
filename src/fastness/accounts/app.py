"""The account service as an application of its own: `uvicorn --factory fastness.accounts.app:build`."""

from __future__ import annotations

from fastapi import FastAPI

from fastness._version import __version__
from fastness.accounts.db import Database, normalized
from fastness.accounts.mail import Mailer
from fastness.accounts.models import default_models
from fastness.accounts.mount import Ground, World, mount
from fastness.accounts.settings import ServiceSettings
from fastness.controls.secrets import read
from fastness.core.clock import Clock, steady, wall
from fastness.core.errors import MissingExtra, UnsafeConfiguration
from fastness.core.events import Sink
from fastness.core.store import CounterStore

_TITLE = "Accounts"


def build(
    settings: ServiceSettings | None = None,
    *,
    mailer: Mailer | None = None,
    store: CounterStore | None = None,
    emit: Sink | None = None,
    now: Clock = wall,
    ticks: Clock = steady,
) -> FastAPI:
    """The whole service, secured. Settings come from the environment (`FASTNESS_*`) unless given.

    Nothing is raised for an unsafe configuration: the start check stops the server with every problem at once.

    Args:
        mailer: sends mail instead of `FASTNESS_MAIL__BACKEND`.
        store: counts sign-ins and limits for all workers; this process's memory unless given.
        emit: also gets every security event of accounts.
        now: Unix seconds, `ticks`: a clock that never goes back; for tests.
    """
    found: list[UnsafeConfiguration] = []
    if settings is None:
        chosen, found = read(ServiceSettings)
        settings = chosen or ServiceSettings.model_construct()
    settings = settings.model_copy(update={"database_url": _usable(settings.database_url, found)})
    models, wanted = default_models(), settings.accounts.create_tables
    made = wanted if wanted is not None else not settings.production
    ground = Ground(Database(settings.database_url, models), _NO_TABLES, models.metadata.sorted_tables if made else ())
    app = FastAPI(title=_TITLE, version=__version__, redirect_slashes=False)
    world = World(mailer, store, [] if emit is None else [emit], now, ticks)
    mount(app, settings, ground=ground, world=world, found=found)
    return app


def _usable(url: str, found: list[UnsafeConfiguration]) -> str:
    try:
        normalized(url)
    except (ValueError, MissingExtra) as error:
        found.append(
            UnsafeConfiguration(
                "the database cannot be used",
                where="FASTNESS_DATABASE_URL",
                why=str(error),
                fix='Write "sqlite:///fastness.db" or "postgresql://user:password@host/name".',
            )
        )
        return "sqlite:///:memory:"
    return url


_NO_TABLES = UnsafeConfiguration(
    "the database does not answer, or has no tables for accounts",
    where="FASTNESS_DATABASE_URL",
    why="Nobody could register or sign in.",
    fix="Check that the database runs, then: fastness db upgrade",
)
