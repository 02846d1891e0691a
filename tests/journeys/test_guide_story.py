"""The guide as its user lives it: real requests to real servers, `fastness demo` and `examples/guide`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from journeys.servers import ROOT, Server, clean, running

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example.com"
PASSWORD = "violet teapot under the stairs"
HEADERS = (
    "content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy", "permissions-policy",
    "cross-origin-opener-policy", "cross-origin-resource-policy", "cache-control", "x-request-id",
)  # fmt: skip
STRANGERS = ("127.0.0.2", "127.0.0.3")
"""Loopback addresses of other people: they have counts of their own. macOS knows only 127.0.0.1 by itself."""


@dataclass(frozen=True)
class Place:
    """A served application, and how it is told apart."""

    server: Server
    url: str
    guide: bool
    environment: Mapping[str, str]

    def client(self, address: str = "127.0.0.1") -> httpx2.AsyncClient:
        transport = httpx2.AsyncHTTPTransport(local_address=address)
        return httpx2.AsyncClient(transport=transport, base_url=self.url, timeout=60)


@pytest.fixture(scope="module", params=["demo", "guide"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder, guide = tmp_path_factory.mktemp(request.param), request.param == "guide"
    if guide:
        environment = {
            "FASTNESS_ENVIRONMENT": "development",
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'guide.db'}",
        }
        command, ready = ["uvicorn", "examples.guide.app:app", "--port", "0"], r"running on (http://[0-9.:]+)"
    else:
        environment = {"FASTNESS_CORS__ORIGINS": f'["{ORIGIN}"]'}
        command, ready = ["fastness", "demo", "--port", "0"], r"service +(http://\S+)"
    with running(command, folder, environment=environment) as server:
        yield Place(server, server.answers(ready), guide, environment)


async def test_the_guides_story(place: Place) -> None:
    async with place.client() as http:
        for name in ("ada", "bob", "eve", "root"):
            await register(http, f"{name}@example.com")
        ada = await signed_in(http, "ada@example.com")
        root = await administrator(place, http)

        profile = await http.get("/profile", headers=ada)
        people = await http.get("/users", params={"search": "bob"}, headers=root)
        (bob,) = people.json()["items"]
        as_user = await http.delete(f"/users/{bob['id']}", headers=ada)
        as_admin = await http.delete(f"/users/{bob['id']}", headers=root)
        again = await http.delete(f"/users/{bob['id']}", headers=root)

        assert profile.status_code == 200
        assert profile.json()["email"] == "ada@example.com"
        assert not {"password", "password_hash", "hashed_password"} & set(profile.json())
        assert "argon2" not in profile.text
        assert (as_user.status_code, as_user.json()["code"]) == (403, "insufficient_scope")
        assert (as_admin.status_code, as_admin.content, again.status_code) == (204, b"", 404)

        await six_wrong_sign_ins(place.client(STRANGERS[0]), "eve@example.com", {})
        # From 127.0.0.1, whose X-Forwarded-For plain uvicorn believes.
        await six_wrong_sign_ins(place.client(), "root@example.com", {"X-Forwarded-For": "203.0.113.{}"})
        if place.guide:
            await eleven_generations(place, ada)

        # The account service asks for the password again, the guide's application for a recent sign-in.
        proof = None if place.guide else {"password": PASSWORD}
        gone = await http.request("DELETE", "/account", headers=ada, json=proof)
        after = await http.get("/profile", headers=ada)

        assert gone.status_code == 204
        assert (after.status_code, after.json()["code"]) == (401, "invalid_token")


async def test_every_refusal_carries_every_header_and_cors_for_an_allowed_origin(place: Place) -> None:
    large = b'{"email":"' + b"x" * 1_100_000 + b'"}'
    wrong = {"email": "nobody@example.com", "password": "no such person at all"}
    asked: list[tuple[int, str, str, dict[str, Any]]] = [
        (404, "GET", "/nowhere", {}),
        (405, "PUT", "/profile", {}),
        (401, "GET", "/profile", {}),
        (413, "POST", "/auth/register", {"content": large}),
        (422, "POST", "/auth/register", {"json": {"email": "canary", "password": "canary", "role": "admin"}}),
        *[(0, "POST", "/auth/login", {"json": wrong})] * 5,
        (429, "POST", "/auth/login", {"json": wrong}),
        (200, "OPTIONS", "/auth/login", {"headers": {"Access-Control-Request-Method": "POST"}}),
        (204, "OPTIONS", "/auth/login", {"headers": {"Access-Control-Request-Method": "POST"}}),
    ]
    if place.guide:
        asked.append((500, "GET", "/fails", {}))

    async with place.client(STRANGERS[1]) as http:
        for expected, method, path, more in asked:
            headers = {"Origin": ORIGIN, "Content-Type": "application/json", **more.get("headers", {})}
            answer = await http.request(method, path, **{**more, "headers": headers})

            if method != "OPTIONS" and expected:
                assert answer.status_code == expected, (path, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["request_id"] == answer.headers["x-request-id"]
                assert "canary" not in answer.text
                assert "hunter2" not in answer.text
            if method == "OPTIONS":
                assert answer.status_code in {200, 204}
                assert "POST" in answer.headers["access-control-allow-methods"]
            assert [name for name in HEADERS if name not in answer.headers] == [], (path, answer.status_code)
            assert answer.headers["access-control-allow-origin"] == ORIGIN, (path, answer.status_code)
            assert "strict-transport-security" not in answer.headers, "never over plain http (RFC 6797 section 7.2)"
            # Plain uvicorn adds its name behind every application.
            assert place.guide or "server" not in answer.headers

        stranger = await http.get("/nowhere", headers={"Origin": "https://evil.example"})
        foreign = await http.options(
            "/profile", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
        )

    assert "access-control-allow-origin" not in {*stranger.headers, *foreign.headers}
    assert foreign.status_code == 403


async def register(http: httpx2.AsyncClient, email: str) -> None:
    answer = await http.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Somebody"})
    assert answer.status_code == 202, answer.text


async def signed_in(http: httpx2.AsyncClient, email: str, password: str = PASSWORD) -> dict[str, str]:
    """The Authorization header, from the form that OAuth2 clients send."""
    form = {"grant_type": "password", "username": email, "password": password}
    answer = await http.post("/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def administrator(place: Place, http: httpx2.AsyncClient) -> dict[str, str]:
    """The demo prints one; in the guide's application somebody at the database appoints one."""
    if not place.guide:
        return await signed_in(
            http, place.server.says(r"admin +(\S+@\S+)"), place.server.says(r"(?m)^ +password +(\S+)$")
        )
    appoint = [sys.executable, "-m", "examples.guide.promote", "root@example.com"]
    done = await asyncio.to_thread(subprocess.run, appoint, cwd=ROOT, env=clean(place.environment), check=False)
    assert done.returncode == 0
    return await signed_in(http, "root@example.com")


async def six_wrong_sign_ins(http: httpx2.AsyncClient, email: str, headers: Mapping[str, str]) -> None:
    wrong = {"email": email, "password": "not the password of anybody"}

    async with http:
        answers = await asyncio.gather(
            *(
                http.post("/auth/login", json=wrong, headers={name: value.format(n) for name, value in headers.items()})
                for n in range(6)
            )
        )

    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429]
    (refused,) = [answer for answer in answers if answer.status_code == 429]
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "rate_limited"


async def eleven_generations(place: Place, who: Mapping[str, str]) -> None:
    token = who["Authorization"].removeprefix("Bearer ")
    spellings = ("Bearer", "bearer", "BEARER", "bEaReR", "Bearer ")

    async with place.client() as http:
        answers = await asyncio.gather(
            *(
                http.post(
                    "/ai/generate",
                    json={"prompt": "a poem"},
                    headers={"Authorization": f"{spellings[n % 5]} {token}", "X-Forwarded-For": f"198.51.100.{n}"},
                )
                for n in range(11)
            )
        )

    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429]
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)
