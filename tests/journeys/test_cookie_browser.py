"""A browser's session over real HTTP, with two workers: one cookie and one CSRF token are good in both, until sign-out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest

from fastness.controls.secrets import generate
from journeys.servers import free_port, running

pytestmark = [pytest.mark.anyio, pytest.mark.workers]

NAME = "__Host-session"
ADA = {"email": "ada@example.com", "password": "violet teapot under the stairs"}


async def ask(url: str, method: str, path: str, *, cookie: str = "", **how: object) -> httpx2.Response:
    """One request on a connection of its own, so that the kernel gives it to any worker."""
    headers: dict[str, str] = {"sec-fetch-site": "same-origin", **how.pop("headers", {})}  # type: ignore[dict-item]
    if cookie:
        headers["cookie"] = f"{NAME}={cookie}"
    async with httpx2.AsyncClient(base_url=url) as http:
        return await http.request(method, path, headers=headers, **how)  # type: ignore[arg-type]


def session_of(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    (line,) = (line for line in answer.headers.get_list("set-cookie") if line.startswith(NAME))
    assert line.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    return line.partition("=")[2].partition(";")[0]


async def test_a_session_cookie_lives_and_ends_in_every_worker(tmp_path: Path) -> None:
    settings = {
        "FASTNESS_ENVIRONMENT": "development",
        "FASTNESS_SECRET": generate(),
        "FASTNESS_DATABASE_URL": f"sqlite:///{tmp_path}/accounts.db",
        "FASTNESS_ACCOUNTS__COUNTERS": "database",
        "FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED": "true",
    }
    command = ["fastness", "serve", "--port", str(free_port()), "--workers", "2"]
    with running(command, tmp_path, environment=settings) as server:
        url = server.answers(r"(http://127\.0\.0\.1:\d+)")
        assert (await ask(url, "POST", "/auth/register", json={**ADA, "name": "Ada"})).status_code == 202
        foreign = await ask(url, "POST", "/auth/login?mode=cookie", json=ADA, headers={"sec-fetch-site": "cross-site"})
        login = await ask(url, "POST", "/auth/login?mode=cookie", json=ADA)
        cookie, csrf = session_of(login), {"x-csrf-token": login.json()["csrf_token"]}
        shown = await asyncio.gather(*(ask(url, "GET", "/profile", cookie=cookie) for _ in range(16)))
        named = {"json": {"name": "Countess"}}
        acted = await asyncio.gather(
            *(ask(url, "PATCH", "/profile", cookie=cookie, headers=csrf, **named) for _ in range(16))
        )
        without = await asyncio.gather(*(ask(url, "PATCH", "/profile", cookie=cookie, **named) for _ in range(8)))
        renewed = session_of(await ask(url, "POST", "/auth/refresh?mode=cookie", cookie=cookie))
        left = await ask(url, "POST", "/auth/logout", cookie=renewed, headers=csrf)
        await asyncio.sleep(1)  # the promise: within a second everywhere
        gone = await asyncio.gather(
            *(ask(url, "GET", "/profile", cookie=value) for value in (cookie, renewed) for _ in range(16))
        )

    assert (foreign.status_code, foreign.json()["code"]) == (403, "cross_site_request")
    assert {answer.status_code for answer in shown} == {200}
    assert {answer.status_code for answer in acted} == {200}
    assert {(answer.status_code, answer.json()["code"]) for answer in without} == {(403, "csrf_token")}
    assert left.status_code == 204
    assert left.headers["clear-site-data"] == '"cache","cookies","storage"'
    assert {answer.status_code for answer in gone} == {401}
