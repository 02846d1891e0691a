"""The eleven lines of the guide's checklist: each holds, and its test is red when the control is switched off."""

# No `from __future__ import annotations`: FastAPI could not resolve the models of the functions below.

import json
import os
import threading
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import String, create_engine, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

from fastness import Principal, Settings, require, secure
from fastness.chain import Secured
from fastness.controls.cors import CorsSettings
from fastness.controls.fields import Paging
from fastness.controls.passwords import Match, Passwords
from fastness.controls.sql import contains, order_by
from fastness.core.exchange import Exchange
from house.test_audit import AdvisoryService, SilentService, audit
from proof import checklist
from proof.guide_routes import ADMINISTRATOR, LoosePaging, LooseRegistration, Registration, application, routes

pytestmark = pytest.mark.anyio

CI = (Path(__file__).parents[2] / ".ci" / "run").read_text(encoding="utf-8")


def token(secured: Secured, **claims: Any) -> str:
    assert secured.tokens is not None
    return secured.tokens.issue("ada", **claims)


async def red(check: Awaitable[None]) -> str:
    """The check fails; the statement that did, and its words."""
    with pytest.raises((AssertionError, KeyError)) as failed:
        await check
    return f"{failed.traceback[-1].statement} {failed.value}"


async def test_line_01_passwords_are_argon2id_and_bcrypt_hashes_are_upgraded() -> None:
    passwords = Passwords()

    await checklist.line_01_passwords(passwords)

    passwords.close()


async def test_line_01_is_red_with_bcrypt_in_its_place() -> None:
    class Bcrypt:
        async def hash(self, password: str) -> str:
            return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4)).decode()

        async def check(self, given: str, stored: str | None) -> Match:
            return Match(ok=bcrypt.checkpw(given.encode(), (stored or "").encode()))

    class NoUpgrade(Passwords):
        async def check(self, given: Any, stored: str | None) -> Match:
            return Match(ok=(await super().check(given, stored)).ok)

    lazy = NoUpgrade()

    assert "not argon2id" in await red(checklist.line_01_passwords(Bcrypt()))
    assert "the bcrypt hash stays" in await red(checklist.line_01_passwords(lazy))
    lazy.close()


async def test_line_01_tokens_are_verified() -> None:
    app, secured = application()

    await checklist.line_01_tokens(app, token(secured))


async def test_line_01_is_red_when_nobody_verifies_the_token() -> None:
    def believes(exchange: Exchange) -> Principal | None:
        _, _, raw = exchange.headers.get(b"authorization", b"").partition(b" ")
        return Principal(json.loads(urlsafe_b64decode(raw.split(b".")[1] + b"=="))["sub"]) if raw else None

    _, secured = application()
    trusting, _ = application(authenticators=[believes])
    closed, _ = application(tokens=False)

    assert "a forged token opens" in await red(checklist.line_01_tokens(trusting, token(secured)))
    assert await red(checklist.line_01_tokens(closed, token(secured)))


async def test_line_02_admin_routes_ask_for_the_role() -> None:
    app, secured = application()

    await checklist.line_02(app, user=token(secured, roles=["user"]), admin=token(secured, roles=["admin"]))


@pytest.mark.parametrize("off", ["any caller", "no dependency", "migrating"])
async def test_line_02_is_red_without_the_role(off: str) -> None:
    settings = Settings(environment="development", undeclared_routes="warn" if off == "migrating" else "refuse")
    app, secured = application(admin=())
    if off == "any caller":
        app, secured = application(admin=[Depends(require(fresh="5m"))])
    if off == "migrating":
        app = FastAPI()
        secured = secure(app, settings)
        app.include_router(routes((), Registration, Paging, limited=True))
    tokens = {role: token(secured, roles=[role], authenticated_at=2e9) for role in ("user", "admin")}

    assert await red(checklist.line_02(app, user=tokens["user"], admin=tokens["admin"]))


async def test_line_03_models_constrain_every_input() -> None:
    await checklist.line_03(application()[0])


async def test_line_03_is_red_with_a_loose_model() -> None:
    assert "is accepted" in await red(checklist.line_03(application(model=LooseRegistration)[0]))


async def test_line_04_query_parameters_have_bounds() -> None:
    await checklist.line_04(application()[0])


async def test_line_04_is_red_without_bounds() -> None:
    assert "is accepted" in await red(checklist.line_04(application(paging=LoosePaging)[0]))


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)


@pytest.fixture
def db() -> Iterator[Session]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Person(name=name) for name in ("ada", "bob", "100%")])
        session.execute(text("CREATE TABLE vault (secret TEXT)"))
        session.commit()
        yield session
    engine.dispose()


def test_line_05_sql_takes_values_as_data(db: Session) -> None:
    def find(search: str, sort: str) -> Sequence[str]:
        order = order_by(sort, {"name": Person.name})
        return db.scalars(select(Person.name).where(contains(Person.name, search)).order_by(order)).all()

    checklist.line_05(find)


def test_line_05_is_red_with_an_f_string_and_with_open_wildcards(db: Session) -> None:
    def formatted(search: str, sort: str) -> Sequence[str]:
        return db.scalars(text(f"SELECT name FROM people WHERE name LIKE '{search}%' ORDER BY {sort}")).all()

    def wild(search: str, sort: str) -> Sequence[str]:
        order = order_by(sort, {"name": Person.name})
        return db.scalars(select(Person.name).where(Person.name.ilike(f"%{search}%")).order_by(order)).all()

    def any_sort(search: str, sort: str) -> Sequence[str]:
        return db.scalars(select(Person.name).where(contains(Person.name, search)).order_by(text(sort))).all()

    for find in (formatted, wild):
        with pytest.raises(AssertionError, match="passes"):
            checklist.line_05(find)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        checklist.line_05(any_sort)


