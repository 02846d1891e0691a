"""Hosts: only named ones are answered; one-time headers come once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi import FastAPI

from by_hand import Pair, Reply, Seen, ask, nothing
from fastness.controls.hosts import Hosts, HostSettings
from fastness.core.asgi import alone
from fastness.core.errors import UnsafeConfiguration

pytestmark = pytest.mark.anyio

ATTACKS = json.loads((Path(__file__).parents[1] / "data/attacks/forwarded_headers.json").read_text(encoding="utf-8"))
ALLOWED = ("api.example.com", "*.example.org", "[2001:db8::1]")


async def answer(*headers: Pair, allowed: tuple[str, ...] = ALLOWED, version: str = "1.1") -> Reply:
    return await ask(alone(nothing, Hosts(HostSettings(allowed=allowed))), headers=headers, version=version)


@pytest.mark.parametrize(
    "host",
    ["api.example.com", "API.example.COM", "api.example.com:8443", "a.example.org", "a.b.example.org:80",
     "[2001:db8::1]", "[2001:DB8:0:0::1]:443"],
)  # fmt: skip
async def test_a_named_host_is_answered_whatever_its_case_and_port(host: str) -> None:
    assert (await answer((b"host", host.encode()))).status == 200


@pytest.mark.parametrize(
    "host",
    [
        b"", b"evil.test", b"api.example.com.evil.test", b"evilapi.example.com", b"example.org", b".example.org",
        b"api.example.com.", b"api.example.com:", b"api.example.com:99999", b"api.example.com:80:80",
        b"api.example.com:8a", b"user@api.example.com", b"api.example.com/x", b"api.example.com#", b"api.example.com?x",
        b"api.example.com, evil.test", b"api.example.com evil.test", b"api.example.com\t", b"api.example.com\n",
        b"api.example.com\x00", b"evil.test\\.example.org", b"/a.example.org", b"a..example.org", b"-.example.org",
        b"[::1]", b"[2001:db8::1", b"2001:db8::1", b"[2001:db8::1%25eth0]", b"[:::::]", "аpi.example.com".encode(),
        b"a" * 300 + b".example.org", b"*.example.org", b"xn--pi-7kc.example.com",
    ],
)  # fmt: skip
async def test_a_foreign_or_malformed_host_gets_400(host: bytes) -> None:
    reply = await answer((b"host", host))

    assert (reply.status, reply.json["code"]) == (400, "bad_host")
    assert b"evil" not in reply.body


@pytest.mark.parametrize("value", [case["value"] for case in ATTACKS if case["header"] == "Host"])
async def test_no_host_of_the_corpus_is_answered(value: str) -> None:
    reply = await answer((b"host", value.replace("{host}", "api.example.com").encode()))

    assert reply.status == 400


@pytest.mark.parametrize(
    "header", sorted({case["header"] for case in ATTACKS if "Host" in case["header"] and case["header"] != "Host"})
)
async def test_other_host_headers_change_nothing(header: str) -> None:
    good, bad = (b"host", b"api.example.com"), (b"host", b"evil.test")

    assert (await answer(good, (header.lower().encode(), b"evil.test"))).status == 200
    assert (await answer(bad, (header.lower().encode(), b"api.example.com"))).status == 400


async def test_a_request_without_host_gets_400() -> None:
    assert (await answer()).json["code"] == "bad_host"


@pytest.mark.parametrize(
    "name", [b"host", b"authorization", b"content-length", b"content-type", b"origin", b"transfer-encoding", b"cookie"]
)
async def test_a_repeated_one_time_header_gets_400(name: bytes) -> None:
    reply = await answer((b"host", b"api.example.com"), (name, b"api.example.com"), (name, b"api.example.com"))

    assert (reply.status, reply.json["code"]) == (400, "bad_request")


async def test_headers_that_are_lists_may_be_repeated_and_http2_may_split_cookies() -> None:
    host = (b"host", b"api.example.com")

    assert (await answer(host, (b"accept", b"a"), (b"accept", b"b"))).status == 200
    assert (await answer(host, (b"cookie", b"a=1"), (b"cookie", b"b=2"), version="2")).status == 200


async def test_without_a_list_only_this_machine_is_answered() -> None:
    for host in (b"localhost:8000", b"127.0.0.1", b"[::1]:8000", b"testserver"):
        assert (await answer((b"host", host), allowed=())).status == 200
    assert (await answer((b"host", b"api.example.com"), allowed=())).status == 400


async def test_a_refusal_is_an_event_and_a_good_host_is_none() -> None:
    seen = Seen()
    app = alone(nothing, Hosts(HostSettings(allowed=ALLOWED), emit=seen))

    await ask(app, headers=[(b"host", b"api.example.com")])
    await ask(app, headers=[(b"host", b"evil.test")])

    assert seen.types == ["malicious_host"]
    assert seen[0].details == {"host": "evil.test"}


async def test_a_slash_redirect_can_no_longer_be_steered() -> None:
    app = FastAPI()

    @app.get("/there")
    async def there() -> None: ...

    app.add_middleware(alone, Hosts(HostSettings(allowed=("api.example.com",))))
    reply = await ask(app, path="/there/", headers=[(b"host", b"evil.test")])

    assert reply.status == 400
    assert reply.one("location") is None


@pytest.mark.parametrize("rule", ["https://api.example.com", "api.example.com:443", "a/b", "", "*.*.com", "**", "a b"])
def test_a_rule_that_is_no_host_stops_the_start(rule: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="not a host"):
        Hosts(HostSettings(allowed=(rule,)))


def test_production_wants_a_list_that_is_not_everything() -> None:
    assert HostSettings().problems(production=True)
    assert HostSettings(allowed=("*",)).problems(production=True)
    assert HostSettings(allowed=("*",)).problems(production=False) == []
    assert HostSettings(allowed=ALLOWED).problems(production=True) == []


async def test_memory_of_good_hosts_is_bounded() -> None:
    hosts = Hosts(HostSettings(allowed=("*.example.org",)))
    app = alone(nothing, hosts)

    for number in range(1500):
        assert (await ask(app, headers=[(b"host", b"h%d.example.org" % number)])).status == 200

    assert len(hosts._good) <= 1024
