"""Administrators manage users; nobody else sees them, and the last administrator stays."""

from __future__ import annotations

import pytest

from accounts.serving import PASSWORD, Served, bearer
from fastness.core.events import EventType

pytestmark = pytest.mark.anyio


async def test_users_are_closed_to_everybody_but_administrators(served: Served) -> None:
    user_id = await served.account("ada@example.com")
    ada = bearer(await served.login("ada@example.com"))
    calls = [
        ("GET", "/users", None),
        ("GET", f"/users/{user_id}", None),
        ("PATCH", f"/users/{user_id}", {"role": "admin"}),
        ("DELETE", f"/users/{user_id}", None),
        ("POST", f"/users/{user_id}/suspend", None),
        ("POST", f"/users/{user_id}/unsuspend", None),
    ]

    for method, path, body in calls:
        anonymous = await served.client.request(method, path, json=body)
        user = await served.client.request(method, path, json=body, headers=ada)

        assert (anonymous.status_code, user.status_code) == (401, 403), path
    assert await served.users() == 1


@pytest.mark.parametrize("role", ["admin", "super_admin"])
async def test_both_administrators_roles_open_them(served: Served, role: str) -> None:
    root = await served.signed_in("root@example.com", role=role)

    listed = await served.client.get("/users", headers=root)

    assert listed.status_code == 200
    assert set(listed.json()) == {"items", "next", "total"}
    assert set(listed.json()["items"][0]) == {"id", "email", "name", "role", "verified", "suspended", "created_at"}


async def test_the_last_administrator_stays(served: Served) -> None:
    user_id = await served.account("root@example.com", role="admin")
    root = bearer(await served.login("root@example.com"))

    refused = [
        await served.client.delete(f"/users/{user_id}", headers=root),
        await served.client.patch(f"/users/{user_id}", json={"role": "user"}, headers=root),
        await served.client.post(f"/users/{user_id}/suspend", headers=root),
        await served.client.request("DELETE", "/account", json={"password": PASSWORD}, headers=root),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(409, "last_admin")] * 4
    assert (await served.client.get("/profile", headers=root)).json()["role"] == "admin"


async def test_with_a_second_administrator_the_first_may_go(served: Served) -> None:
    first = await served.account("one@example.com", role="admin")
    two = await served.signed_in("two@example.com", role="admin")

    gone = await served.client.delete(f"/users/{first}", headers=two)

    assert gone.status_code == 204
    assert gone.content == b""
    assert EventType.USER_DELETED in served.types()


async def test_an_admin_cannot_make_or_touch_a_super_admin(served: Served) -> None:
    top = await served.account("top@example.com", role="super_admin")
    other = await served.account("ada@example.com")
    own = await served.account("root@example.com", role="admin")
    root = bearer(await served.login("root@example.com"))

    refused = [
        await served.client.patch(f"/users/{own}", json={"role": "super_admin"}, headers=root),
        await served.client.patch(f"/users/{other}", json={"role": "super_admin"}, headers=root),
        await served.client.patch(f"/users/{top}", json={"role": "user"}, headers=root),
        await served.client.patch(f"/users/{top}", json={"name": "Eve", "role": "super_admin"}, headers=root),
        await served.client.post(f"/users/{top}/suspend", headers=root),
        await served.client.delete(f"/users/{top}", headers=root),
    ]

    assert {answer.status_code for answer in refused} == {403}
    assert (await served.client.get(f"/users/{top}", headers=root)).json()["role"] == "super_admin"


async def test_only_configured_roles_can_be_given(served: Served) -> None:
    user_id = await served.account("ada@example.com")
    root = await served.signed_in("root@example.com", role="admin")

    given = await served.client.patch(f"/users/{user_id}", json={"role": "editor"}, headers=root)
    unknown = await served.client.patch(f"/users/{user_id}", json={"role": "emperor"}, headers=root)

    assert given.json()["role"] == "editor"
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_role")


async def test_an_id_of_nobody_is_404(served: Served) -> None:
    root = await served.signed_in("root@example.com", role="admin")
    for user_id in ("0", "abc", "00000000-0000-0000-0000-000000000000", "9" * 64, "A-" * 30):
        answers = [
            await served.client.get(f"/users/{user_id}", headers=root),
            await served.client.patch(f"/users/{user_id}", json={"role": "user"}, headers=root),
            await served.client.delete(f"/users/{user_id}", headers=root),
            await served.client.post(f"/users/{user_id}/suspend", headers=root),
            await served.client.post(f"/users/{user_id}/unsuspend", headers=root),
        ]

        assert {answer.status_code for answer in answers} == {404}, user_id


async def test_lists_follow_their_cursor_to_the_end_and_meet_everybody_once(served: Served) -> None:
    root = await served.signed_in("root@example.com", role="admin")
    for n in range(6):
        await served.account(f"user{n}@example.com", verified=False)

    found: list[str] = []
    query = "limit=3"
    while True:
        page = (await served.client.get(f"/users?{query}", headers=root)).json()
        found += [item["email"] for item in page["items"]]
        if page["next"] is None:
            break
        query = f"limit=3&after={page['next']}"

    assert page["total"] == 7
    assert found == sorted(found)
    assert len(found) == len(set(found)) == 7


async def test_search_is_a_prefix_and_wildcards_are_letters(served: Served) -> None:
    root = await served.signed_in("root@example.com", role="admin")
    await served.account("ada@example.com", verified=False)

    found = {
        term: [
            item["email"]
            for item in (await served.client.get("/users", params={"search": term}, headers=root)).json()["items"]
        ]
        for term in ("ad", "da@", "%", "_da", "ADA@EX")
    }

    assert found["ad"][0] == found["ADA@EX"][0] == "ada@example.com"
    assert found["%"] == found["_da"] == found["da@"] == []


async def test_a_list_out_of_bounds_is_422(served: Served) -> None:
    root = await served.signed_in("root@example.com", role="admin")
    for query in (
        "page=101&limit=100", "page=10000&limit=2", "page=0", "limit=0", "limit=101", "limit=1&limit=100",
        f"page={10**30}", "limit=ten", f"search={'a' * 101}", "unknown=1", f"after={'x' * 2000}",
    ):  # fmt: skip
        answer = await served.client.get(f"/users?{query}", headers=root)

        assert answer.status_code == 422, query


async def test_too_deep_a_page_is_pointed_to_the_cursor(served: Served) -> None:
    root = await served.signed_in("root@example.com", role="admin")

    deepest = await served.client.get("/users?page=100&limit=100", headers=root)
    deeper = await served.client.get("/users?page=101&limit=100", headers=root)

    assert deepest.status_code == 200
    assert "cursor" in deeper.text


async def test_a_forged_cursor_is_no_error_of_ours(served: Served) -> None:
    root = await served.signed_in("root@example.com", role="admin")
    for cursor in ("x", "AAAA", "eyJhIjoxfQ", "0" * 500, "..", "\x00", "WyJuIiwxLDJd", "WyJlIixudWxsLCIiXQ"):
        answer = await served.client.get("/users", params={"after": cursor}, headers=root)

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor"), cursor
