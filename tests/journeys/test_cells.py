"""`fastness serve` in each cell: one count, one set of sessions and keys, whichever worker answers."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from cells import ALL, Serving, chosen, served
from controls.test_proxies import filled
from fastness.accounts.db import Database
from fastness.accounts.models import default_models
from fastness.accounts.signing import SigningKeys
from fastness.controls.tokens import SigningKey
from fastness.core.keys import KeyRing
from journeys.one_per_worker import one_per_worker
from journeys.servers import clean
from journeys.test_killed import mailed_now
from plain_http import NO_TLS
from token_forge import forged

pytestmark = [pytest.mark.anyio, pytest.mark.store, pytest.mark.timeout(300)]

PASSWORD = "violet teapot under the stairs"
FORWARDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/attacks/forwarded_headers.json").read_text()
)
ACCOUNT, ADDRESS = 5, 800
SETTINGS = {
    "FASTNESS_ACCOUNTS__UNSAFE_ALLOW_UNVERIFIED": "true",
    "FASTNESS_ACCOUNTS__THROTTLE__ACCOUNT": f"{ACCOUNT}/hour",
    "FASTNESS_ACCOUNTS__THROTTLE__ADDRESS": "10000/minute",
    "FASTNESS_LIMITS__PER_ADDRESS": f"{ADDRESS}/day",
    "FASTNESS_LIMITS__PER_USER": "",
}
"""Each test comes from an address of its own, so that none uses up another one's limit."""
HERE = chosen()
CELLS = [
    pytest.param(cell, marks=pytest.mark.workers if cell.workers > 1 else ())
    for cell in ALL
    if (cell == HERE if HERE is not None else cell.workers > 1)
]
"""The one that was chosen, else all with several workers."""
WITHIN = 1.0


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=CELLS, ids=str)
async def serving(
    anyio_backend: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Serving]:
    folder = tmp_path_factory.mktemp("cell")
    mail = {"FASTNESS_MAIL__BACKEND": "file", "FASTNESS_MAIL__FOLDER": str(folder / "outbox")}
    async with served(request.param, folder, **SETTINGS, **mail) as found:
        yield found


@pytest.fixture(scope="module")
def outbox(serving: Serving) -> Path:
    return Path(serving.environment["FASTNESS_MAIL__FOLDER"])


async def raw(url: str, lines: str, address: str) -> int:
    """The status of one request whose header lines are sent as they are, from this address of loopback."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, local_addr=(address, 0))
    head = f"GET /profile HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Connection: close\r\n\r\n"
    writer.write(head.encode("utf-8", "replace"))
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def sign_in(url: str, email: str, address: str = "127.0.0.1", password: str = "wrong") -> httpx2.Response:
    transport = httpx2.AsyncHTTPTransport(local_address=address, verify=NO_TLS)
    async with httpx2.AsyncClient(transport=transport, base_url=url, timeout=60) as http:
        return await http.post("/auth/login", json={"email": email, "password": password})


async def sign_ins(url: str, email: str, times: int, address: str) -> Counter[int]:
    # A connection each, so that the kernel spreads them over the workers.
    answers = await asyncio.gather(*(sign_in(url, email, address) for _ in range(times)))
    return Counter(answer.status_code for answer in answers)


def spoofing(case: dict[str, Any]) -> str:
    """The header lines of one case: made-up addresses where it wants them, as often as it says."""
    name, _, before = case["header"].partition(": ")
    return f"{name}: {before}{filled(case['value']).replace('{host}', '127.0.0.1')}\r\n" * int(case.get("repeat", 1))


async def test_exactly_the_limit_passes_and_no_header_gets_more(serving: Serving) -> None:
    accounts = await sign_ins(serving.url, "ada@example.com", 3 * ACCOUNT, "127.0.0.2")
    addresses = Counter(await asyncio.gather(*(raw(serving.url, "", "127.0.0.3") for _ in range(ADDRESS + 40))))
    spoofed = [(lines, await raw(serving.url, lines, "127.0.0.3")) for lines in map(spoofing, FORWARDED)]

    assert accounts == {401: ACCOUNT, 429: 2 * ACCOUNT}
    assert addresses == {401: ADDRESS, 429: 40}
    assert not any("{" in lines for lines, _ in spoofed), "a case went out unfilled"
    assert [bypass for bypass in spoofed if bypass[1] not in {400, 429}] == []


async def account(url: str, email: str) -> dict[str, Any]:
    async with httpx2.AsyncClient(base_url=url, timeout=60, verify=NO_TLS) as http:
        made = await http.post("/auth/register", json={"email": email, "password": PASSWORD, "name": "Ada"})
        assert made.status_code == 202, made.text
    answer = await sign_in(url, email, password=PASSWORD)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def statuses(clients: list[httpx2.AsyncClient], token: str) -> list[int]:
    answers = await asyncio.gather(
        *(http.get("/profile", headers={"Authorization": f"Bearer {token}"}) for http in clients)
    )
    return [answer.status_code for answer in answers]


async def until(clients: list[httpx2.AsyncClient], token: str, status: int) -> float:
    """Ask every worker until all answer so; the seconds that took."""
    began = time.monotonic()
    while set(await statuses(clients, token)) != {status}:
        assert time.monotonic() - began < 10 * WITHIN, f"never {status} everywhere"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_what_ends_in_one_worker_ends_in_all_within_a_second(serving: Serving) -> None:
    tokens = await account(serving.url, "eve@example.com")
    other = (await sign_in(serving.url, "eve@example.com", password=PASSWORD)).json()
    async with one_per_worker(serving.url, serving.workers(), "127.0.0.4") as clients:
        before = await statuses(clients, tokens["access_token"])
        ended = await clients[0].post(
            "/auth/logout", headers={"Authorization": f"Bearer {tokens['access_token']}"}, json={}
        )
        here = await statuses(clients[:1], tokens["access_token"])
        took = await until(clients, tokens["access_token"], 401)
        untouched = await statuses(clients, other["access_token"])

        renewed = await clients[-1].post("/auth/refresh", json={"refresh_token": other["refresh_token"]})
        again = await clients[0].post("/auth/refresh", json={"refresh_token": renewed.json()["refresh_token"]})
        reused = await clients[-1].post("/auth/refresh", json={"refresh_token": other["refresh_token"]})
        family = await until(clients, again.json()["access_token"], 401)

    assert set(before) == set(untouched) == {200}
    assert (ended.status_code, here) == (204, [401])
    assert (renewed.status_code, again.status_code, reused.status_code) == (200, 200, 401)
    assert max(took, family) < WITHIN


async def test_rotated_keys_reach_all_workers_within_a_second_and_old_tokens_stay_good(serving: Serving) -> None:
    old = (await account(serving.url, "bob@example.com"))["access_token"]
    async with one_per_worker(serving.url, serving.workers(), "127.0.0.5") as clients:
        assert set(await statuses(clients, old)) == {200}
        done = await asyncio.to_thread(rotate, serving)
        key, former = await stored_keys(serving)
        new = signed_again(old, key)
        took = await until(clients, new, 200)
        both = await statuses(clients, old)
        published = [
            {each["kid"] for each in (await http.get("/.well-known/jwks.json")).json()["keys"]} for http in clients
        ]
        await retire(serving, former)
        over = await until(clients, old, 401)
        after = await statuses(clients, new)

    assert done.returncode == 0, done.stderr
    assert key.kid in done.stdout
    assert set(both) == set(after) == {200}
    assert all(each == {key.kid, former} for each in published)
    assert max(took, over) < WITHIN


def rotate(serving: Serving) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("fastness"), "keys", "rotate"],
        env=clean(serving.environment), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


async def stored_keys(serving: Serving) -> tuple[SigningKey, str]:
    """The key that was added, and the name of the one before it."""
    database = Database(serving.database, default_models())
    keys = SigningKeys(database, KeyRing([serving.environment["FASTNESS_SECRET"]]))
    newest, former = list(await keys.load())
    await database.close()
    return newest, former.kid


async def retire(serving: Serving, kid: str) -> None:
    database = Database(serving.database, default_models())
    async with database.write() as work:
        await work.keys.retire(kid, time.time())
    await database.close()


def signed_again(token: str, key: SigningKey) -> str:
    """The claims of a token under another key."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return forged(payload={**claims, "jti": "by-the-new-key"}, key=key)


