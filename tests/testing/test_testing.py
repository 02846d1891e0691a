"""What `fastness.testing` gives to other people's tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from accounts.mounted import mounted, settings
from accounts.serving import PASSWORD
from by_hand import ask
from fastness import CurrentUser, OptionalUser, Principal, public, require, secure
from fastness.accounts.app import build
from fastness.accounts.settings import ServiceSettings
from fastness.chain import Settings
from fastness.controls.access import current_user
from fastness.controls.passwords import Passwords
from fastness.testing import Outbox, TurnableClock, bearer, sign_in, signed_in_as, unsafe_fast_hasher

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]


def somebodys_app(**how: Any) -> FastAPI:
    app = FastAPI()
    secure(app, Settings(environment="development", **how))

    @app.get("/who")
    async def who(user: CurrentUser) -> str:
        return user.id

    @app.get("/maybe")
    @public("a test")
    async def maybe(user: OptionalUser) -> str:
        return user.id if user else "nobody"

    @app.get("/admin", dependencies=[Depends(require(role="admin", fresh="5m"))])
    async def admin() -> str:
        return "come in"

    return app


async def test_signed_in_as_lets_requests_be_from_somebody_and_then_no_more() -> None:
    app = somebodys_app()
    with signed_in_as(app, "7", roles=["admin"]) as ada:
        inside = [(await ask(app, path=path)).json for path in ("/who", "/maybe", "/admin")]
        with signed_in_as(app, Principal(id="8")):
            inner = [(await ask(app, path=path)).status for path in ("/who", "/admin")]
        back = (await ask(app, path="/who")).json
    outside = [(await ask(app, path=path)).status for path in ("/who", "/admin")]

    assert inside == ["7", "7", "come in"]
    assert (inner, back) == ([200, 403], "7")
    assert outside == [401, 401]
    assert current_user not in app.dependency_overrides
    assert ada == Principal(id="7", roles=frozenset({"admin"}), authenticated_at=ada.authenticated_at)


async def test_a_test_that_fails_inside_leaves_nobody_signed_in() -> None:
    app = somebodys_app()
    with pytest.raises(AssertionError), signed_in_as(app, "7"):
        raise AssertionError

    assert (await ask(app, path="/who")).status == 401


async def test_bearer_is_a_real_token_that_the_chain_checks() -> None:
    app = somebodys_app()
    header = bearer(app, "7", roles=["admin"])
    raw = (b"authorization", header["Authorization"].encode())

    good = await ask(app, path="/admin", headers=[(b"host", b"localhost"), raw])
    foreign = await ask(somebodys_app(), path="/admin", headers=[(b"host", b"localhost"), raw])

    assert (good.json, foreign.status) == ("come in", 401)


def test_an_application_without_tokens_says_what_to_call() -> None:
    with pytest.raises(RuntimeError, match=r"call secure\(app\)"):
        bearer(FastAPI(), "7")


async def test_without_accounts_nobody_signs_in() -> None:
    with pytest.raises(RuntimeError, match=r"accounts\.install"):
        await sign_in(somebodys_app(), "7")


async def test_sign_in_makes_a_session_that_can_be_ended(tmp_path: Path) -> None:
    async with mounted("sqlite-async", tmp_path) as here:
        ada = await here.registered()
        by_id, by_address = await sign_in(here.app, ada), await sign_in(here.app, "ada@example.com")

        before = await here.client.get("/profile", headers=by_id)
        await here.client.post("/auth/logout", headers=by_id)
        after = await here.client.get("/profile", headers=by_id)
        other = await here.client.get("/profile", headers=by_address)

        assert [answer.status_code for answer in (before, after, other)] == [200, 401, 200]
        with pytest.raises(LookupError, match="no such account"):
            await sign_in(here.app, "eve@example.com")


async def test_the_outbox_gives_codes_and_links(tmp_path: Path) -> None:
    outbox = Outbox()
    chosen = settings(
        database_url=f"sqlite:///{tmp_path}/a.db", accounts={"verify_link": "https://app.example.com/verify"}
    )
    app = build(chosen, mailer=outbox)
    service = app.state.fastness_accounts
    await service.start()
    from pydantic import SecretStr

    from fastness.accounts.flows.client import Client

    flow = await service.flows.register("ada@example.com", SecretStr(PASSWORD), "Ada", Client("192.0.2.1", "192.0.2.1"))
    await service.mail.settled()
    link = outbox.link("ada@example.com")
    done = await service.flows.verify_email.by_code(flow, outbox.code("ada@example.com"), Client("x", "x"))
    await service.stop()

    assert done.user_id
    assert link.startswith("https://app.example.com/verify#token=")
    assert [mail.to for mail in outbox.mails] == ["ada@example.com"]
    outbox.clear()
    with pytest.raises(LookupError) as none:
        outbox.code("ada@example.com")
    assert "ada@" not in str(none.value)


async def test_time_travel_ends_tokens_and_codes(tmp_path: Path) -> None:
    clock = TurnableClock()
    chosen = settings(database_url=f"sqlite:///{tmp_path}/a.db")
    app = build(chosen, now=clock.wall, ticks=clock.ticks, mailer=Outbox())
    tokens = app.state.fastness_accounts.tokens
    token = tokens.issue("7")
    assert tokens.verify(token).id == "7"

    clock.forward(timedelta(hours=1))

    with pytest.raises(Exception, match="expired"):
        tokens.verify(token)


def test_time_goes_on_and_never_back() -> None:
    clock = TurnableClock()
    wall, ticks = clock.wall(), clock.ticks()
    clock.forward(60)

    assert 60 <= clock.wall() - wall < 61
    assert 60 <= clock.ticks() - ticks < 61
    with pytest.raises(ValueError, match="does not go back"):
        clock.forward(-1)


async def test_the_fast_hasher_hashes_really_and_production_refuses_it() -> None:
    passwords = Passwords(unsafe_fast_hasher())
    try:
        stored = await passwords.hash(PASSWORD)
        assert (await passwords.check(PASSWORD, stored)).ok
    finally:
        passwords.close()

    assert stored.startswith("$argon2id$")
    found = ServiceSettings(environment="production", passwords=unsafe_fast_hasher()).unsafe()
    assert any("MEMORY_KIB" in problem.where for problem in found)


THEIRS = """
from fastapi import FastAPI
from starlette.testclient import TestClient
from fastness import CurrentUser, secure
from fastness.chain import Settings

