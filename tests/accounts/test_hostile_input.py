"""Input that means harm: no privilege is gained, nothing breaks, and no secret reaches a log."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.serving import PASSWORD, Served, bearer, link_token

pytestmark = pytest.mark.anyio

CORPORA = Path(__file__).parents[1] / "data" / "attacks"
MASS = json.loads((CORPORA / "mass_assignment.json").read_text())
SAMPLE = 8
"""Strings of each corpus and place, the same ones in every run."""


def strings(name: str) -> list[str]:
    path = CORPORA / name
    if path.suffix == ".json":
        return [text for item in json.loads(path.read_text()) for text in texts(item)]
    return path.read_text(errors="replace").splitlines()


def texts(item: Any) -> Iterator[str]:
    if isinstance(item, str):
        yield item
    elif isinstance(item, dict):
        for value in item.values():
            yield from texts(value)
    elif isinstance(item, list):
        for value in item:
            yield from texts(value)


def sample() -> list[str]:
    names = [
        "sqli.txt", "xss.txt", "naughty_strings.json", "nosqli.txt", "ldap.txt", "command_injection.txt",
        "header_injection.txt", "crlf.txt", "log_injection.json", "email_addresses.json", "password_edge_cases.json",
        "path_traversal.txt", "ssi_esi.txt", "open_redirect.txt", "unicode_ascii_collisions.json", "redos.json",
    ]  # fmt: skip
    chosen = []
    for name in names:
        every = strings(name)
        chosen += random.Random(name).sample(every, min(SAMPLE, len(every)))
    return [*chosen, "", "\x00", "\ud800", "a" * 100_000, "ﬀ@example.com", "\u202e", "🏴" * 200]


def safe_json(value: Any) -> bytes:
    return json.dumps(value).encode()


async def test_no_string_of_the_corpora_breaks_a_field(served: Served) -> None:
    headers = {**await served.signed_in("root@example.com", role="admin"), "Content-Type": "application/json"}
    calls: list[tuple[str, str, Callable[[str], dict[str, str]]]] = [
        ("POST", "/auth/register", lambda text: {"email": text, "password": PASSWORD, "name": "Ada"}),
        ("POST", "/auth/register", lambda text: {"email": "ada@example.com", "password": text, "name": "Ada"}),
        ("POST", "/auth/register", lambda text: {"email": "ada@example.com", "password": PASSWORD, "name": text}),
        ("POST", "/auth/login", lambda text: {"email": text, "password": PASSWORD}),
        ("POST", "/auth/login", lambda text: {"email": "ada@example.com", "password": text}),
        ("POST", "/auth/login", lambda text: {"email": "ada@example.com", "password": PASSWORD, "device_token": text}),
        ("POST", "/auth/verify-email", lambda text: {"token": text}),
        ("POST", "/auth/verify-email", lambda text: {"code": text, "flow": text}),
        ("POST", "/auth/refresh", lambda text: {"refresh_token": text}),
        ("PATCH", "/profile", lambda text: {"name": text}),
        ("PATCH", "/users/00000000-0000-0000-0000-000000000000", lambda text: {"role": text}),
    ]

    for text in sample():
        for method, path, body in calls:
            answer = await served.client.request(method, path, content=safe_json(body(text)), headers=headers)

            assert answer.status_code < 500, (path, text[:80])
            assert len(answer.content) < 4096, (path, text[:80])


async def test_no_string_of_the_corpora_breaks_a_query_form_or_header(served: Served) -> None:
    headers = await served.signed_in("root@example.com", role="admin")

    for text in sample():
        plain = text.encode("utf-8", "replace").decode()[:2000]
        answers = [
            await served.client.get("/users", params={"search": plain}, headers=headers),
            await served.client.get("/users", params={"after": plain}, headers=headers),
            await served.client.post("/auth/token", data={"grant_type": plain, "username": plain, "password": plain}),
            await served.client.post(
                "/auth/token", data={"grant_type": "password", "username": plain, "password": plain}
            ),
            await served.client.post("/auth/token", data={"grant_type": "refresh_token", "refresh_token": plain}),
            await served.client.post(
                "/auth/login",
                json={"email": "ada@example.com", "password": PASSWORD},
                headers=[(b"User-Agent", plain.encode(errors="replace").replace(b"\r", b"").replace(b"\n", b""))],
            ),
        ]

        assert {answer.status_code < 500 for answer in answers} == {True}, text[:80]


async def test_a_body_that_is_no_object_is_4xx(served: Served) -> None:
    bodies = [
        b"", b"null", b"[]", b'"x"', b"{", b"1e999", b"[" * 5000, b'{"email":NaN}', b'{"email":"\\ud800"}', b"\xff",
        b'{"password":' + b"9" * 5000 + b"}",
    ]  # fmt: skip
    for path in ("register", "login", "refresh", "verify-email", "verify-email/resend", "token"):
        for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
            for body in bodies:
                answer = await served.client.post(f"/auth/{path}", content=body, headers={"Content-Type": kind})

                assert 400 <= answer.status_code < 500, (path, kind, body[:40])


async def test_extra_fields_give_no_privilege(served: Served) -> None:
    await served.account("plain@example.com")
    headers = bearer(await served.login("plain@example.com"))
    before = (await served.client.get("/profile", headers=headers)).json()

    for number, case in enumerate(MASS):
        given: dict[str, Any] = {"email": f"m{number}@example.com", "password": PASSWORD, "name": "Mallory"}
        extra = {case["field"]: case["value"]}
        if case["where"] == "profile update body":
            answer = await served.client.patch("/profile", json={"name": before["name"], **extra}, headers=headers)
        elif case["where"] == "register body":
            answer = await served.client.post("/auth/register", json={**given, **extra})
        else:
            text = {case["field"]: json.dumps(case["value"])}
            answer = await served.client.post("/auth/register", json=given, params=text)

        assert answer.status_code in {200, 202, 422}, case
        if case["where"] != "query of register" and case["field"] not in {"email", "password", "name"}:
            assert answer.status_code == 422, case
    await served.service.mail.settled()

    assert (await served.client.get("/profile", headers=headers)).json() == before
    async with served.service.db.read() as work:
        page = await work.users.page(limit=100)
    assert {account.role for account in page.items} == {"user"}
    assert {account.verified for account in page.items if account.email != "plain@example.com"} == {False}


async def test_no_password_token_or_code_reaches_a_log_or_an_event(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary grows in the attic 7Q"

    await served.register("ada@example.com", canary)
    link = link_token(served.mails[0])
    proved = await served.client.post("/auth/verify-email", json={"token": link})
    tokens = await served.login("ada@example.com", canary)
    renewed = (await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
    served.clock.ahead += 60
    await served.client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    await served.client.post("/auth/login", json={"email": "ada@example.com", "password": canary + "!"})
    await served.client.post("/auth/login", json={"email": "ada@example.com", "password": [canary]})
    await served.client.post("/auth/register", json={"email": canary, "password": canary, "name": canary, "x": canary})
    await served.client.post(
        "/auth/token", data={"grant_type": "password", "username": "ada@example.com", "password": canary}
    )
    await served.client.request("DELETE", "/account", json={"password": canary + "?"}, headers=bearer(renewed))

    logged = caplog.text + repr([record.__dict__ for record in caplog.records]) + repr(served.events)
    secrets = [
        "canary grows", tokens["access_token"], tokens["refresh_token"], tokens["device_token"],
        renewed["refresh_token"], link, proved.json()["device_token"], "ada@example.com",
    ]  # fmt: skip
    assert [secret for secret in secrets if secret in logged] == []
    assert len(served.events) > 8


async def test_a_refused_field_never_comes_back(served: Served) -> None:
    canary = "canary-7Q"

    answers = [
        await served.client.post("/auth/login", json={"email": canary, "password": canary, "x": canary}),
        await served.client.post("/auth/register", json={"password": canary}),
        await served.client.post("/auth/refresh", json={"refresh_token": f"{canary} {canary}"}),
        await served.client.post("/auth/token", data={"grant_type": canary, "username": canary}),
    ]

    assert {answer.status_code for answer in answers} <= {400, 422}
    assert not any(canary in answer.text for answer in answers)
