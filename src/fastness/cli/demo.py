"""`fastness demo`: a secured account service on SQLite in one command, for looking around."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fastness.cli.environment import need_service

if TYPE_CHECKING:
    from fastness.accounts.settings import ServiceSettings

_ADMIN = "admin@example.com"


def demo(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port to listen on; 0 takes a free one."),
    folder: Path | None = typer.Option(None, help="Keep the data here; a temporary folder otherwise."),
) -> None:
    """Run the account service on SQLite and print an administrator's sign-in. For development only."""
    need_service("The demo")
    from fastness.accounts.app import build
    from fastness.cli.server import serving

    with tempfile.TemporaryDirectory(prefix="fastness-demo-") as scratch:
        place = folder or Path(scratch)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = _settings(place, host)
        password = asyncio.run(_administrator(settings))
        with serving(lambda: build(settings), host, port) as (server, url):
            _introduce(url, place, password, kept=folder is not None)
            server()


def _settings(folder: Path, host: str) -> ServiceSettings:
    from pydantic import SecretStr

    from fastness.accounts.mail import MailSettings
    from fastness.accounts.settings import AccountSettings, ServiceSettings
    from fastness.accounts.throttle import ThrottleSettings
    from fastness.controls.hosts import HostSettings

    # What a person trying things out would run into; every other number is production's.
    playful = ThrottleSettings(register_address="60/hour")
    return ServiceSettings(
        environment="development",
        secret=(SecretStr(_secret(folder)),),
        public_url="",
        redis_url="",
        database_url=f"sqlite:///{(folder / 'accounts.db').resolve()}",
        accounts=AccountSettings(unsafe_allow_unverified=True, password_grant=True, throttle=playful),
        mail=MailSettings(backend="console"),
        hosts=HostSettings(allowed=tuple(dict.fromkeys(("localhost", "127.0.0.1", "[::1]", _host(host))))),
    )


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - only compared


def _secret(folder: Path) -> str:
    from fastness.controls.secrets import generate

    file = folder / "secret"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(generate())
    return file.read_text().strip()


async def _administrator(settings: ServiceSettings) -> str:
    """Make the administrator, or give a kept one a new password; the password."""
    import secrets

    from fastness.accounts.db import Database
    from fastness.accounts.models import default_models
    from fastness.controls.fields import canonical_email
    from fastness.controls.passwords import Passwords
    from fastness.core.clock import wall

    password = secrets.token_urlsafe(18)
    passwords, database = Passwords(settings.passwords), Database(settings.database_url, default_models())
    try:
        await database.create_tables()
        new, canonical = await passwords.hash(password), canonical_email(_ADMIN)
        async with database.write() as work:
            made = await work.users.add(
                email=_ADMIN,
                canonical=canonical,
                name="Administrator",
                password_hash=new,
                role="super_admin",
                verified=True,
                now=wall(),
            )
            known = None if made else await work.users.by_email(canonical)
            if known is not None:
                await work.users.set_password_hash(known.id, new, old=known.password_hash or "")
    finally:
        passwords.close()
        await database.close()
    return password


def _introduce(url: str, folder: Path, password: str, *, kept: bool) -> None:
    typer.echo(
        f"""
FASTNESS DEMO - development only: unverified people may sign in, mails appear here.

  service   {url}
  data      {folder}{"" if kept else "  (removed at the end)"}
  admin     {_ADMIN}
  password  {password}

Sign in:

  curl -s {url}/auth/login -H 'Content-Type: application/json' \\
    -d '{{"email":"{_ADMIN}","password":"{password}"}}'

Press Ctrl+C to stop.
"""
    )
