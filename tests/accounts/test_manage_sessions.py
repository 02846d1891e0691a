"""People see where they are signed in, and end what they do not know; nobody else's is there for them."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.serving import PASSWORD, Served, bearer, serving

pytestmark = pytest.mark.anyio

FIREFOX = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


async def listed(served: Served, tokens: dict[str, Any], what: str = "sessions") -> list[dict[str, Any]]:
    answer = await served.client.get(f"/account/{what}", headers=bearer(tokens))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["total"], body["next"]) == (len(body["items"]), None)
    items: list[dict[str, Any]] = body["items"]
    return items


async def alive(served: Served, tokens: dict[str, Any]) -> bool:
    return (await served.client.get("/profile", headers=bearer(tokens))).status_code == 200


async def test_the_list_shows_device_address_and_which_one_is_this(served: Served) -> None:
    await served.account()
    given = {"email": "ada@example.com", "password": PASSWORD}
    first = (await served.client.post("/auth/login", json=given, headers=FIREFOX)).json()
    served.clock.ahead += 60
    second = await served.login()

    items = await listed(served, second)

    assert [(one["current"], one["device"], one["address"]) for one in items] == [
        (True, "an unknown program", "192.0.2.7"),
        (False, "Firefox on Linux", "192.0.2.7"),
    ]
    assert items[0]["methods"] == ["pwd"]
    assert not any(secret in str(items) for secret in (first["refresh_token"], second["refresh_token"]))


async def test_one_session_or_all_others_are_ended(served: Served) -> None:
    await served.account()
    one, two, three = [await served.login() for _ in range(3)]
    ids = {str(item["current"]): item["id"] for item in await listed(served, one)}
    of_two = next(item["id"] for item in await listed(served, two) if item["current"])

    ended = await served.client.delete(f"/account/sessions/{of_two}", headers=bearer(one))
    again = await served.client.delete(f"/account/sessions/{of_two}", headers=bearer(one))

    assert (ended.status_code, again.status_code) == (204, 404)
    assert [await alive(served, tokens) for tokens in (one, two, three)] == [True, False, True]
    assert (await served.client.delete("/account/sessions", headers=bearer(one))).status_code == 204
    assert [await alive(served, tokens) for tokens in (one, two, three)] == [True, False, False]
    assert [item["id"] for item in await listed(served, one)] == [ids["True"]]


async def test_sessions_and_devices_of_somebody_else_are_not_there(served: Served) -> None:
    await served.account("ada@example.com")
    await served.account("eve@example.com")
    ada, eve = await served.login("ada@example.com"), await served.login("eve@example.com")

    for what in ("sessions", "devices"):
        (theirs, *_) = await listed(served, ada, what)
        answer = await served.client.delete(f"/account/{what}/{theirs['id']}", headers=bearer(eve))

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert theirs in await listed(served, ada, what)
    assert await alive(served, ada)


async def test_a_forgotten_device_is_a_stranger_again(url: str) -> None:
    async with serving(url, throttle={"account": "3/minute"}) as served:
        await served.account()
        mine = await served.login()
        (device, verified) = await listed(served, mine, "devices")
        given = {"email": "ada@example.com", "password": PASSWORD, "device_token": mine["device_token"]}

        for _ in range(3):
            await served.client.post("/auth/login", json={**given, "device_token": None, "password": "wrong wrong"})
        known = await served.client.post("/auth/login", json=given)
        gone = await served.client.delete(f"/account/devices/{device['id']}", headers=bearer(mine))
        left = await listed(served, mine, "devices")
        stranger = await served.client.post("/auth/login", json=given)

    assert (gone.status_code, left) == (204, [verified])
    assert (known.status_code, stranger.status_code) == (200, 429)
    assert mine["device_token"] not in str(device)


async def test_all_devices_are_forgotten_at_once(served: Served) -> None:
    await served.account()
    mine = await served.login()

    assert (await served.client.delete("/account/devices", headers=bearer(mine))).status_code == 204
    assert await listed(served, mine, "devices") == []
    assert await alive(served, mine)


async def test_a_new_device_is_told_and_a_known_one_is_not(served: Served) -> None:
    await served.account()
    given = {"email": "ada@example.com", "password": PASSWORD}
    first = (await served.client.post("/auth/login", json=given, headers=FIREFOX)).json()
    notices = await served.about("A new device signed in to your account")
    await served.login(device_token=first["device_token"])

    assert len(notices) == 1
    assert "Firefox on Linux" in notices[0].text
    assert "192.0.2.7" in notices[0].text
    assert await served.about("A new device signed in to your account") == notices


async def test_notices_of_new_devices_can_be_turned_off(url: str) -> None:
    async with serving(url, new_device_notice=False) as served:
        await served.account()
        await served.login()

        assert await served.about("A new device signed in to your account") == []


async def test_an_administrator_signs_somebody_out_everywhere(served: Served) -> None:
    user_id = await served.account()
    root = await served.signed_in("root@example.com", role="admin")
    ada = await served.login()

    answer = await served.client.post(f"/users/{user_id}/sessions/revoke", headers=root)

    assert answer.status_code == 204
    assert not await alive(served, ada)
    assert await served.login()
