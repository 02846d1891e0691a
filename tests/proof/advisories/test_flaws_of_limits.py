"""Limits that a header, a spelling or a second window opens, and limits that lock the owner out."""

from __future__ import annotations

import asyncio
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI, Request
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from accounts.serving import PASSWORD, serving
from by_hand import LOCAL, ask
from fastness import Settings, limit, public, secure
from fastness.controls.fields import canonical_email
from fastness.core.store import MemoryStore
from proof.advisories.advisory import advisory, package
from proof.advisories.front import listening
from stores.gcra import Model
from token_forge import ATTACKS

pytestmark = pytest.mark.anyio

FORWARDED: list[dict[str, str]] = json.loads((ATTACKS / "forwarded_headers.json").read_text())
COLLISIONS: list[dict[str, Any]] = json.loads((ATTACKS / "unicode_ascii_collisions.json").read_text())
ELEMENT = "controls/proxies/element.py"
FIVE = Depends(limit("5/hour"))


def limited(*limits: Any, **parts: Any) -> FastAPI:
    """`POST /login` under five an hour by address; the answer names the headers that came through."""
    app = FastAPI()
    secure(app, Settings(environment="development"), **parts)

    @app.post("/login", dependencies=limits or [FIVE])
    @public("a sign-in")
    async def login(request: Request) -> list[str]:
        return sorted(request.headers)

    return app


def passing(where: tuple[str, int], headers: list[list[tuple[str, str]]]) -> int:
    """How many of these requests, each with its own headers, were let through."""
    with httpx2.Client(base_url=f"http://{where[0]}:{where[1]}") as http:
        return sum(http.post("/login", headers=each).status_code == 200 for each in headers)


def spoofed(name: str) -> list[list[tuple[str, str]]]:
    return [[(name, f"203.0.113.{n}")] for n in range(40)]


@advisory(
    41,
    "CVE-2025-46814",
    without=[package(ELEMENT, "if self._trusting and self.trusts(exchange):", "if exchange.headers:")],
)
@pytest.mark.parametrize(
    "server", [{}, {"proxy_headers": False}, {"forwarded_allow_ips": "*"}, {"http": "httptools"}], ids=str
)
def test_cve_2025_46814_forty_spoofed_addresses_are_one_client(server: dict[str, Any]) -> None:
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"):
        with listening(limited(), **server) as where:
            assert passing(where, spoofed(name)) == 5, name


@advisory(
    42,
    "CVE-2026-45364",
    without=[package("core/address.py", "str(IPv6Network((int(address) >> 64 << 64, 64)))", "str(address)")],
)
async def test_cve_2026_45364_one_ipv6_network_and_all_spellings_of_an_address_are_one_client() -> None:
    inside = [f"2001:db8:1:2::{n:x}" for n in range(1, 30)]
    inside += ["2001:0DB8:0001:0002:0000:0000:0000:0001", "2001:db8:1:2:ffff:ffff:ffff:ffff"]
    mapped = ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:0201", "0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"] * 3

    for spellings in (inside, mapped):
        direct, proxied = limited(), limited(proxies=["10.0.0.0/8"])
        straight = [await ask(direct, "POST", "/login", client=(each, 50_000)) for each in spellings]
        through = [
            await ask(
                proxied, "POST", "/login", client=("10.0.0.1", 5), headers=[LOCAL, (b"x-forwarded-for", each.encode())]
            )
            for each in spellings
        ]
        assert [sum(reply.status == 200 for reply in replies) for replies in (straight, through)] == [5, 5]


@advisory(
    43,
    "allauth 65: default trust of X-Forwarded-For",
    without=[
        package(
            ELEMENT,
            'default=(),\n        description=(\n            "Networks of the reverse',
            'default=("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12"),\n        description=(\n            "Networks of the reverse',
        )
    ],
)
async def test_allauth_65_default_trust_of_x_forwarded_for_nobody_is_trusted_unless_named() -> None:
    said = [(case["header"], case["value"]) for case in FORWARDED]
    # With the peer's own address and port a value reads like uvicorn's rewriting, and counts with all unknown ones.
    said = [(name, value) for name, value in said if not value.endswith(":50000")]
    said += [pair for (pair,) in spoofed("X-Forwarded-For")]

    for peer in ("127.0.0.1", "10.0.0.1", "172.17.0.1", "192.0.2.9"):
        app = limited()
        replies = [
            await ask(
                app,
                "POST",
                "/login",
                client=(peer, 50_000),
                headers=[LOCAL, (name.lower().encode(), value.encode("utf-8", "replace"))],
            )
            for name, value in said
            if name.lower() != "host"
        ]
        assert sum(reply.status == 200 for reply in replies) == 5, peer


