"""Whoever asks about an address learns nothing: same status, body, headers, length, and the same counted work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from accounts.serving import PASSWORD, Served, serving
from accounts.statements import statements_of

pytestmark = pytest.mark.anyio

ASKING = ("/auth/verify-email/resend", "/auth/password/forgot", "/auth/magic")
"""Routes that mail a code to an address, if there is somebody to mail it to."""
STATES = ("unknown", "known", "unverified", "suspended", "administrator")


@pytest.fixture
async def served(url: str) -> AsyncIterator[Served]:
    """The service with every route that takes an address."""
    async with serving(url, verify_link="https://app.example.com/verify", magic=True) as running:
        yield running


@pytest.fixture
async def everybody(served: Served) -> Served:
    """One account in each state."""
    await served.account("known@example.com")
    await served.account("unverified@example.com", verified=False)
    await served.account("suspended@example.com", suspended=True)
    await served.account("administrator@example.com", role="admin")
    return served


def address(state: str) -> str:
    return f"{state}@example.com"


class Work:
    """Counts what the service does for one request."""

    def __init__(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashes = 0
        self.mails = 0
        self._count_hashes(served, monkeypatch)
        put = served.service.mail._put

        async def counted(*given: Any, **how: Any) -> None:
            self.mails += 1
            await put(*given, **how)

        monkeypatch.setattr(served.service.mail, "_put", counted)

    def _count_hashes(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        # The pool runs every hash and every check, decoys too.
        run = served.service.passwords._pool.run

        async def counted(work: Callable[[], Any]) -> Any:
            self.hashes += 1
            return await run(work)

        monkeypatch.setattr(served.service.passwords._pool, "run", counted)


def seen(answer: httpx2.Response) -> tuple[int, dict[str, str], dict[str, Any], int]:
    """Everything about an answer but what is random in each: request id, flow id, date."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    if "set-cookie" in headers:
        name, _, rest = headers["set-cookie"].partition("=")
        value, _, attributes = rest.partition(";")
        headers["set-cookie"] = f"{name}=<{len(value)}>;{attributes}"
    body = answer.json()
    for name in ("request_id", "flow"):
        if name in body:
            body[name] = len(body[name])
    return answer.status_code, headers, body, len(answer.content)


async def ask_all(
    served: Served, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], Awaitable[httpx2.Response]]
) -> list[tuple[Any, ...]]:
    found = []
    for state in STATES:
        with monkeypatch.context() as patch:
            work = Work(served, patch)
            answer = await ask(address(state))
            found.append((seen(answer), work.hashes, work.mails))
        await served.service.mail.settled()
    return found


async def test_register_looks_and_costs_the_same(everybody: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(email: str) -> httpx2.Response:
        return await everybody.client.post(
            "/auth/register", json={"email": email, "password": PASSWORD, "name": "Someone"}
        )

    found = await ask_all(everybody, monkeypatch, ask)

    assert found[0][0][0] == 202
    assert all(one == found[0] for one in found)
    assert found[0][1:] == (1, 1)


async def test_register_asks_the_database_as_much_for_each(everybody: Served) -> None:
    counts = []
    for state in STATES:
        said = statements_of(everybody)
        given = {"email": address(state), "password": PASSWORD, "name": "Someone"}
        await everybody.client.post("/auth/register", json=given)
        counts.append([one.split()[0] for one in said if " users" in one or "fastness_codes" in one])
        await everybody.service.mail.settled()

    assert counts[0].count("INSERT") == 2
    assert all(one == counts[0] for one in counts)


async def test_login_with_a_wrong_password_looks_and_costs_the_same(
    everybody: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(email: str) -> httpx2.Response:
        return await everybody.client.post("/auth/login", json={"email": email, "password": "not the right one at all"})

    found = await ask_all(everybody, monkeypatch, ask)

    assert found[0][0][0] == 401
    assert all(one == found[0] for one in found)
    assert found[0][1:] == (1, 0)


@pytest.mark.parametrize("path", ["/auth/login", "/auth/token"])
async def test_the_right_password_of_a_closed_account_looks_and_costs_like_a_wrong_one(
    everybody: Served, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def ask(state: str) -> tuple[Any, ...]:
        with monkeypatch.context() as patch:
            work = Work(everybody, patch)
            if path == "/auth/token":
                form = {"grant_type": "password", "username": address(state), "password": PASSWORD}
                answer = await everybody.client.post(path, data=form)
            else:
                answer = await everybody.client.post(path, json={"email": address(state), "password": PASSWORD})
            return seen(answer), work.hashes, work.mails

    found = [await ask(state) for state in ("unknown", "unverified", "suspended")]

    assert found[0][0][0] in {400, 401}
    assert all(one == found[0] for one in found)
    assert found[0][1] == 1


@pytest.mark.parametrize("path", ASKING)
async def test_asking_for_a_mail_looks_and_costs_the_same(
    everybody: Served, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def ask(email: str) -> httpx2.Response:
        return await everybody.client.post(path, json={"email": email})

    found = await ask_all(everybody, monkeypatch, ask)

    assert found[0][0][0] == 202
    assert all(one == found[0] for one in found)
    assert found[0][1:] == (0, 1)


@pytest.mark.parametrize("path", ASKING)
async def test_before_the_answer_the_database_hears_one_statement_that_is_the_same_for_every_address(
    everybody: Served, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    # What the courier does with it comes later, and is not waited for.
    await everybody.service.mail.stop()
    monkeypatch.setattr(everybody.service.mail, "wake", lambda: None)
    said = statements_of(everybody)
    heard: list[list[str]] = []
    for state in STATES:
        said.clear()
        answer = await everybody.client.post(path, json={"email": address(state)})
        heard.append([one for one in said if not one.startswith(("BEGIN", "COMMIT"))])

        assert answer.status_code == 202

    assert [len(statements) for statements in heard] == [1] * len(STATES)
    assert all(statements[0].startswith("INSERT INTO fastness_outbox") for statements in heard)
    assert len({tuple(statements) for statements in heard}) == 1


async def test_a_known_device_token_of_a_stranger_tells_nothing(everybody: Served) -> None:
    device = (await everybody.login("known@example.com"))["device_token"]

    answers = [
        seen(
            await everybody.client.post(
                "/auth/login",
                json={"email": address(state), "password": "not the right one at all", "device_token": device},
            )
        )
        for state in STATES
    ]

    assert all(answer == answers[0] for answer in answers)


async def test_a_wrong_code_tells_nothing_about_the_flow(everybody: Served) -> None:
    flow = (await everybody.client.post("/auth/verify-email/resend", json={"email": "known@example.com"})).json()[
        "flow"
    ]
    nobodys = (await everybody.client.post("/auth/verify-email/resend", json={"email": "no@example.com"})).json()[
        "flow"
    ]
    await everybody.service.mail.settled()

    answers = [
        seen(await everybody.client.post("/auth/verify-email", json={"code": "00000000", "flow": one}))
        for one in (flow, nobodys, "never-given")
    ]

    assert answers[0][0] == 400
    assert all(answer == answers[0] for answer in answers)
