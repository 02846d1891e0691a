"""What machines ask, how the service starts, and what a broken neighbour changes."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from accounts.serving import PASSWORD, SECRET, Served, bearer, running, serving
from fastness.accounts.app import build
from fastness.accounts.mail import Mail, MemoryMailer
from fastness.accounts.settings import AccountSettings, ServiceSettings
from fastness.accounts.signing import PUBLISHED
from fastness.controls.passwords import PasswordSettings
from fastness.controls.tokens import TokenKeys, Tokens, TokenSettings
from fastness.core.errors import Unavailable
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio


async def test_health_asks_no_database_and_ready_does(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise Unavailable("database: gone")

    good = [(await served.client.get(path)).status_code for path in ("/health", "/ready")]
    with monkeypatch.context() as patch:
        patch.setattr(served.service.db, "_connection", lambda _: away())
        bad = [await served.client.get(path) for path in ("/health", "/ready")]

    assert good == [200, 200]
    assert [answer.status_code for answer in bad] == [200, 503]
    assert bad[1].json()["code"] == "not_ready"


async def test_anybody_can_verify_a_token_with_the_published_keys(served: Served) -> None:
    user_id = await served.account()
    tokens = await served.login()

    published = await served.client.get("/.well-known/jwks.json")
    elsewhere = Tokens(TokenKeys.from_jwks(published.json()), TokenSettings(issuer="http://localhost"))
    who = elsewhere.verify(tokens["access_token"])

    assert (who.id, who.roles, who.methods) == (user_id, frozenset({"user"}), ("pwd",))
    assert set(published.json()["keys"][0]) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert published.headers["cache-control"] == f"public, max-age={PUBLISHED}"


async def test_security_txt_is_served_when_there_is_a_contact(tmp_path: Path) -> None:
    async with serving(f"sqlite:///{tmp_path}/one.db", security_contact="mailto:security@example.com") as served:
        answer = await served.client.get("/.well-known/security.txt")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Contact: mailto:security@example.com\n" in answer.text
    assert "Expires: " in answer.text


async def test_without_a_contact_there_is_no_security_txt(served: Served) -> None:
    assert (await served.client.get("/.well-known/security.txt")).status_code == 404


async def test_oauth2_clients_get_tokens_by_form(served: Served) -> None:
    await served.account()
    form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD, "scope": ""}

    signed_in = await served.client.post("/auth/token", data=form)
    renewed = await served.client.post(
        "/auth/token", data={"grant_type": "refresh_token", "refresh_token": signed_in.json()["refresh_token"]}
    )
    profile = await served.client.get("/profile", headers=bearer(renewed.json()))

    assert set(signed_in.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert signed_in.headers["cache-control"] == "no-store"
    assert profile.status_code == 200


async def test_oauth2_errors_are_problems_with_the_standard_word(served: Served) -> None:
    ada = "ada@example.com"
    for form, error in (
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "password", "username": ada}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": ada, "password": "wrong one"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "A" * 43}, "invalid_grant"),
    ):
        answer = await served.client.post("/auth/token", data=form)

        assert (answer.status_code, answer.json()["error"], answer.json()["code"]) == (400, error, error)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_password_grant_can_be_turned_off(url: str) -> None:
    async with serving(url, password_grant=False) as served:
        await served.account()
        form = {"grant_type": "password", "username": "ada@example.com", "password": PASSWORD}

        answer = await served.client.post("/auth/token", data=form)

    assert answer.json()["error"] == "unsupported_grant_type"


async def test_mail_that_fails_changes_nothing_in_the_answer(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        async def send(self, mail: Mail) -> None:
            raise ConnectionRefusedError(mail.to)

    class Hanging:
        async def send(self, mail: Mail) -> None:
            await anyio.sleep_forever()

    given = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    answers: list[httpx2.Response] = []
    for mailer in (None, Refusing(), Hanging()):
        async with serving(url, mailer=mailer) as served:
            served.service.mail._pause = 0
            with anyio.fail_after(5):
                answers.append(await served.client.post("/auth/register", json=given))
                answers.append(await served.client.post("/auth/verify-email/resend", json={"email": given["email"]}))
            if isinstance(mailer, Refusing):
                await served.service.mail.settled()
                assert EventType.SYS_MAIL_FAIL in served.types()
            stop = served.service.mail.stop
            monkeypatch.setattr(served.service.mail, "stop", lambda stop=stop: stop(grace=0.05))

    assert {answer.status_code for answer in answers} == {202}
    assert len({len(answer.content) for answer in answers}) == 1


async def test_a_database_that_is_away_gives_503_and_the_service_recovers(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await served.signed_in()

    def away() -> Any:
        raise Unavailable("database: gone")

    with monkeypatch.context() as patch:
        for way in ("read", "write", "read_at_once", "write_at_once"):
            patch.setattr(served.service.db, way, lambda *_: away())
        answers = [
            await served.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD}),
            await served.client.post(
                "/auth/register", json={"email": "e@example.com", "password": PASSWORD, "name": "E"}
            ),
            await served.client.post("/auth/refresh", json={"refresh_token": "A" * 43}),
            await served.client.get("/profile", headers=headers),
        ]

    assert [answer.status_code for answer in answers] == [503] * 4
    assert all("retry-after" in answer.headers for answer in answers)
    assert (await served.client.get("/profile", headers=headers)).status_code == 200


async def test_unverified_people_may_sign_in_only_where_that_is_allowed_and_then_nobody_replaces_them(url: str) -> None:
    async with serving(url, unsafe_allow_unverified=True) as served:
        user_id = await served.account("ada@example.com", verified=False)
        await served.login()

        await served.register("ada@example.com", "another long password here", "Eve")
        profile = await served.client.get("/profile", headers=bearer(await served.login()))

    assert (profile.json()["id"], profile.json()["name"]) == (user_id, "Ada")


async def test_another_secret_cannot_open_the_keys_and_the_start_says_so(url: str) -> None:
    async with serving(url):
        pass

    with pytest.raises(RuntimeError, match="do not open"):
        async with serving(url, secret=secrets.token_urlsafe(40)):
            pass


async def test_without_a_lasting_secret_development_makes_new_keys(url: str) -> None:
    for _ in range(2):
        async with serving(url, settings={"secret": []}) as served:
            assert (await served.client.get("/health")).status_code == 200


async def test_workers_know_of_each_other_and_say_that_they_count_apart(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = MemoryMailer()  # whichever process sends a mail
    async with (
        serving(url, mailer=mailbox, counters="memory") as one,
        serving(url, mailer=mailbox, counters="memory") as two,
    ):
        assert (one.service.throttle.workers, two.service.throttle.workers) == (1, 2)
        assert "2 workers count sign-ins apart" in caplog.text

    async with serving(url) as alone:
        assert alone.service.throttle.workers == 1


async def test_production_says_everything_that_is_missing_at_once_and_serves_nothing(tmp_path: Path) -> None:
    settings = ServiceSettings.model_validate(
        {
            "environment": "production",
            "secret": [],
            "database_url": f"mysql://root:canary@{tmp_path}",
            "accounts": AccountSettings(unsafe_allow_unverified=True),
        }
    )
    app = build(settings)

    with pytest.raises(RuntimeError) as stopped:
        async with running(app):
            pass

    text = str(stopped.value)
    for where in (
        "FASTNESS_SECRET",
        "FASTNESS_PUBLIC_URL",
        "FASTNESS_DATABASE_URL",
        "FASTNESS_MAIL__BACKEND",
        "FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED",
    ):
        assert where in text
    assert "canary" not in text


async def test_production_without_tables_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="fastness db upgrade"):
        async with serving(f"sqlite:///{tmp_path}/empty.db", create_tables=False):
            pass


async def test_every_route_says_who_may_call_it(served: Served) -> None:
    rules = served.app.state.fastness.gate.current().all

    assert {rule.access for rule in rules} <= {"required", "public", "off"}
    assert sum(rule.access == "required" for rule in rules) == 43


async def test_the_document_describes_every_route_without_an_internal_shape(served: Served) -> None:
    document = (await served.client.get("/openapi.json")).json()

    assert "/auth/login" in document["paths"]
    assert "password_hash" not in str(document)


def test_a_second_life_of_the_same_application_hashes_writes_and_mails_as_the_first(tmp_path: Path) -> None:
    mailer = MemoryMailer()
    settings = ServiceSettings.model_validate(
        {
            "environment": "development",
            "secret": [SECRET],
            "database_url": f"sqlite:///{tmp_path}/a.db",
            "passwords": PasswordSettings.unsafe_for_tests(),
        }
    )
    app = build(settings, mailer=mailer)

    async def life(number: int) -> set[int]:
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with running(app), httpx2.AsyncClient(transport=transport, base_url="https://localhost") as client:
            answers = await asyncio.gather(
                *(
                    client.post(
                        "/auth/register", json={"email": f"{number}-{n}@x.org", "password": PASSWORD, "name": "A"}
                    )
                    for n in range(4)
                )
            )
        return {answer.status_code for answer in answers}

    # An event loop each, as two TestClients of one application have.
    statuses = [asyncio.run(life(number)) for number in range(2)]

    assert statuses == [{202}, {202}]
    assert len(mailer.outbox) == 8