async def test_one_persons_story_goes_from_worker_to_worker(serving: Serving, outbox: Path) -> None:
    person = {"email": "carol@example.com", "password": PASSWORD, "name": "Carol"}
    async with one_per_worker(serving.url, serving.workers(), "127.0.0.7") as clients:
        turns = itertools.cycle(clients)
        flow = (await next(turns).post("/auth/register", json=person)).json()["flow"]
        [code] = await mailed_now(outbox, person["email"])
        proved = await next(turns).post("/auth/verify-email", json={"code": code, "flow": flow})
        once_more = await next(turns).post("/auth/verify-email", json={"code": code, "flow": flow})
        credentials = {"email": person["email"], "password": PASSWORD}
        tokens = (await next(turns).post("/auth/login", json=credentials)).json()
        who = {"Authorization": f"Bearer {tokens['access_token']}"}
        renamed = await next(turns).patch("/profile", headers=who, json={"name": "Carol C."})
        shown = [(await next(turns).get("/profile", headers=who)).json()["name"] for _ in clients]
        fresh = (await next(turns).post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
        who = {"Authorization": f"Bearer {fresh['access_token']}"}
        stranger = await next(turns).get("/users", headers=who)
        gone = await next(turns).request("DELETE", "/account", headers=who, json={"password": PASSWORD})
        took = await until(clients, fresh["access_token"], 401)
        back = await next(turns).post("/auth/login", json=credentials)

    assert (proved.status_code, once_more.status_code) == (200, 400)
    assert renamed.status_code == 200
    assert set(shown) == {"Carol C."}
    assert (stranger.status_code, gone.status_code, back.status_code) == (403, 204, 401)
    assert took < WITHIN


async def test_redis_dies_and_sign_in_stays_limited_over_all_workers(serving: Serving) -> None:
    if serving.redis is None:
        pytest.skip("this cell has no Redis to stop")
    url, redis, workers = serving.url, serving.redis, serving.cell.workers
    before = await sign_ins(url, "before@example.com", 10, "127.0.0.6")

    redis.stop()
    during = await sign_ins(url, "during@example.com", 60, "127.0.0.6")
    redis.start()
    began = time.monotonic()
    while True:
        # A new account each time: it is exact again when all workers are back.
        again = await sign_ins(url, f"{time.monotonic()}@example.com", 4 * ACCOUNT, "127.0.0.6")
        if again == {401: ACCOUNT, 429: 3 * ACCOUNT}:
            break
        assert again.keys() <= {401, 429}
        assert time.monotonic() - began < 10
    took = time.monotonic() - began

    assert before == {401: ACCOUNT, 429: 10 - ACCOUNT}
    assert during.keys() == {401, 429}
    assert during[401] <= max(1, ACCOUNT // workers) * workers
    assert took < 2.0 + 1.0  # the last round of sign-ins takes its time too
