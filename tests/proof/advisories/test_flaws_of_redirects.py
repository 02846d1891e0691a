"""Where a caller says where to go next: nowhere, and no server inside is asked for somebody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from accounts.serving import SECRET, Served, serving
from fastness import Settings
from fastness.controls.outbound import OutboundRefused, OutboundSettings, client
from outside import outside, says
from proof.advisories.advisory import advisory, package
from proof.advisories.front import protected
from proof.corpora import strings

pytestmark = pytest.mark.anyio

NEXT = ("next", "return_to", "redirect_uri", "url")
PATHS = ("/auth/login", "/auth/logout", "/auth/magic/redeem", "/profile", "/", "/docs")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(f"sqlite:///{tmp_path}/one.db", magic=True, login_by=["email", "username"]) as one:
        yield one


@advisory(
    56,
    "CVE-2026-40295",
    "CVE-2023-49438",
    "CVE-2021-32618",
    without=[package("accounts/app.py", ", redirect_slashes=False)", ")")],
)
async def test_cve_2026_40295_no_answer_leads_where_the_caller_says(served: Served) -> None:
    led = list[str]()
    for number, raw in enumerate(strings("open_redirect.txt")):
        text = raw.decode("latin-1")
        path = PATHS[number % len(PATHS)]
        headers = {b"referer": raw.replace(b"\r", b"")}
        for answer in (
            await served.client.get(path, params=dict.fromkeys(NEXT, text), headers=headers),
            await served.client.post(
                f"{path.rstrip('/')}/", params=dict.fromkeys(NEXT, text), headers=headers, json={}
            ),
        ):
            if 300 <= answer.status_code < 400 or "location" in answer.headers or "refresh" in answer.headers:
                led.append(f"{text!r} at {path}: {answer.status_code} {answer.headers.get('location')}")

    assert led == []


@advisory(
    57,
    "allauth 65 log, every host trusted",
    without=[package("controls/hosts.py", 'if production and "*" in self.allowed:', "if production and () in self.allowed:")],
)  # fmt: skip
async def test_allauth_65_log_every_host_trusted_starts_nothing_in_production() -> None:
    settings = Settings.model_validate({"environment": "production", "secret": [SECRET], "hosts": {"allowed": ["*"]}})

    _, secured = protected(settings=settings)

    assert "every host is allowed" in "\n".join(map(str, secured.problems()))


@advisory(
    61,
    "GHSA-5rr4-8452-hf4v",
    without=[package("controls/outbound/guard.py", "return is_public(address) or any(", "return address or any(")],
)
async def test_ghsa_5rr4_8452_hf4v_an_address_that_leads_inside_is_not_asked() -> None:
    refused, inside = 0, says(b"the metadata of this machine")
    async with outside(inside) as server:
        settings = OutboundSettings(schemes=("https", "http"), ports=(server.port,))
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "idp.example"):
            async with client(settings, resolver=_loopback) as http:
                with pytest.raises(OutboundRefused):
                    await http.get(f"http://{host}:{server.port}/.well-known/openid-configuration")
                refused += 1

    assert (refused, server.heads) == (4, [])


async def _loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]
