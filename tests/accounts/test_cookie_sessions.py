"""A browser's session: signed in by a cookie, ended like every other, and never usable from another site."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from accounts.serving import PASSWORD, Clock, Served, bearer, serving
from accounts.statements import statements_of
from fastness.accounts.mail import MemoryMailer
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio

NAME = "__Host-session"
SAME = {"sec-fetch-site": "same-origin"}
ADA = {"email": "ada@example.com", "password": PASSWORD}


@contextlib.asynccontextmanager
async def browsing(served: Served) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser with cookies of its own, on a page of ours."""
    transport = httpx2.ASGITransport(app=served.app, raise_app_exceptions=False, client=("192.0.2.7", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="https://localhost", headers=SAME) as client:
        yield client


async def sign_in(browser: httpx2.AsyncClient, **more: Any) -> dict[str, str]:
    """Sign in with a cookie; the header that requests which change something need."""
    answer = await browser.post("/auth/login?mode=cookie", json={**ADA, **more})
    assert answer.status_code == 200, answer.text
    return {"x-csrf-token": answer.json()["csrf_token"]}


def code(answer: httpx2.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else None


async def test_a_browser_signs_in_acts_and_signs_out(served: Served) -> None:
    await served.account()

    async with browsing(served) as browser:
        answer = await browser.post("/auth/login?mode=cookie", json=ADA)
        csrf = {"x-csrf-token": answer.json()["csrf_token"]}
        shown = await browser.get("/profile")
        renamed = await browser.patch("/profile", json={"name": "Countess"}, headers=csrf)
        value = browser.cookies[NAME]
        left = await browser.post("/auth/logout", headers=csrf)
        gone = await browser.get("/profile", headers={"cookie": f"{NAME}={value}"})

    cookie = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(NAME))
    assert cookie.partition("; ")[2] == "Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert set(answer.json()) == {"expires_in", "csrf_token"}
    assert value not in answer.text
    assert shown.json()["email"] == "ada@example.com"
    assert renamed.json()["name"] == "Countess"
    assert left.status_code == 204
    assert left.headers["clear-site-data"] == '"cache","cookies","storage"'
    assert left.headers["set-cookie"].startswith(f"{NAME}=; Max-Age=0; Path=/;")
    assert gone.status_code == 401
    assert {EventType.AUTHN_LOGIN_SUCCESS, EventType.SESSION_CREATED, EventType.SESSION_LOGOUT} <= set(served.types())


@pytest.mark.parametrize(
    "foreign",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site", "origin": "https://blog.localhost"},
     {"sec-fetch-site": "cross-site", "origin": "null"}],
)  # fmt: skip
async def test_another_site_can_neither_act_nor_sign_anybody_in(served: Served, foreign: dict[str, str]) -> None:
    await served.account()

    async with browsing(served) as browser:
        csrf = await sign_in(browser)
        acted = await browser.patch("/profile", json={"name": "Eve"}, headers={**csrf, **foreign})
        left = await browser.post("/auth/logout-all", headers={**csrf, **foreign})
        browser.cookies.clear()
        login = await browser.post("/auth/login?mode=cookie", json=ADA, headers=foreign)
        renewed = await browser.post("/auth/refresh?mode=cookie", headers=foreign)

    assert [code(each) for each in (acted, left, login, renewed)] == [(403, "cross_site_request")] * 4
    assert "set-cookie" not in login.headers


async def test_every_route_that_changes_something_asks_a_cookie_for_its_token(served: Served) -> None:
    await served.account()
    public = {"/auth/register", "/auth/verify-email", "/auth/verify-email/resend", "/auth/token"}
    opening = {"/auth/login", "/auth/refresh"}

    async with browsing(served) as browser:
        await sign_in(browser)
        for rule in served.app.state.fastness.gate.current().all:
            for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
                if rule.path not in opening:
                    answer = await browser.request(method, rule.path.replace("{user_id}", "x"), json={})
                    assert code(answer) == (403, "csrf_token"), (method, rule.path)
        assert public <= {rule.path for rule in served.app.state.fastness.gate.current().all}


