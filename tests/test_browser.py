"""`secure(app, cookies=...)`: one keyword, and a browser's session is safe; without it, nothing is in the chain."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import FastAPI, Form, Request, Response
from pydantic import SecretStr

from accounts.serving import running
from fastness import CurrentUser, Principal, Settings, public, secure
from fastness.chain import Secured
from fastness.controls.cookies import CookieSession, CookieSettings
from fastness.controls.csrf import Csrf, CsrfSettings, CsrfToken
from fastness.core.declare import opens_session

pytestmark = pytest.mark.anyio

SECRET = "qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"
DEVELOPMENT = Settings(environment="development", secret=(SecretStr(SECRET),))
PRODUCTION = Settings(secret=(SecretStr(SECRET),), public_url="https://app.example.com")
SAME = {"sec-fetch-site": "same-origin"}


async def find(value: bytes) -> Principal | None:
    return Principal("ada", session="s1") if value == b"opaque" else None


def shop(settings: Settings = DEVELOPMENT, **parts: Any) -> tuple[FastAPI, Secured]:
    app = FastAPI()
    secured = secure(app, settings, **parts)

    @app.post("/login", status_code=204)
    @public("this is how people sign in")
    @opens_session()
    async def login(request: Request) -> Response:
        response = Response(status_code=204)
        assert secured.cookies is not None
        issued = (
            secured.tokens.issue("ada") if secured.tokens is not None and parts.get("cookies") is True else "opaque"
        )
        secured.cookies.set(response, issued, to=request)
        return response

    @app.get("/token")
    async def token(user: CurrentUser, token: CsrfToken) -> str:
        return token

    @app.post("/buy")
    async def buy(user: CurrentUser) -> str:
        return user.id

    return app, secured


@contextlib.asynccontextmanager
async def visiting(app: FastAPI, host: str = "localhost") -> AsyncIterator[httpx2.AsyncClient]:
    async with running(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=f"https://{host}") as client:
            yield client


def code(answer: httpx2.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else None


@pytest.mark.parametrize("cookies", [find, True, CookieSession(find)], ids=["lookup", "our tokens", "object"])
async def test_a_browser_signs_in_reads_its_token_and_acts(cookies: Any) -> None:
    app, secured = shop(cookies=cookies)

    async with visiting(app) as browser:
        foreign = await browser.post("/login", headers={"sec-fetch-site": "cross-site"})
        silent = await browser.post("/login")
        signed_in = await browser.post("/login", headers=SAME)
        token = (await browser.get("/token")).json()
        bought = await browser.post("/buy", headers={**SAME, "x-csrf-token": token})
        without = await browser.post("/buy", headers=SAME)
        elsewhere = await browser.post("/buy", headers={"origin": "https://evil.test", "x-csrf-token": token})

    assert [code(answer) for answer in (foreign, silent)] == [(403, "cross_site_request")] * 2
    assert "set-cookie" not in foreign.headers
    assert signed_in.headers["set-cookie"].startswith("__Host-session=")
    assert (bought.status_code, bought.json()) == (200, "ada")
    assert code(without) == (403, "csrf_token")
    assert code(elsewhere) == (403, "cross_site_request")
    assert {"cookies", "csrf"} <= set(secured.on)


async def test_a_form_with_its_token_reaches_the_handler_whole() -> None:
    app, _ = shop(cookies=find)

    @app.post("/name")
    async def name(user: CurrentUser, name: Annotated[str, Form()]) -> str:
        return f"{user.id} {name}"

    async with visiting(app) as browser:
        await browser.post("/login", headers=SAME)
        token = (await browser.get("/token")).json()
        good = await browser.post("/name", headers=SAME, data={"name": "x" * 5000, "csrf_token": token})
        files = {"csrf_token": (None, token), "name": (None, "Ada")}
        parts = await browser.post("/name", headers=SAME, files=files)
        without = await browser.post("/name", headers=SAME, data={"name": "Ada"})

    assert (good.status_code, good.json()) == (200, "ada " + "x" * 5000)
    assert (parts.status_code, parts.json()) == (200, "ada Ada")
    assert code(without) == (403, "csrf_token")


async def test_without_a_session_cookie_neither_control_is_in_the_chain() -> None:
    app, secured = shop()

    async with running(app):
        enters = secured_chain(app)

    assert not {"CookieSession", "Csrf"} & set(enters)
    assert not {"cookies", "csrf"} & {*secured.on, *secured.off}


async def test_both_stand_between_the_authentication_and_the_limits_by_user() -> None:
    app, _ = shop(cookies=find)

    async with running(app):
        enters = secured_chain(app)

    after = enters[enters.index("Authentication") :]
    assert after[:3] == ["Authentication", "CookieSession", "Csrf"]
    assert "UserLimits" in after
    assert enters.index("Body") < enters.index("Authentication")


def secured_chain(app: FastAPI) -> list[str]:
    """The elements of the chain, outermost first."""
    stack: Any = app.middleware_stack
    pipeline = getattr(stack, "_app", stack)
    return [type(enter.__self__).__name__ for enter in pipeline._enters if hasattr(enter, "__self__")]


async def test_the_public_url_is_our_origin_in_production_and_only_it() -> None:
    app, _ = shop(PRODUCTION, cookies=find)

    async with visiting(app, "app.example.com") as browser:
        ours = await browser.post("/login", headers={"origin": "https://app.example.com"})
        port = await browser.post("/login", headers={"origin": "https://app.example.com:8443"})
        plain = await browser.post("/login", headers={"origin": "http://app.example.com"})

    assert ours.status_code == 204
    assert [code(answer) for answer in (port, plain)] == [(403, "cross_site_request")] * 2


async def test_settings_come_from_the_environment_or_the_keyword(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNESS_ENVIRONMENT", "development")
    monkeypatch.setenv("FASTNESS_COOKIES__SAME_SITE", "strict")
    monkeypatch.setenv("FASTNESS_CSRF__MODE", "log")
    app = FastAPI()
    secured = secure(app, cookies=find)
    replaced = secure(FastAPI(), cookies=find, csrf=CsrfSettings())

    assert secured.cookies is not None
    assert secured.cookies.settings.same_site == "strict"
    assert secured.observing == ["csrf"]
    assert replaced.observing == []


async def test_an_own_authenticator_for_cookies_brings_both_controls() -> None:
    session = CookieSession(find, CookieSettings(same_site="strict"))

    secured = secure(FastAPI(), DEVELOPMENT, authenticators=[session])

    assert secured.cookies is session
    assert isinstance(secured.browser.csrf, Csrf)


async def test_what_is_unsafe_stops_the_start() -> None:
    plain = Settings(
        secret=(SecretStr(SECRET),), public_url="https://a.example.com", cookies=CookieSettings(name="session")
    )
    secretless = Settings(public_url="https://a.example.com")
    trusting = Settings(
        secret=(SecretStr(SECRET),), public_url="https://a.example.com", csrf=CsrfSettings(trusted_origins=("null",))
    )

    for settings, words in ((plain, "no __Host- prefix"), (secretless, "CSRF tokens"), (trusting, "origin null")):
        secured = secure(FastAPI(), settings, cookies=find)
        assert any(words in str(problem) for problem in secured.problems()), words
        assert not any(words in str(problem) for problem in secure(FastAPI(), settings).problems()), words


async def test_csrf_off_and_cookies_off_are_said_so() -> None:
    without = secure(FastAPI(), DEVELOPMENT, cookies=find, csrf=False)
    closed = secure(FastAPI(), DEVELOPMENT, cookies=False)

    assert "csrf" in without.off
    assert without.browser.csrf is None
    assert "cookies" in closed.off
    assert closed.cookies is None


async def test_one_application_has_one_session_cookie() -> None:
    secured = secure(FastAPI(), DEVELOPMENT, cookies=find)

    with pytest.raises(ValueError, match="in use already"):
        secured.browser.use(find)


async def test_a_caller_with_a_bearer_token_meets_no_csrf_check() -> None:
    app, secured = shop(cookies=find)
    assert secured.tokens is not None
    bearer = {"authorization": f"Bearer {secured.tokens.issue('ada')}", "origin": "https://evil.test"}
    other = {"authorization": f"Bearer {secured.tokens.issue('eve')}"}

    async with visiting(app) as client:
        alone = await client.post("/buy", headers=bearer)
        beside = await client.post("/buy", headers={**bearer, "cookie": "__Host-session=opaque"})
        two = await client.post("/buy", headers={**other, "cookie": "__Host-session=opaque"})

    assert [alone.status_code, beside.status_code] == [200, 200]
    assert code(two) == (400, "two_identities")


async def test_development_on_plain_http_works_with_a_plain_name() -> None:
    settings = DEVELOPMENT.model_copy(update={"cookies": CookieSettings(name="session")})
    app, _ = shop(settings, cookies=find)

    async with running(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as browser:
            login = await browser.post("/login", headers={"origin": "http://localhost"})
            token = (await browser.get("/token")).json()
            bought = await browser.post("/buy", headers={"origin": "http://localhost", "x-csrf-token": token})

    assert login.headers["set-cookie"].startswith("session=opaque;")
    assert (bought.status_code, bought.json()) == (200, "ada")
