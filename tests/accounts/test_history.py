"""People read what happened to their own account and nothing else; administrators read it all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.serving import PASSWORD, Served, bearer, serving

pytestmark = pytest.mark.anyio

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


async def page(served: Served, headers: dict[str, str], path: str = "/account/events", **query: Any) -> dict[str, Any]:
    await served.service.journal.settled()
    answer = await served.client.get(path, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_story_of_an_account_is_what_its_owner_reads(served: Served) -> None:
    await served.account()
    await served.client.post("/auth/login", json={"email": "ada@example.com", "password": "wrong"}, headers=FIREFOX)
    headers = bearer(await served.login())
    changed = await served.client.post(
        "/account/password", json={"password": PASSWORD, "new_password": "another violet teapot here"}, headers=headers
    )
    assert changed.status_code in {200, 204}, changed.text
    headers = bearer(await served.login(password="another violet teapot here"))

    told = await page(served, headers)

    assert [(one["event"], one["what"]) for one in told["items"]] == [
        ("authn_login_success", "Signed in"),
        ("authn_password_change", "The password was changed"),
        ("authn_login_success", "Signed in"),
        ("authn_login_fail", "A sign-in failed"),
        ("user_updated", "The account was changed"),
        ("user_created", "The account was made"),
    ]
    assert (told["next"], told["total"]) == (None, 6)
    failed = told["items"][3]
    assert set(failed) == {"at", "event", "what", "by", "address", "device"}
    assert (failed["by"], failed["address"], failed["device"]) == ("account", "192.0.2.7", "Firefox on Linux")


async def test_pages_follow_each_other_without_gap_and_have_a_cap(served: Served) -> None:
    headers = await served.signed_in()
    for n in range(6):
        await served.client.patch("/profile", json={"name": f"Ada {n}"}, headers=headers)
    everything = (await page(served, headers, limit=100))["items"]

    walked, after = list[Any](), None
    while True:
        part = await page(served, headers, limit=2, **({} if after is None else {"after": after}))
        walked += part["items"]
        after = part["next"]
        if after is None:
            break
    too_many = await served.client.get("/account/events", params={"limit": 101}, headers=headers)

    assert walked == everything
    assert len(walked) == 9
    assert too_many.status_code == 422


async def test_nobody_reads_somebody_elses_events_nor_goes_on_in_their_list(served: Served) -> None:
    ada, eve = await served.signed_in(), await served.signed_in("eve@example.com")
    eve_id = (await served.client.get("/profile", headers=eve)).json()["id"]
    await served.client.patch("/profile", json={"name": "Eve the Second"}, headers=eve)
    evens = await page(served, eve, limit=1)

    own = await page(served, ada, limit=100)
    crossed = await served.client.get("/account/events", params={"after": evens["next"]}, headers=ada)
    forged = await served.client.get("/account/events", params={"after": "12"}, headers=ada)
    asked = await served.client.get("/account/events", params={"user": eve_id}, headers=ada)
    nobody = await served.client.get("/account/events")

    assert (own["total"], len(own["items"])) == (3, 3)
    assert {one["what"] for one in own["items"]} == {"The account was made", "The account was changed", "Signed in"}
    assert eve_id not in json.dumps(own)
    assert [(one.status_code, one.json()["code"]) for one in (crossed, forged)] == [(422, "invalid_cursor")] * 2
    assert (asked.status_code, nobody.status_code) == (422, 401)


async def test_what_an_administrator_did_is_told_without_who_and_where(served: Served) -> None:
    ada = await served.account()
    root = await served.signed_in("root@example.com", role="admin")
    root_id = (await served.client.get("/profile", headers=root)).json()["id"]
    done = await served.client.patch(f"/users/{ada}", json={"role": "editor", "name": "Ada Byron"}, headers=root)
    assert done.status_code == 200

    told = await page(served, bearer(await served.login()))

    by_root = [one for one in told["items"] if one["by"] == "administrator"]
    assert {one["event"] for one in by_root} >= {"authz_change"}
    assert {(one["address"], one["device"]) for one in by_root} == {(None, None)}
    assert root_id not in json.dumps(told)


@pytest.mark.parametrize("path", ["/admin/events", "/admin/events/export"])
async def test_only_administrators_read_everything(served: Served, path: str) -> None:
    answers = {}
    for role in ("user", "editor", "admin", "super_admin"):
        headers = await served.signed_in(f"{role}@example.com", role=role)
        answers[role] = (await served.client.get(path, headers=headers)).status_code

    assert answers == {"user": 403, "editor": 403, "admin": 200, "super_admin": 200}
    assert (await served.client.get(path)).status_code == 401


async def test_administrators_see_every_event_or_those_of_one_account(served: Served) -> None:
    ada = await served.account()
    root = await served.signed_in("root@example.com", role="admin")

    every = await page(served, root, "/admin/events", limit=5)
    more = await page(served, root, "/admin/events", limit=5, after=every["next"])
    adas = await page(served, root, "/admin/events", user=ada)
    crossed = await served.client.get("/admin/events", params={"user": ada, "after": every["next"]}, headers=root)

    seqs = [one["seq"] for one in every["items"] + more["items"]]
    assert seqs == list(range(seqs[0], seqs[0] - len(seqs), -1))
    assert {one["who"] for one in adas["items"]} == {ada}
    assert adas["items"][-1]["route"] == "/auth/register"
    assert crossed.status_code == 422


async def test_the_export_is_json_lines_and_is_an_event_itself(served: Served) -> None:
    root = await served.signed_in("root@example.com", role="admin")
    await served.service.journal.settled()

    answer = await served.client.get("/admin/events/export", headers=root)
    later = await served.client.get("/admin/events/export", params={"since": "2999-01-01T00:00:00Z"}, headers=root)
    naive = await served.client.get("/admin/events/export", params={"since": "2026-01-01T00:00:00"}, headers=root)
    await served.service.journal.settled()
    taken = await page(served, root, "/admin/events", limit=3)

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert {"datetime", "event", "level", "mac"} <= set(lines[0])
    assert (later.text, naive.status_code) == ("", 422)
    assert {"did": "export events"}.items() <= taken["items"][-1]["details"].items()


async def test_events_that_cannot_be_stored_change_no_answer_of_the_history(url: str) -> None:
    async with serving(url, events={"stored": False}) as served:
        headers = await served.signed_in()

        told = (await served.client.get("/account/events", headers=headers)).json()

    assert told == {"items": [], "next": None, "total": 0}