async def test_a_token_mode_sign_in_needs_no_origin_and_sets_no_cookie(served: Served) -> None:
    await served.account()

    tokens = await served.client.post("/auth/login", json=ADA, headers={"sec-fetch-site": "cross-site"})

    assert tokens.status_code == 200
    assert "access_token" in tokens.json()
    assert "set-cookie" not in tokens.headers


async def test_the_id_is_new_at_every_sign_in_and_the_session_before_ends(served: Served) -> None:
    await served.account()

    async with browsing(served) as browser:
        browser.cookies.set(NAME, "c." + "A" * 67, domain="localhost.local", path="/")
        await sign_in(browser)
        first = browser.cookies[NAME]
        await sign_in(browser)
        second = browser.cookies[NAME]
        old = await browser.get("/profile", headers={"cookie": f"{NAME}={first}"})
        new = await browser.get("/profile", headers={"cookie": f"{NAME}={second}"})

    assert len({first, second, "c." + "A" * 67}) == 3
    assert (old.status_code, new.status_code) == (401, 200)


async def test_a_refresh_gives_a_new_id_for_the_same_session(served: Served) -> None:
    await served.account()

    async with browsing(served) as browser:
        csrf = await sign_in(browser)
        first = browser.cookies[NAME]
        renewed = await browser.post("/auth/refresh?mode=cookie")
        second = browser.cookies[NAME]
        on_its_way = await browser.get("/profile", headers={"cookie": f"{NAME}={first}"})
        acted = await browser.patch("/profile", json={"name": "A"}, headers=csrf)
        with_new = await browser.patch(
            "/profile", json={"name": "A"}, headers={"x-csrf-token": renewed.json()["csrf_token"]}
        )
        served.clock.ahead += 11
        late = await browser.get("/profile", headers={"cookie": f"{NAME}={first}"})
        current = await browser.get("/profile")

    assert first != second
    assert second not in renewed.text
    assert [each.status_code for each in (on_its_way, acted, with_new, late, current)] == [200, 200, 200, 401, 200]
    assert EventType.SESSION_RENEWED in served.types()


async def test_an_id_that_was_replaced_ends_the_session_when_it_is_renewed_again(served: Served) -> None:
    await served.account()

    async with browsing(served) as thief, browsing(served) as victim:
        await sign_in(victim)
        thief.cookies.set(NAME, victim.cookies[NAME], domain="localhost.local", path="/")
        assert (await thief.post("/auth/refresh?mode=cookie")).status_code == 200
        served.clock.ahead += 11
        noticed = await victim.post("/auth/refresh?mode=cookie")
        thiefs = await thief.get("/profile")

    assert code(noticed) == (401, "invalid_refresh_token")
    assert thiefs.status_code == 401
    assert EventType.AUTHN_TOKEN_REUSE in served.types()


async def test_fifty_renewals_at_once_give_one_successor(served: Served) -> None:
    await served.account()

    async with browsing(served) as browser:
        await sign_in(browser)
        cookie = {"cookie": f"{NAME}={browser.cookies[NAME]}"}
        answers = await asyncio.gather(*(browser.post("/auth/refresh?mode=cookie", headers=cookie) for _ in range(50)))

    # Who waits too long for the lock is told so; Max-Age counts down while they wait.
    renewed = [answer for answer in answers if answer.status_code != 503]
    assert {answer.status_code for answer in renewed} == {200}
    assert len({answer.cookies[NAME] for answer in renewed}) == 1


async def test_a_cookie_is_no_refresh_token_and_a_refresh_token_is_no_cookie(served: Served) -> None:
    await served.account()
    refresh_token = (await served.login())["refresh_token"]

    async with browsing(served) as browser:
        await sign_in(browser)
        cookie = browser.cookies[NAME]
        browser.cookies.clear()
        for spelling in (cookie, cookie.removeprefix("c.")):
            assert code(await browser.post("/auth/refresh", json={"refresh_token": spelling})) == (
                401, "invalid_refresh_token",
            )  # fmt: skip
        for spelling in (refresh_token, f"c.{refresh_token}"):
            assert (await browser.get("/profile", headers={"cookie": f"{NAME}={spelling}"})).status_code == 401
            renewed = await browser.post("/auth/refresh?mode=cookie", headers={"cookie": f"{NAME}={spelling}"})
            assert code(renewed) == (401, "invalid_refresh_token")
        assert (await browser.get("/profile", headers={"cookie": f"{NAME}={cookie}"})).status_code == 200