app = FastAPI()
secure(app, Settings(environment="development"))

@app.get("/who")
async def who(user: CurrentUser) -> str:
    return user.id

def test_signed_in(fastness_sign_in_as):
    fastness_sign_in_as(app, "7", roles=["admin"])
    assert TestClient(app).get("/who").json() == "7"

def test_signed_out():
    assert TestClient(app).get("/who").status_code == 401

def test_the_others(fastness_clock, fastness_outbox, unsafe_fastness_passwords):
    fastness_clock.forward(1)
    assert fastness_outbox.mails == []
    assert unsafe_fastness_passwords.unsafe_cheap_hashing
"""


def their_pytest(folder: Path, *words: str) -> str:
    """Somebody's pytest run, where Fastness is installed with the entry points of pyproject.toml."""
    there = folder / "site" / "fastness_as_installed-0.dist-info"
    there.mkdir(parents=True)
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: fastness-as-installed\nVersion: 0\n")
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    (there / "entry_points.txt").write_text("[pytest11]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "FASTNESS"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *words],
        cwd=folder, env={**environment, "PYTHONPATH": str(folder / "site")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_the_fixtures_are_there_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS)

    alias = "ignore:The anyio.abc.BlockingPortal alias is deprecated:DeprecationWarning"  # the lowest Starlette's
    assert "3 passed" in their_pytest(tmp_path, "-W", "error", "-W", alias, "test_theirs.py")


def test_the_plugin_loads_nothing_of_ours_until_it_is_asked(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(
        "import sys\n\n\ndef test_nothing() -> None:\n"
        "    loaded = {name for name in sys.modules if name.partition('.')[0] in {'fastness', 'fastapi', 'sqlalchemy'}}\n"
        "    assert loaded == {'fastness', 'fastness._version', 'fastness.testing', 'fastness.testing.plugin'}\n"
    )

    assert "1 passed" in their_pytest(tmp_path, "test_theirs.py")


def test_an_unknown_name_is_an_attribute_error() -> None:
    import fastness.testing

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        fastness.testing.nonsense  # noqa: B018
