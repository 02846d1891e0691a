"""Mail limits: strangers who ask for mails to somebody use up none that the owner's known devices ask for."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.serving import PASSWORD, Served, bearer, serving

pytestmark = pytest.mark.anyio

ROUTES = ("/auth/password/forgot", "/auth/verify-email/resend", "/auth/restore")


async def asked(served: Served, route: str, *, cookie: str | None = None, **more: str) -> bool:
    """Whether a mail came of it. The answer is the same either way."""
    before = len(served.mails)
    headers = {} if cookie is None else {"cookie": f"__Host-device={cookie}"}
    answer = await served.client.post(route, json={"email": "ada@example.com", **more}, headers=headers)
    await served.service.mail.settled()
    served.client.cookies.clear()
    assert (answer.status_code, set(answer.json())) == (202, {"flow"})
    return len(served.mails) > before


@pytest.mark.parametrize("way", ["body", "cookie"])
@pytest.mark.parametrize("route", ROUTES)
async def test_strangers_cannot_use_up_the_mails_of_a_device_that_is_known(url: str, route: str, way: str) -> None:
    # One mail to her is the registration's.
    async with serving(url, throttle={"reset_mail": "2/day", "mail": "3/day"}) as served:
        await served.account()
        tokens = await served.login()
        if route == "/auth/restore":
            await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=bearer(tokens))
        device: dict[str, Any] = {("device_token" if way == "body" else "cookie"): tokens["device_token"]}

        strangers = [await asked(served, route) for _ in range(3)]
        forged = await asked(served, route, device_token="another")
        owner = [await asked(served, route, **device) for _ in range(2)]

    assert (strangers, forged, owner) == ([True, True, False], False, [True, True])


@pytest.mark.parametrize("route", ROUTES[:2])
async def test_a_device_of_somebody_else_is_any_stranger(url: str, route: str) -> None:
    async with serving(url, throttle={"reset_mail": "1/day", "mail": "2/day"}) as served:
        await served.account()
        await served.account("eve@example.com")
        theirs = (await served.login("eve@example.com"))["device_token"]

        mails = [await asked(served, route, device_token=theirs) for _ in range(3)]

    assert mails == [True, False, False]


@pytest.mark.parametrize("route", ROUTES)
async def test_a_known_device_has_a_limit_too(url: str, route: str) -> None:
    async with serving(url, throttle={"reset_mail": "2/day", "mail": "2/day"}) as served:
        await served.account()
        tokens = await served.login()
        if route == "/auth/restore":
            await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=bearer(tokens))

        mails = [await asked(served, route, device_token=tokens["device_token"]) for _ in range(4)]

    assert mails == [True, True, False, False]