@pytest.mark.parametrize("ending", ["logout-all", "suspend", "delete", "role"])
async def test_what_ends_other_sessions_ends_a_browsers_at_once(served: Served, ending: str) -> None:
    user = await served.account()
    admin = await served.signed_in("admin@example.com", role="admin")

    async with browsing(served) as browser:
        await sign_in(browser)
        assert (await browser.get("/profile")).status_code == 200
        match ending:
            case "logout-all":
                await served.client.post("/auth/logout-all", headers=bearer(await served.login()))
            case "suspend":
                await served.client.post(f"/users/{user}/suspend", headers=admin)
            case "delete":
                await served.client.delete(f"/users/{user}", headers=admin)
            case _:
                await served.client.patch(f"/users/{user}", json={"role": "admin"}, headers=admin)
        shown, managed = await browser.get("/profile"), await browser.get("/users")

    # A new role ends no session: the account is read again, and the role counts from this request on.
    assert (shown.status_code, managed.status_code) == ((200, 200) if ending == "role" else (401, 401))


async def test_a_deleted_account_leaves_nothing_in_the_browser(served: Served) -> None:
    await served.account()

    async with browsing(served) as browser:
        csrf = await sign_in(browser)
        answer = await browser.request("DELETE", "/account", json={"password": PASSWORD}, headers=csrf)

    assert answer.status_code == 204
    assert answer.headers["set-cookie"].startswith(f"{NAME}=; Max-Age=0;")


async def test_memory_answers_between_two_readings_and_reading_keeps_the_session_alive(served: Served) -> None:
    await served.account()

    async with browsing(served) as browser:
        await sign_in(browser)
        await browser.get("/profile")
        await served.service.mail.settled()  # the notice of the new device goes out beside us
        said = statements_of(served)
        await browser.get("/auth/csrf")
        assert said == []
        for _ in range(9):  # idle is seven days: used every day, it is never idle
            served.clock.ahead += 86_400
            assert (await browser.get("/profile")).status_code == 200
        served.clock.ahead += 8 * 86_400
        idle = await browser.get("/profile")

    assert idle.status_code == 401


async def test_an_account_that_was_suspended_by_hand_is_nobody_at_the_next_reading(served: Served) -> None:
    user = await served.account()

    async with browsing(served) as browser:
        await sign_in(browser)
        async with served.service.db.write() as work:
            await work.users.suspend(user, now=served.clock.wall())
        shown = await browser.get("/profile")

    assert shown.status_code == 401


