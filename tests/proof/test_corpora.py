"""Every corpus in every field, header, query, path and token of the account service: refused with a code, never a 5xx."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from accounts.serving import PASSWORD, Served, serving
from by_hand import Pair, Reply
from fastness.controls.problems import handlers
from fastness.core.errors import Refused
from proof.compressed import CODINGS
from proof.corpora import FILES, FOLDER, share, strings
from proof.exhaustion import OUTSIDE_ASGI, REFUSED, exhausting, packed
from proof.places import CREDENTIALS, JSON, PLACES, Asked

pytestmark = pytest.mark.anyio

EACH = 8
"""Strings of each file in each place; with all places together every small file is sent whole."""


def codes() -> set[str]:
    """Every code that a refusal may have."""

    def below(kind: type[Refused]) -> Iterator[type[Refused]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return {kind.code for kind in below(Refused)} | set(handlers._CODES.values())


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    # With origins and a proxy, so that what is said about either is looked at.
    settings = {
        "cors": {"origins": ["https://app.example.com"]},
        "proxies": {"trusted_proxies": ["203.0.113.0/24"]},
    }
    async with serving(f"sqlite+aiosqlite:///{tmp_path}/accounts.db", settings=settings) as running:
        yield running


@pytest.fixture
async def admin(served: Served) -> list[Pair]:
    headers = await served.signed_in("root@example.com", role="admin")
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def judge(reply: Reply, known: set[str], what: object) -> None:
    assert 200 <= reply.status < 500, (what, reply.status)
    assert len(reply.body) <= 4096, (what, len(reply.body))
    if reply.status >= 400:
        assert reply.one("content-type") == "application/problem+json", what
        assert reply.json["code"] in known, (what, reply.json)
        assert reply.json["status"] == reply.status
    for name, value in reply.headers:
        assert not set(value) & {0, 10, 13}, (what, name)


@pytest.mark.parametrize("name", FILES)
async def test_a_corpus_is_refused_in_every_place(served: Served, admin: list[Pair], name: str) -> None:
    known, refused, limited = codes(), 0, 0

    for position, (place, make) in enumerate(PLACES.items()):
        for number, attack in enumerate(share(name, position, EACH)):
            asked = make(attack, number * len(PLACES) + position)
            if place not in CREDENTIALS:
                asked.headers.extend(admin)
            reply = await asked.put(served.app)

            judge(reply, known, (place, attack[:100]))
            refused += reply.status >= 400
            limited += reply.status == 429

    assert refused >= len(PLACES)
    assert limited == 0, "limits answered in place of what should have been tried"


def test_every_small_corpus_is_sent_whole() -> None:
    for name in FILES:
        every = strings(name)
        sent = {text for position in range(len(PLACES)) for text in share(name, position, EACH)}

        assert every, name
        assert len(sent) == min(len(every), len(PLACES) * EACH), name


async def test_headers_of_proxies_and_caches_by_their_own_names(served: Served, admin: list[Pair]) -> None:
    known = codes()
    spoofed = json.loads((FOLDER / "forwarded_headers.json").read_text())
    names = (FOLDER / "param_miner_headers.txt").read_text().splitlines()
    pairs = [(str(case["header"]), str(case["value"])) for case in spoofed]
    pairs += [(name, "127.0.0.1") for name in names if name]

    for name, value in pairs:
        pair = (name.lower().encode("utf-8", "replace"), value.encode("utf-8", "replace"))
        judge(await Asked(headers=[*admin, pair]).put(served.app), known, pair)


async def test_malformed_json_is_refused_by_every_route_that_reads_some(served: Served, admin: list[Pair]) -> None:
    known = codes()
    routes = [
        ("POST", "/auth/register"), ("POST", "/auth/login"), ("POST", "/auth/refresh"), ("PATCH", "/profile"),
        ("POST", "/auth/verify-email"), ("DELETE", "/account"),
    ]  # fmt: skip

    for number, case in enumerate(json.loads((FOLDER / "json_parsing.json").read_text())):
        method, path = routes[number % len(routes)]
        reply = await Asked(method, path, [JSON, *admin], base64.b64decode(case["b64"])).put(served.app)

        judge(reply, known, case["name"])
        assert reply.status in {400, 422}, case["name"]


async def test_raw_requests_as_a_careless_server_would_hand_them_on(served: Served) -> None:
    known = codes()

    for case in json.loads((FOLDER / "raw_http.json").read_text()):
        head, _, body = base64.b64decode(case["raw_b64"]).partition(b"\r\n\r\n")
        line, *lines = head.replace(b"{host}", b"localhost").replace(b"{path}", b"/auth/login").split(b"\r\n")
        method, _, rest = line.partition(b" ")
        target, _, query = rest.partition(b" ")[0].partition(b"?")
        pairs = [(name.strip().lower(), value.strip()) for name, _, value in (text.partition(b":") for text in lines)]
        asked = Asked(method.decode("latin-1"), unquote(target.decode("latin-1")), pairs, body, query)

        judge(await asked.put(served.app), known, case["class"])


async def test_what_exhausts_is_refused(served: Served, admin: list[Pair]) -> None:
    known = codes()

    for case in json.loads((FOLDER / "exhaustion.json").read_text()):
        if case["kind"] in OUTSIDE_ASGI:
            continue
        asked = exhausting(case)
        asked.headers.extend(admin)
        reply = await asked.put(served.app)

        judge(reply, known, case)
        assert reply.status in REFUSED[case["kind"]], (case, reply.status)


async def test_what_is_compressed_is_never_unpacked(served: Served) -> None:
    await served.account("ada@example.com")
    right = {"email": "ada@example.com", "password": PASSWORD}

    plain = await served.client.post("/auth/login", json=right)
    replies = {coding: await packed(coding, 0, **right).put(served.app) for coding in CODINGS}

    # The right password, for whoever unpacks it.
    assert plain.status_code == 200
    assert {coding: reply.status for coding, reply in replies.items()} == dict.fromkeys(CODINGS, 400)