@advisory(
    44,
    "allauth 65: two windows share a key",
    without=[package("controls/limits/buckets.py", 'f"{prefix}:{rate}:", rate', 'f"{prefix}:", rate')],
)
@settings(derandomize=True, max_examples=60, deadline=None, phases=[Phase.generate])
@given(st.lists(st.integers(0, 600), min_size=12, max_size=40))
def test_allauth_65_two_windows_share_a_key_each_window_alone_equals_the_model(pauses: list[int]) -> None:
    now = [Fraction(0)]
    store = MemoryStore(now=lambda: float(now[0]))
    app = limited(Depends(limit("3/minute")), Depends(limit("8/hour")), store=store)
    minute, hour = Model(3, Fraction(20)), Model(8, Fraction(450))

    async def replay() -> None:
        for pause in pauses:
            now[0] += pause
            expected = minute.hit("", now[0])[0] and hour.hit("", now[0])[0]
            assert ((await ask(app, "POST", "/login")).status == 200) is expected

    asyncio.run(replay())


@advisory(
    45,
    "allauth 65: equal names, other keys",
    without=[package("accounts/flows/login.py", "canonical = canonical_email(name)", "canonical = name")],
)
async def test_allauth_65_equal_names_other_keys_every_spelling_of_an_account_is_one_count(tmp_path: Path) -> None:
    address = "admin@example.com"
    spelled = [
        address, "ADMIN@example.com", "Admin@Example.COM", " admin@example.com ", "aDmin@EXAMPLE.com",
        "\uff41\uff44\uff4d\uff49\uff4e@example.com", "admin@\uff45xample.com", "adMIN@example.com", "ADMin@example.com",
    ]  # fmt: skip
    spelled += [
        address.replace(plain, case["char"], 1)
        for case in COLLISIONS
        for plain in (case["maps_to"].get("nfkc_casefold"),)
        if plain and plain in "adminexplco"
    ]

    async with serving(f"sqlite:///{tmp_path}/accounts.db", throttle={"account": "5/hour"}) as served:
        await served.account(address)
        statuses = {}
        for email in spelled:
            answer = await served.client.post("/auth/login", json={"email": email, "password": "a wrong guess, long"})
            statuses[email] = answer.status_code

    tried = [email for email, status in statuses.items() if status == 401 and canonical_email(email) == address]
    assert len(tried) == 5
    # Whatever else got an answer is another mailbox, and its count is nobody's of ours.
    assert all(status in {401, 422, 429} for status in statuses.values())


@advisory(
    46,
    "allauth 65: anonymous tries eat a user's limit",
    without=[
        package(
            "accounts/throttle.py",
            'if device is not None:\n            await self._spend("device",',
            'if device == "":\n            await self._spend("device",',
        )
    ],
)
async def test_allauth_65_anonymous_tries_eat_a_user_s_limit_a_known_device_keeps_access(tmp_path: Path) -> None:
    throttle = {"account": "5/hour", "failures": 5}
    async with serving(f"sqlite:///{tmp_path}/accounts.db", throttle=throttle) as served:
        await served.account("ada@example.com")
        device = (await served.login())["device_token"]
        wrong = {"email": "ada@example.com", "password": "a wrong guess, long"}

        guesses = [(await served.client.post("/auth/login", json=wrong)).status_code for _ in range(20)]
        stranger = await served.client.post("/auth/login", json={**wrong, "password": PASSWORD})
        owner = await served.client.post(
            "/auth/login", json={"email": "ada@example.com", "password": PASSWORD, "device_token": device}
        )

    assert guesses.count(401) == 5
    assert (stranger.status_code, owner.status_code) == (429, 200)


@advisory(49, "CVE-2026-3902", without=[package(ELEMENT, 'if b"_" in b"".join(names):', "if not names:")])
@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_cve_2026_3902_a_header_with_an_underscore_never_reaches_the_application(http: str) -> None:
    names = ["X_Forwarded_For", "X_Forwarded-Proto", "x_real_ip", "Remote_User", "SSL_CLIENT_VERIFY", "_", "a_"]

    with listening(limited(), http=http) as where, httpx2.Client(base_url=f"http://{where[0]}:{where[1]}") as client:
        came = client.post("/login", headers=[(name, "1") for name in names]).json()
        framing = [
            client.post("/login", headers={name: "5"}).status_code for name in ("Content_Length", "Transfer_Encoding")
        ]

    assert [name for name in came if "_" in name] == []
    assert framing == [400, 400]


@advisory(
    50,
    "slowapi get_ipaddr",
    without=[
        package(ELEMENT, 'if b"_" in b"".join(names):', "if not names:"),
        package(
            "controls/proxies/address.py",
            "if name == _FORWARDED_FOR]",
            'if name.replace(b"_", b"-") == _FORWARDED_FOR]',
        ),
    ],
)
def test_slowapi_get_ipaddr_x_forwarded_for_with_underscores_is_no_address() -> None:
    # The proxy sets X-Forwarded-For and lets what it does not know pass.
    headers = [[("X-Forwarded-For", "198.51.100.7"), *pair] for pair in spoofed("X_FORWARDED_FOR")]

    with listening(limited(proxies=["127.0.0.1/32"]), proxy_headers=False) as where:
        assert passing(where, headers) == 5