async def test_renewals_from_one_address_are_limited(url: str) -> None:
    async with serving(url, throttle={"refresh_address": "2/minute"}) as served:
        await served.account()
        async with browsing(served) as browser:
            await sign_in(browser)
            statuses = [(await browser.post("/auth/refresh?mode=cookie")).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


async def test_memory_outlives_no_session(url: str) -> None:
    async with serving(url, session_idle=60) as served:
        await served.account()
        async with browsing(served) as browser:
            await sign_in(browser)
            assert (await browser.get("/profile")).status_code == 200
            served.clock.ahead += 61
            await served.service.feed.poll()  # nothing was revoked: the time alone is over
            idle = await browser.get("/profile")

    assert idle.status_code == 401


async def test_no_use_keeps_a_session_beyond_its_end(url: str) -> None:
    async with serving(url, session_idle=3600, session_absolute=7200) as served:
        await served.account()
        async with browsing(served) as browser:
            await sign_in(browser)
            statuses = []
            for _ in range(5):
                served.clock.ahead += 1790
                statuses.append((await browser.get("/profile")).status_code)

    assert statuses == [200, 200, 200, 200, 401]


async def test_a_csrf_token_can_be_asked_for_again_and_a_bearer_caller_needs_none(served: Served) -> None:
    await served.account()
    tokens = await served.login()

    async with browsing(served) as browser:
        await sign_in(browser)
        token = (await browser.get("/auth/csrf")).json()["csrf_token"]
        acted = await browser.patch("/profile", json={"name": "A"}, headers={"x-csrf-token": token})
    needless = await served.client.get("/auth/csrf", headers=bearer(tokens))

    assert acted.status_code == 200
    assert needless.json() == {"csrf_token": ""}


async def test_a_cookie_and_somebody_elses_token_in_one_request_are_refused(served: Served) -> None:
    await served.account()
    mine, other = bearer(await served.login()), await served.signed_in("eve@example.com")

    async with browsing(served) as browser:
        await sign_in(browser)
        same = await browser.patch("/profile", json={"name": "A"}, headers=mine)
        two = await browser.get("/profile", headers=other)
        twice = await browser.get(
            "/profile", headers={"cookie": f"{NAME}=c.{'A' * 67}; {NAME}={browser.cookies[NAME]}"}
        )

    assert same.status_code == 200
    assert code(two) == (400, "two_identities")
    assert code(twice) == (400, "repeated_session_cookie")


async def test_a_device_that_signed_in_by_cookie_is_known_at_the_next_sign_in(url: str) -> None:
    slow = {"account": "2/minute", "device": "2/minute"}
    async with serving(url, throttle=slow) as served:
        await served.account()
        async with browsing(served) as browser, browsing(served) as stranger:
            await sign_in(browser)
            device = browser.cookies["__Host-device"]
            for _ in range(3):
                spent = await stranger.post("/auth/login?mode=cookie", json={**ADA, "password": "wrong wrong wrong"})
            known = await browser.post("/auth/login?mode=cookie", json=ADA)
            written = next(line for line in known.headers.get_list("set-cookie") if "__Host-device" in line)

    assert spent.status_code == 429
    assert known.status_code == 200
    assert device in written
    assert written.endswith("Path=/; SameSite=strict; Secure")


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "c." + "A" * 67, "c." + "A" * 66, "A" * 67, "c." + "%00" * 20, "c.\x00" + "A" * 66, "é" * 40, "=" * 69],
)
async def test_nonsense_in_the_cookie_is_nobody_and_never_an_error(served: Served, cookie: str) -> None:
    headers = {b"cookie": f"{NAME}={cookie}".encode(), b"sec-fetch-site": b"same-origin"}

    shown = await served.client.get("/profile", headers=headers)
    renewed = await served.client.post("/auth/refresh?mode=cookie", headers=headers)
    health = await served.client.get("/health", headers=headers)

    assert (shown.status_code, renewed.status_code, health.status_code) == (401, 401, 200)


async def test_every_request_reads_the_session_when_it_is_so_configured(url: str) -> None:
    async with serving(url, session_check="every_request") as served:
        await served.account()
        async with browsing(served) as browser:
            await sign_in(browser)
            said = statements_of(served)
            await browser.get("/auth/csrf")

    assert sum("fastness_sessions" in statement for statement in said) == 1


async def test_another_worker_lets_go_of_an_ended_session_and_of_a_replaced_id_within_a_poll(url: str) -> None:
    clock = Clock()
    mailbox = MemoryMailer()  # whichever process sends a mail
    async with (
        serving(url, mailer=mailbox, clock=clock, refresh_grace=0) as one,
        serving(url, mailer=mailbox, clock=clock, refresh_grace=0) as other,
    ):
        await one.account()
        async with browsing(one) as here, browsing(other) as there:
            await sign_in(here)
            first = {"cookie": f"{NAME}={here.cookies[NAME]}"}
            assert (await there.get("/profile", headers=first)).status_code == 200
            await here.post("/auth/refresh?mode=cookie")
            await other.service.feed.poll()
            replaced = await there.get("/profile", headers=first)
            second = {"cookie": f"{NAME}={here.cookies[NAME]}"}
            good = await there.get("/profile", headers=second)
            csrf = {"x-csrf-token": (await here.get("/auth/csrf")).json()["csrf_token"]}
            assert (await here.post("/auth/logout", headers=csrf)).status_code == 204
            await other.service.feed.poll()
            ended = await there.get("/profile", headers=second)

    assert [each.status_code for each in (replaced, good, ended)] == [401, 200, 401]


async def test_without_cookie_sessions_the_mode_says_so(served: Served) -> None:
    served.service.cookie = None

    login = await served.client.post("/auth/login?mode=cookie", json=ADA, headers=SAME)
    refresh = await served.client.post("/auth/refresh?mode=cookie", headers=SAME)

    assert [code(each) for each in (login, refresh)] == [(400, "not_available")] * 2