async def test_line_06_cors_has_named_origins_and_no_wildcard_with_credentials() -> None:
    wild = CorsSettings(origins=("*",), credentials=True)

    await checklist.line_06(application()[0])

    assert "every origin is allowed, with credentials" in str(application(cors=wild)[1].problems()[0])


async def test_line_06_is_red_when_off_and_with_the_wildcard() -> None:
    wild, _ = application(cors=False)
    wild.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)

    assert "cannot be read" in await red(checklist.line_06(application(cors=False)[0]))
    assert await red(checklist.line_06(wild))
    assert await red(checklist.line_06(application(cors=CorsSettings(origins=("*",)))[0]))


async def test_line_07_sign_in_and_expensive_routes_are_limited() -> None:
    app, secured = application()

    await checklist.line_07(app, token(secured))


@pytest.mark.parametrize("off", [{"limited": False}, {"limits": False}], ids=["no declaration", "no control"])
async def test_line_07_is_red_without_limits(off: dict[str, bool]) -> None:
    app, secured = application(**off)  # type: ignore[arg-type]

    assert await red(checklist.line_07(app, token(secured)))


async def test_line_08_every_answer_carries_the_security_headers() -> None:
    await checklist.line_08(application()[0])


async def test_line_08_is_red_when_off_and_with_the_guides_own_middleware() -> None:
    class SecurityHeaders(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            response = await call_next(request)
            for name, value in GOOD.items():
                response.headers[name] = value
            return response

    async with checklist.visitor(application()[0]) as http:
        GOOD = dict((await http.get("/open")).headers.items())  # noqa: N806 - what the control sends, to the letter
    GOOD = {name: value for name, value in GOOD.items() if name in checklist.HEADERS}  # noqa: N806
    guides, _ = application(headers=False)
    guides.add_middleware(SecurityHeaders)

    assert "GET /open" in await red(checklist.line_08(application(headers=False)[0]))
    assert "GET /open" not in await red(checklist.line_08(guides))


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Mapping[str, str]], None]:
    """Sets the environment, without any other setting of this machine."""
    monkeypatch.chdir(tmp_path)

    def environment(given: Mapping[str, str]) -> None:
        for name in [name for name in os.environ if name.startswith("FASTNESS_")]:
            monkeypatch.delenv(name)
        for name, value in {"FASTNESS_PUBLIC_URL": "https://api.example.com", **given}.items():
            monkeypatch.setenv(name, value)

    return environment


def test_line_09_settings_are_typed_and_a_bad_one_stops_the_start(
    starting: Callable[[Mapping[str, str]], None],
) -> None:
    def start(environment: Mapping[str, str]) -> str:
        starting(environment)
        app = FastAPI()
        app.add_api_route("/me", lambda: None, dependencies=[ADMINISTRATOR])
        return "\n".join(map(str, secure(app).problems()))

    checklist.line_09(start)


def test_line_09_is_red_with_the_guides_own_settings(starting: Callable[[Mapping[str, str]], None]) -> None:
    class Guides(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="FASTNESS_", env_file=".env")
        secret: str

    def start(environment: Mapping[str, str]) -> str:
        starting(environment)
        Guides()  # type: ignore[call-arg]
        return ""

    with pytest.raises(AssertionError, match="FASTNESS_SECRET is accepted"):
        checklist.line_09(start)


async def test_line_10_errors_say_nothing_of_what_is_inside() -> None:
    await checklist.line_10(application()[0])


async def test_line_10_is_red_when_off_and_with_debug_pages() -> None:
    debug = FastAPI(debug=True)
    debug.include_router(routes([ADMINISTRATOR], Registration, Paging, limited=True))

    assert await red(checklist.line_10(application(problems=False)[0]))
    assert "tells what was inside" in await red(checklist.line_10(debug))


@pytest.fixture
def advisories(request: pytest.FixtureRequest) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), getattr(request, "param", AdvisoryService)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_line_11_ci_audits_the_dependencies_and_a_known_bad_pin_is_red(tmp_path: Path, advisories: str) -> None:
    checklist.line_11(tmp_path, advisories=advisories, pipeline=CI)


@pytest.mark.parametrize("advisories", [SilentService], indirect=True)
def test_line_11_without_a_source_it_says_not_audited(tmp_path: Path, advisories: str) -> None:
    for source in (advisories, "http://127.0.0.1:9", "/no/such/folder"):
        code, said = audit(tmp_path, "python-jose==3.3.0\n", advisories=source)

        assert (code, said.startswith("not audited: ")) == (0, True)


@pytest.mark.parametrize("advisories", [SilentService], indirect=True)
def test_line_11_is_red_without_a_source_and_without_the_step(tmp_path: Path, advisories: str) -> None:
    without = "\n".join(line for line in CI.splitlines() if not line.startswith("step audit"))

    with pytest.raises(AssertionError, match="nobody looked"):
        checklist.line_11(tmp_path, advisories=advisories, pipeline=CI)
    with pytest.raises(AssertionError, match="no audit step"):
        checklist.line_11(tmp_path, advisories=advisories, pipeline=without)
