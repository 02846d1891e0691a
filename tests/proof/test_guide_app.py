"""The guide's application is attacked where the printed one fell: roles, hashes, searches, races, old tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx2
import pytest
from examples.guide.app import build
from examples.guide.database import User
from examples.guide.settings import GuideSettings
from examples.guide.wiring import Parts
from fastapi import FastAPI
from sqlalchemy import func, select, update

from accounts.serving import running
from by_hand import Pair
from fastness.controls.limits import LimitSettings
from fastness.controls.passwords import PasswordSettings
from proof.corpora import FILES, share
from proof.places import FORM, JSON, Asked, Place, in_form, in_header, in_json, in_path, in_query, raw

pytestmark = pytest.mark.anyio

PASSWORD = "violet teapot under the stairs"
SETTINGS: dict[str, Any] = {
    "environment": "development",
    "passwords": PasswordSettings.unsafe_for_tests(),
    "limits": LimitSettings(per_address="", per_user=""),
}


@dataclass
class Guide:
    """The running application, and a client that comes from a new address each time it is asked for one."""

    app: FastAPI
    parts: Parts
    clients: int = 0

    def client(self) -> httpx2.AsyncClient:
        self.clients += 1
        transport = httpx2.ASGITransport(
            self.app, raise_app_exceptions=False, client=(f"192.0.2.{self.clients % 250 + 1}", 5000)
        )
        return httpx2.AsyncClient(transport=transport, base_url="https://localhost")

    async def register(self, email: str, **more: Any) -> httpx2.Response:
        async with self.client() as http:
            return await http.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Ada", **more})

    async def login(self, email: str, password: str = PASSWORD) -> dict[str, str]:
        async with self.client() as http:
            answer = await http.post("/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def set(self, email: str, **values: Any) -> None:
        async with self.parts.sessions.begin() as db:
            await db.execute(update(User).where(User.email == email).values(**values))

    async def account(self, email: str, role: str = "user") -> tuple[str, dict[str, str]]:
        """The id and the Authorization header of a new account."""
        assert (await self.register(email)).status_code == 202
        await self.set(email, role=role)
        async with self.parts.sessions() as db:
            found = await db.scalar(select(User.id).where(User.email == email))
        assert found is not None
        return found, await self.login(email)

    async def count(self) -> int:
        async with self.parts.sessions() as db:
            return await db.scalar(select(func.count()).select_from(User)) or 0


@pytest.fixture
async def guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Guide]:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    app = build(GuideSettings(database_url=f"sqlite+aiosqlite:///{tmp_path}/guide.db", **SETTINGS))
    async with running(app):
        yield Guide(app, app.state.parts)


async def test_nobody_registers_with_a_role(guide: Guide) -> None:
    answers = [await guide.register("eve@example.com", **extra) for extra in ({"role": "admin"}, {"role": "editor"})]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert await guide.count() == 0


async def test_four_spellings_of_one_address_at_once_make_one_account_and_look_alike(guide: Guide) -> None:
    spellings = ("ada@example.com", "ADA@example.com", "Ada@EXAMPLE.com", " ada@example.com")

    answers = await asyncio.gather(*(guide.register(spelling) for spelling in spellings))

    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert await guide.count() == 1


async def test_a_bcrypt_hash_of_an_older_system_is_replaced_at_sign_in(guide: Guide) -> None:
    await guide.register("ada@example.com")
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=4)).decode()
    await guide.set("ada@example.com", password_hash=old)

    await guide.login("ada@example.com")

    async with guide.parts.sessions() as db:
        stored = await db.scalar(select(User.password_hash))
    assert (stored or "").startswith("$argon2id$")
    assert await guide.login("ada@example.com")


async def test_unknown_address_and_wrong_password_look_alike(guide: Guide) -> None:
    await guide.register("ada@example.com")

    async with guide.client() as http:
        answers = [
            await http.post("/auth/login", json={"email": email, "password": "not the password of anybody"})
            for email in ("ada@example.com", "eve@example.com")
        ]

    seen = [{**answer.json(), "request_id": ""} for answer in answers]
    assert seen[0] == seen[1]
    assert [answer.status_code for answer in answers] == [401, 401]


async def test_guesses_at_one_account_from_many_addresses_are_slowed(guide: Guide) -> None:
    await guide.register("ada@example.com")
    statuses = []

    for _ in range(6):
        async with guide.client() as http:
            answer = await http.post("/auth/login", json={"email": "ADA@example.com", "password": "a wrong guess"})
        statuses.append(answer.status_code)

    assert statuses == [401] * 5 + [429]


async def test_the_form_is_no_way_around_the_limit_of_the_other_route(guide: Guide) -> None:
    async with guide.client() as http:
        for n in range(5):
            await http.post("/auth/login", json={"email": f"a{n}@example.com", "password": "a wrong guess"})
        form = {"grant_type": "password", "username": "b@example.com", "password": "a wrong guess"}
        answer = await http.post("/auth/token", data=form)

    assert answer.status_code == 429


async def test_two_administrators_who_delete_each_other_at_once_do_not_both_succeed(guide: Guide) -> None:
    one, as_one = await guide.account("one@example.com", "admin")
    two, as_two = await guide.account("two@example.com", "super_admin")

    async with guide.client() as http:
        answers = await asyncio.gather(
            http.delete(f"/users/{two}", headers=as_one), http.delete(f"/users/{one}", headers=as_two)
        )

    first, second = sorted(answer.status_code for answer in answers)
    assert first == 204
    assert second in {401, 409}
    assert await guide.count() == 1


async def test_the_last_administrator_cannot_leave(guide: Guide) -> None:
    user_id, headers = await guide.account("root@example.com", "admin")

    async with guide.client() as http:
        answers = [
            await http.delete("/account", headers=headers),
            await http.delete(f"/users/{user_id}", headers=headers),
        ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "last_admin")] * 2


async def test_a_token_ends_with_the_account_and_with_the_role(guide: Guide) -> None:
    ada, as_ada = await guide.account("ada@example.com")
    _, as_root = await guide.account("root@example.com", "admin")
    _, as_bob = await guide.account("bob@example.com", "admin")
    await guide.set("bob@example.com", role="user")

    async with guide.client() as http:
        deleted = await http.delete(f"/users/{ada}", headers=as_root)
        answers = [await http.get("/profile", headers=as_ada), await http.get("/users", headers=as_bob)]
        answers.append(await http.post("/ai/generate", json={"prompt": "x"}, headers=as_ada))

    assert deleted.status_code == 204
    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_an_old_sign_in_cannot_delete_the_account(guide: Guide) -> None:
    ada, _ = await guide.account("ada@example.com")
    old = guide.parts.tokens.issue(ada, roles=["user"], authenticated_at=1.0)

    async with guide.client() as http:
        answer = await http.delete("/account", headers={"Authorization": f"Bearer {old}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "insufficient_user_authentication")


async def test_the_list_is_for_administrators_and_searches_take_no_wildcard(guide: Guide) -> None:
    _, as_ada = await guide.account("ada@example.com")
    _, as_root = await guide.account("root@example.com", "admin")

    async with guide.client() as http:
        refused = [await http.get("/users"), await http.get("/users", headers=as_ada)]
        found = {
            query: (await http.get(f"/users?{query}", headers=as_root)).json().get("total")
            for query in ("", "search=ad", "search=%25", "search=___", "search='%20OR%201=1", "sort=password_hash")
        }
        listed = await http.get("/users?sort=-email", headers=as_root)

    assert [answer.status_code for answer in refused] == [401, 403]
    assert list(found.values()) == [2, 2, 0, 0, 0, None]
    assert [person["email"] for person in listed.json()["items"]] == ["root@example.com", "ada@example.com"]
    assert "hash" not in listed.text
    assert "argon2" not in listed.text


PLACES: dict[str, Place] = {
    "register email": in_json("POST", "/auth/register", "email", password=PASSWORD, name="Ada"),
    "register password": in_json("POST", "/auth/register", "password", email="r{n}@example.com", name="Ada"),
    "register name": in_json("POST", "/auth/register", "name", email="n{n}@example.com", password=PASSWORD),
    "register extra": in_json("POST", "/auth/register", "*", email="x{n}@example.com", password=PASSWORD, name="Ada"),
    "login email": in_json("POST", "/auth/login", "email", password=PASSWORD),
    "login password": in_json("POST", "/auth/login", "password", email="p{n}@example.com"),
    "login body": raw("POST", "/auth/login"),
    "token body": raw("POST", "/auth/token", FORM),
    "grant type": in_form(grant_type="*", username="t{n}%40example.com", password="x"),
    "grant username": in_form(grant_type="password", username="*", password="x"),
    "grant password": in_form(grant_type="password", username="g{n}%40example.com", password="*"),
    "search": in_query("/users", "limit=5&search"),
    "sort": in_query("/users", "limit=5&sort"),
    "page": in_query("/users", "page"),
    "user id": in_path("DELETE", "/users/"),
    "prompt": in_json("POST", "/ai/generate", "prompt"),
    "token": in_header(b"authorization", b"Bearer "),
}


async def test_every_corpus_in_every_field_gives_no_5xx_and_a_stable_code(guide: Guide) -> None:
    _, headers = await guide.account("root@example.com", "admin")
    admin: list[Pair] = [(b"authorization", headers["Authorization"].encode())]
    number = 0

    for name in FILES:
        for position, (place, make) in enumerate(PLACES.items()):
            for attack in share(name, position, 3):
                number += 1
                asked = make(attack, number)
                # A new address, and where users are counted a new user, so that no limit answers.
                if place == "prompt":
                    asked.headers.append(
                        (b"authorization", b"Bearer " + guide.parts.tokens.issue(f"u{number}").encode())
                    )
                elif place != "token":
                    asked.headers.extend(admin)
                reply = await asked.put(guide.app, client=(f"2001:db8:{number:x}::1", 5000))

                assert 200 <= reply.status < 500, (place, attack[:80], reply.body)
                assert len(reply.body) <= 4096, (place, attack[:80])
                assert reply.status != 429, place
                if reply.status >= 400:
                    assert reply.one("content-type") == "application/problem+json"
                    assert reply.json["code"].replace("_", "").isalpha()


async def test_numbers_that_are_none_give_no_5xx(guide: Guide) -> None:
    for body in (b'{"email":NaN}', b'{"email":"\\ud800"}', b"[" * 50_000, b"1" * 5_000, b"\xff", b"null"):
        asked = Asked("POST", "/auth/register", [JSON], body)
        reply = await asked.put(guide.app, client=("192.0.2.251", 5000))

        assert reply.status in {400, 422}, body[:20]
        assert json.loads(reply.body)["code"] in {"invalid_input", "bad_request"}
