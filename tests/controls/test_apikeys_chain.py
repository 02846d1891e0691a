"""API keys under `secure(app)`: beside tokens, on the routes they may open, and written in the OpenAPI document."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI
from pydantic import SecretStr

from fastness import CurrentUser, OptionalUser, Settings, public, require, secure
from fastness.chain import Secured
from fastness.controls.apikeys import ApiKeySettings, MemoryApiKeys, MintedKey
from fastness.controls.hosts import HostSettings
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

HELD = ("posts:read", "posts:write")


def application(settings: Settings | None = None, **parts: Any) -> tuple[FastAPI, Secured]:
    app = FastAPI()
    development = Settings(environment="development")
    parts = {"apikeys": MemoryApiKeys(), "roles": {"admin": ["posts:write"]}, "token_url": "auth/token", **parts}
    secured = secure(app, settings or development, **parts)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return f"{user.id} by {user.scheme}"

    @app.get("/open")
    @public("a greeting")
    async def open_(user: OptionalUser) -> str:
        return user.id if user is not None else "nobody"

    @app.post("/posts", dependencies=[Depends(require(permission="posts:write"))])
    async def posts() -> str:
        return "written"

    @app.get("/admin", dependencies=[Depends(require(role="admin"))])
    async def admin() -> str:
        return "secret"

    @app.delete("/account", dependencies=[Depends(require(fresh="5m"))])
    async def account() -> str:
        return "gone"

    return app, secured


async def minted(secured: Secured, *scopes: str, **how: Any) -> MintedKey:
    assert secured.apikeys is not None
    return await secured.apikeys.mint("ada", scopes=scopes, within=HELD, **how)


async def asked(app: FastAPI, path: str, method: str = "GET", **headers: str) -> httpx2.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as http:
        return await http.request(method, path, headers=sent)


async def test_keys_and_tokens_work_side_by_side() -> None:
    app, secured = application()
    key, tokens = (await minted(secured)).key.get_secret_value(), secured.tokens
    assert tokens is not None

    assert (await asked(app, "/me", x_api_key=key)).json() == "ada by apikey"
    assert (await asked(app, "/me", authorization=f"Bearer {key}")).json() == "ada by apikey"
    assert (await asked(app, "/me", authorization=f"Bearer {tokens.issue('eve')}")).json() == "eve by bearer"
    assert (await asked(app, "/open")).json() == "nobody"
    assert (await asked(app, "/me")).status_code == 401


async def test_two_identities_in_one_request_are_refused() -> None:
    app, secured = application()
    key = (await minted(secured)).key.get_secret_value()
    assert secured.tokens is not None

    for other in (secured.tokens.issue("eve"), "forged", key):
        for path in ("/me", "/open"):
            reply = await asked(app, path, x_api_key=key, authorization=f"Bearer {other}")
            assert (reply.status_code, reply.json()["code"]) == (400, "two_identities")


async def test_a_key_beside_the_cookie_of_somebody_else_is_refused() -> None:
    async def find(value: bytes) -> Principal | None:
        return Principal(value.decode(), session="1") if value in {b"ada", b"eve"} else None

    app, secured = application(cookies=find)
    key = (await minted(secured)).key.get_secret_value()

    found = {name: await asked(app, "/me", x_api_key=key, cookie=f"__Host-session={name}") for name in ("eve", "ada")}

    assert (found["eve"].status_code, found["eve"].json()["code"]) == (400, "two_identities")
    assert (found["ada"].status_code, found["ada"].json()) == (200, "ada by apikey")


async def test_a_key_opens_what_its_scopes_name_and_no_role_or_recent_sign_in() -> None:
    app, secured = application()
    reads = (await minted(secured, "posts:read")).key.get_secret_value()
    writes = (await minted(secured, "posts:write")).key.get_secret_value()

    assert (await asked(app, "/posts", "POST", x_api_key=writes)).status_code == 200
    for path, method, status in (("/posts", "POST", 403), ("/admin", "GET", 403), ("/account", "DELETE", 401)):
        assert (await asked(app, path, method, x_api_key=reads)).status_code == status
    assert (await asked(app, "/admin", x_api_key=writes)).status_code == 403


async def test_a_bad_key_is_a_neutral_401_with_its_challenge_and_no_guess_of_the_key() -> None:
    app, secured = application()
    other, _ = MemoryApiKeys(), await minted(secured)
    stranger = await minted(application(apikeys=other)[1])

    for key in ("fast_live_x", stranger.key.get_secret_value(), ""):
        reply = await asked(app, "/me", x_api_key=key)
        body = {name: value for name, value in reply.json().items() if name != "request_id"}
        assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "APIKey")
        assert (body["code"], body["detail"]) == ("invalid_api_key", "The API key is not valid.")
        assert not key or key not in reply.text


async def test_a_revoked_key_ends_at_once_where_it_was_revoked() -> None:
    store = MemoryApiKeys()
    app, secured = application(apikeys=store)
    made = await minted(secured)
    assert (await asked(app, "/me", x_api_key=made.key.get_secret_value())).status_code == 200

    await store.disable(made.record.id)
    assert secured.apikeys is not None
    secured.apikeys.forget(made.record.id)

    assert (await asked(app, "/me", x_api_key=made.key.get_secret_value())).status_code == 401


async def test_the_limit_of_a_key_is_a_429_and_other_keys_go_on() -> None:
    settings = Settings(environment="development", apikeys=ApiKeySettings(per_key="2/hour"))
    app, secured = application(settings)
    one, two = [(await minted(secured)).key.get_secret_value() for _ in range(2)]

    found = [await asked(app, "/me", x_api_key=one) for _ in range(3)]

    assert [reply.status_code for reply in found] == [200, 200, 429]
    assert found[-1].headers["retry-after"] == "1800"
    assert (await asked(app, "/me", x_api_key=two)).status_code == 200


async def test_no_key_reaches_the_log(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    app, secured = application()
    made = await minted(secured)
    key = made.key.get_secret_value()
    stranger = (await minted(application()[1])).key.get_secret_value()

    for sent in (key, stranger, key[:-1]):
        for path in ("/me", "/admin", f"/nowhere?api_key={sent}"):
            await asked(app, path, x_api_key=sent)

    out, err = capfd.readouterr()
    logged = out + err + caplog.text
    assert "authn_token_fail" in logged
    assert key[10:-6] not in logged
    assert stranger[10:-6] not in logged


def test_the_document_offers_keys_where_a_key_can_be_enough() -> None:
    document = application()[0].openapi()
    schemes = document["components"]["securitySchemes"]
    offered = {
        path: [name for entry in next(iter(methods.values())).get("security", []) for name in entry]
        for path, methods in document["paths"].items()
    }

    assert (schemes["fastness_api_key"]["type"], schemes["fastness_api_key"]["name"]) == ("apiKey", "x-api-key")
    assert offered == {
        "/me": ["fastness", "fastness_api_key"],
        "/open": ["fastness", "fastness_api_key"],
        "/posts": ["fastness", "fastness_api_key"],
        "/admin": ["fastness"],
        "/account": ["fastness"],
    }
    assert "fastness_api_key" not in str(application(apikeys=None)[0].openapi())


def test_the_start_report_names_keys_and_production_needs_a_secret_for_them() -> None:
    production = Settings(hosts=HostSettings(allowed=("localhost",)))
    lasting = production.model_copy(update={"secret": (SecretStr("0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a6978"),)})

    assert "apikeys" in application(lasting)[1].report()
    assert "off: apikeys" in application(lasting, apikeys=False)[1].report()
    assert "API keys end with this process" in application()[1].report()
    assert any("hash API keys" in str(problem) for problem in application(production)[1].problems())
