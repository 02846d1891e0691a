"""`fastness users`: accounts, for whoever runs the machine."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, Any

import typer

from fastness.cli.connection import fail, finish, migrated, record
from fastness.cli.environment import loaded
from fastness.core.events import Event, EventType, Level

if TYPE_CHECKING:
    from fastness.accounts.db import Database
    from fastness.accounts.models import Account, LastAdmin, Work
    from fastness.accounts.revocation import RevocationFeed
    from fastness.accounts.settings import ServiceSettings

app = typer.Typer(name="users", help="Accounts.", no_args_is_help=True, rich_markup_mode=None)

_HERE = "command line"
_WHO = typer.Argument(help="E-mail address or id.")


@app.command()
def create(
    email: str = typer.Argument(help="E-mail address; it counts as verified."),
    name: str = typer.Option("", help="Display name."),
    role: str = typer.Option("user", help="Role, one of those in FASTNESS_ACCOUNTS__ROLES."),
    generate: bool = typer.Option(  # noqa: FBT001
        False, "--generate", help="Make a password and print it once; so it is too when nobody can be asked."
    ),
) -> None:
    """Make an account. The password is asked for, or made: it is never an argument, where other users see it."""
    settings = loaded()
    _known_role(settings, role)
    address, canonical = _address(email)
    name = _name(name)
    made = generate or not sys.stdin.isatty()
    password = secrets.token_urlsafe(18) if made else _asked(settings, address, name)
    account = finish(
        _create(settings, {"email": address, "canonical": canonical, "name": name, "role": role}, password)
    )
    typer.echo(f"{account.id}  {address}  {role}")
    if made:
        typer.echo(f"password: {password}")


@app.command(name="list")
def list_(
    search: str = typer.Option("", help="Beginning of an address or name."),
    limit: int = typer.Option(50, min=1, max=1000, help="Accounts to print."),
    after: str = typer.Option("", help="Where the last list ended."),
) -> None:
    """Print accounts in the order of their addresses."""
    finish(_list(loaded(), search, limit, after))


@app.command()
def promote(
    who: str = _WHO,
    role: str = typer.Option("admin", help="The new role; it may also be a lower one."),
) -> None:
    """Give an account another role. Tokens that say the old one end within a second."""
    settings = loaded()
    _known_role(settings, role)
    finish(_change(settings, who, role=role))


@app.command()
def disable(who: str = _WHO) -> None:
    """Suspend an account: its sessions and tokens end, and it cannot sign in."""
    finish(_change(loaded(), who, role=None))


async def _create(settings: ServiceSettings, new: dict[str, str], password: str) -> Account:
    from fastness.controls.passwords import Passwords
    from fastness.core.clock import wall

    passwords = Passwords(settings.passwords)
    try:
        hashed = await passwords.hash(password)
    finally:
        passwords.close()
    async with migrated(settings) as database:
        async with database.write() as work:
            account = await work.users.add(
                email=new["email"],
                canonical=new["canonical"],
                name=new["name"],
                role=new["role"],
                password_hash=hashed,
                verified=True,
                now=wall(),
            )
        if account is None:
            fail("There is an account with this address already.")
        details = {"by": _HERE, "role": account.role}
        await record(database, settings, Event(EventType.USER_CREATED, who=account.id, details=details))
    return account


async def _list(settings: ServiceSettings, search: str, limit: int, after: str) -> None:
    from fastness.accounts.models import InvalidCursor

    async with migrated(settings) as database, database.read() as work:
        try:
            page = await work.users.page(limit=limit, after=after or None, search=search.lower() or None)
        except InvalidCursor as error:
            raise typer.BadParameter(error.public, param_hint="--after") from None
    for account in page.items:
        state = "suspended" if account.suspended else "active" if account.verified else "unverified"
        # A name is a stranger's text: control characters in it would drive the terminal.
        name = "".join(c if c.isprintable() else "?" for c in account.name)
        typer.echo(f"{account.id}  {account.email}  {account.role}  {state}  {name}".rstrip())
    if page.next:
        typer.echo(f"more: --after {page.next}", err=True)


async def _change(settings: ServiceSettings, who: str, *, role: str | None) -> None:
    from fastness.core.clock import wall

    async with migrated(settings) as database:
        account = await _found(database, who)
        async with database.write() as work:
            if role is None:
                changed = await work.users.suspend(account.id, now=wall())
                await work.sessions.close_all(account.id, now=wall())
            else:
                changed = await work.users.set_role(account.id, role, now=wall())
            done = _done(changed)
            await _feed(database, settings).require_version(work, done.id, done.version)
        kind, did = (EventType.AUTHZ_ADMIN, "suspend") if role is None else (EventType.AUTHZ_CHANGE, "set role")
        details = {"by": _HERE, "did": did, "from": account.role, "to": done.role}
        await record(database, settings, Event(kind, who=done.id, level=Level.WARN, details=details))
    typer.echo(f"{done.id}  {done.email}  {'suspended' if role is None else done.role}")


async def _found(database: Database[Work], who: str) -> Account:
    from fastness.controls.fields import canonical_email

    async with database.read() as work:
        account = await work.users.by_email(canonical_email(who)) or await work.users.by_id(who)
    if account is None:
        fail("There is no such account.")
    return account


def _done(outcome: Account | LastAdmin | None) -> Account:
    from fastness.accounts.models import LastAdmin

    if isinstance(outcome, LastAdmin):
        fail("Refused: this is the last active administrator. Make another one first.")
    if outcome is None:
        fail("There is no such account.")
    return outcome


def _feed(database: Database[Work], settings: ServiceSettings) -> RevocationFeed:
    from fastness.accounts.revocation import RevocationFeed
    from fastness.controls.tokens import Revocations

    horizon = float(settings.tokens.max_lifetime + settings.tokens.leeway)
    return RevocationFeed(database, Revocations(), horizon=horizon)


def _known_role(settings: ServiceSettings, role: str) -> None:
    if role not in settings.accounts.roles:
        raise typer.BadParameter(f"known roles: {', '.join(settings.accounts.roles)}", param_hint="--role")


def _address(email: str) -> tuple[str, str]:
    from pydantic import TypeAdapter, ValidationError

    from fastness.controls.fields import Email, canonical_email

    try:
        address: str = TypeAdapter[Any](Email).validate_python(email)
    except ValidationError:
        raise typer.BadParameter("not an e-mail address", param_hint="EMAIL") from None
    return address, canonical_email(address)


def _name(name: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from fastness.controls.fields import DisplayName

    if not name:
        return ""
    try:
        shown: str = TypeAdapter[Any](DisplayName).validate_python(name)
    except ValidationError:
        raise typer.BadParameter("not a name that can be shown", param_hint="--name") from None
    return shown


def _asked(settings: ServiceSettings, email: str, name: str) -> str:
    from fastness.controls.passwords import PasswordPolicy, WeakPassword

    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        PasswordPolicy(settings.passwords).refuse_weak(password, context=(email, name))
    except WeakPassword as weak:
        fail(weak.public)
    return password
