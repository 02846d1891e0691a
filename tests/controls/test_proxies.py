"""Client address: nobody outside chooses their own bucket, address or scheme."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import urllib.request
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest

from by_hand import LOCAL, Seen, exchange
from fastness.controls.proxies import UNKNOWN, Proxies, ProxySettings, client_key
from fastness.core.errors import BadRequest, UnsafeConfiguration
from fastness.core.exchange import Exchange

ATTACKS = json.loads((Path(__file__).parents[1] / "data/attacks/forwarded_headers.json").read_text(encoding="utf-8"))
FORWARDING = [case for case in ATTACKS if "host" not in case["header"].lower()]
PEER = ("203.0.113.7", 50_000)
PROXY = ("10.0.0.5", 50_000)
TRUSTED = ProxySettings(trusted_proxies=("10.0.0.0/8", "127.0.0.0/8", "2001:db8:ffff::/48"))


def judged(element: Proxies, *headers: tuple[str, str], **how: Any) -> Exchange:
    raw = [(name.lower().encode(), value.encode("utf-8", "surrogatepass")) for name, value in headers]
    one = exchange(headers=[LOCAL, *raw], **how)
    element.enter(one)
    return one


def filled(value: str) -> str:
    dice = random.Random(value)
    value = value.replace("{random v6 in one /64}", f"2001:db8::{dice.randrange(1, 2**16):x}")
    value = value.replace("{random v6 in one /56}", f"2001:db8:0:{dice.randrange(1, 2**8):x}::1")
    while "{random v4}" in value:
        value = value.replace("{random v4}", str(IPv4Address(dice.randrange(2**31, 2**31 + 2**24))), 1)
    return value.replace("{random v6}", str(IPv6Address(0x20010DB8 << 96 | dice.getrandbits(90))))


@pytest.mark.parametrize("case", FORWARDING, ids=lambda case: f"{case['header']}-{case['value'][:20]!r}")
def test_without_trusted_proxies_no_header_moves_bucket_address_or_scheme(case: dict[str, Any]) -> None:
    headers = [(case["header"], filled(case["value"]))] * int(case.get("repeat", 1))

    for element in (Proxies(), Proxies(TRUSTED)):
        one = judged(element, *headers, client=PEER)

        assert (one.client, one.client_key, one.scheme) == ("203.0.113.7", "203.0.113.7", "http")
        assert one.scope["client"] == PEER


@pytest.mark.parametrize("case", FORWARDING, ids=lambda case: f"{case['header']}-{case['value'][:20]!r}")
def test_behind_a_trusted_proxy_that_appends_no_header_of_the_client_moves_the_bucket(case: dict[str, Any]) -> None:
    value = filled(case["value"])
    headers = [(case["header"], value)] * int(case.get("repeat", 1))

    one = judged(Proxies(TRUSTED), *headers, ("X-Forwarded-For", "198.51.100.9"), client=PROXY)

    assert (one.client, one.client_key) == ("198.51.100.9", "198.51.100.9")


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("1.1.1.1, 198.51.100.9", "198.51.100.9"),
        ("198.51.100.9, 10.9.9.9", "198.51.100.9"),
        ("1.1.1.1, 198.51.100.9, 10.1.1.1, 10.9.9.9", "198.51.100.9"),
        ("198.51.100.9:4711", "198.51.100.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8:0:0::1", "2001:db8::1"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
        ("::ffff:10.0.0.8", "10.0.0.8"),
        ("10.0.0.8", "10.0.0.8"),
        # Junk stops the walk at the last address that a trusted proxy gave us.
        ("198.51.100.9, junk", "10.0.0.5"),
        ("198.51.100.9, junk, 10.9.9.9", "10.9.9.9"),
        ("198.51.100.9,", "10.0.0.5"),
        ("", "10.0.0.5"),
        ("198.51.100.9, 0177.0.0.1", "10.0.0.5"),
        ("198.51.100.9, 2130706433", "10.0.0.5"),
        ("198.51.100.9, 0x7f000001", "10.0.0.5"),
        ("198.51.100.9, 127.1", "10.0.0.5"),
        ("198.51.100.9, fe80::1%eth0", "10.0.0.5"),
        ('198.51.100.9, "198.51.100.8"', "10.0.0.5"),
        ("198.51.100.9, 198.51.100.8:", "10.0.0.5"),
        ("198.51.100.9, 198.51.100.8:99999999", "10.0.0.5"),
        ("198.51.100.9, [2001:db8::1", "10.0.0.5"),
        ("198.51.100.9, [198.51.100.8]", "10.0.0.5"),
        ("198.51.100.9, [2001:db8::1]x", "10.0.0.5"),
        (", ".join(["198.51.100.9", *["10.0.0.1"] * 30]), "10.0.0.1"),
    ],
)
def test_behind_a_trusted_proxy_the_chain_is_walked_right_to_left(forwarded: str, client: str) -> None:
    one = judged(Proxies(TRUSTED), ("X-Forwarded-For", forwarded), client=PROXY)

    assert one.client == client
    assert one.scope["client"][0] == client


def test_several_header_lines_are_one_list_in_order() -> None:
    one = judged(Proxies(TRUSTED), ("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "198.51.100.9"), client=PROXY)

    assert one.client == "198.51.100.9"


@pytest.mark.parametrize(
    ("said", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("http", "http"),
        ("https, http", "http"),
        ("javascript", "http"),
        ("", "http"),
    ],
)
def test_the_scheme_is_the_trusted_proxys_word(said: str, scheme: str) -> None:
    one = judged(Proxies(TRUSTED), ("X-Forwarded-Proto", said), ("X-Forwarded-For", "1.1.1.1"), client=PROXY)

    assert (one.scheme, one.scope["scheme"]) == (scheme, scheme)


def test_a_websocket_scheme_follows_too() -> None:
    one = judged(Proxies(TRUSTED), ("X-Forwarded-Proto", "https"), client=PROXY, scheme="ws")

    assert one.scheme == "wss"


def test_a_strangers_scheme_is_ignored_even_when_the_server_believed_it() -> None:
    # uvicorn sets https for X-Forwarded-Proto of a loopback peer, before any application code runs
    one = judged(Proxies(), ("X-Forwarded-Proto", "https"), client=("127.0.0.1", 40_000), scheme="https")

    assert (one.scheme, one.scope["scheme"]) == ("http", "http")


def test_real_tls_without_forwarded_headers_stays_https() -> None:
    assert judged(Proxies(), client=PEER, scheme="https").scheme == "https"


def test_a_peer_that_the_server_rewrote_means_one_shared_bucket_reported_once() -> None:
    seen = Seen()
    element = Proxies(emit=seen)

    ones = [judged(element, client=(f"198.51.100.{n}", 0), scheme="https") for n in range(5)]

    assert {(one.client, one.client_key, one.scheme) for one in ones} == {(UNKNOWN, UNKNOWN, "http")}
    assert seen.types == ["sys_proxy_untrusted"]


@pytest.mark.parametrize(
    ("client", "forwarded"),
    [
        (("198.51.100.9", 4711), "198.51.100.9:4711"),
        (("198.51.100.9", 4711), "1.1.1.1, 198.51.100.9:+4711 "),
        (("2001:db8::1", 4711), "[2001:db8::1]:4711"),
        (("_hidden", 4711), "_hidden:4711"),
    ],
)
def test_a_rewritten_peer_is_known_even_when_the_forged_address_brought_a_port(
    client: tuple[str, int], forwarded: str
) -> None:
    for element in (Proxies(), Proxies(ProxySettings(trusted_proxies=("198.51.100.0/24",)))):
        one = judged(element, ("X-Forwarded-For", forwarded), client=client, scheme="https")

        assert (one.client_key, one.scheme) == (UNKNOWN, "http")


def test_a_unix_socket_peer_shares_one_bucket_unless_unix_is_trusted() -> None:
    forwarded = ("X-Forwarded-For", "198.51.100.9")

    assert judged(Proxies(), forwarded, client=None).client_key == UNKNOWN
    trusting = Proxies(ProxySettings(trusted_proxies=("unix",)))
    assert judged(trusting, forwarded, client=None).client_key == "198.51.100.9"
    assert judged(trusting, forwarded, client=PEER).client_key == "203.0.113.7"


def test_a_rewritten_peer_is_walked_again_where_loopback_is_trusted_and_shared_elsewhere() -> None:
    forwarded = ("X-Forwarded-For", "1.1.1.1, 198.51.100.9")  # a server that takes the leftmost would say 1.1.1.1
    elsewhere = Proxies(ProxySettings(trusted_proxies=("10.0.0.0/8",)))

    assert judged(Proxies(TRUSTED), forwarded, client=("1.1.1.1", 0)).client == "198.51.100.9"
    assert judged(elsewhere, forwarded, client=("1.1.1.1", 0)).client == UNKNOWN


@pytest.mark.parametrize(
    ("forwarded", "client", "scheme"),
    [
        ("203.0.113.9:51234", "203.0.113.9", "https"),
        ("198.51.100.7, 203.0.113.9:51234", "203.0.113.9", "https"),
        ("198.51.100.7, 203.0.113.9:51234, 127.0.0.1:80", "203.0.113.9", "https"),
        ("203.0.113.9:51234, 198.51.100.7", UNKNOWN, "http"),
        ("203.0.113.9:51234, 198.51.100.7:80, 127.0.0.1", UNKNOWN, "http"),
        ("127.0.0.1, 203.0.113.9:51234, 198.51.100.7, ::1", UNKNOWN, "http"),
    ],
)
def test_who_names_their_own_port_chooses_no_address_even_where_loopback_is_trusted(
    forwarded: str, client: str, scheme: str
) -> None:
    element = Proxies(ProxySettings(trusted_proxies=("127.0.0.1/32",)))

    one = judged(
        element, ("X-Forwarded-For", forwarded), ("X-Forwarded-Proto", "https"), client=("203.0.113.9", 51_234)
    )

    assert (one.client, one.scheme) == (client, scheme)


def test_one_ipv6_network_is_one_bucket_and_mapped_addresses_are_ipv4() -> None:
    assert client_key("2001:db8:1:2::1") == client_key("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert client_key("2001:db8:1:2::1") != client_key("2001:db8:1:3::1")
    assert client_key("::ffff:198.51.100.9") == "198.51.100.9"
    assert client_key("testclient") == "testclient"
    assert judged(Proxies(), client=("2001:db8:1:2::7", 40_000)).client_key == "2001:db8:1:2::/64"
    assert judged(Proxies(), client=("::ffff:203.0.113.7", 40_000)).client_key == "203.0.113.7"


def test_a_mapped_proxy_is_the_proxy() -> None:
    one = judged(Proxies(TRUSTED), ("X-Forwarded-For", "198.51.100.9"), client=("::ffff:10.0.0.5", 40_000))

    assert one.client == "198.51.100.9"


def test_header_names_with_underscores_reach_nobody() -> None:
    one = judged(Proxies(TRUSTED), ("X_Forwarded_For", "1.1.1.1"), ("x-real_ip", "1.1.1.1"), client=PROXY)

    assert one.client == "10.0.0.5"
    assert one.scope["headers"] == [LOCAL]
    assert one.headers == dict([LOCAL])


@pytest.mark.parametrize("name", ["Transfer_Encoding", "content_length"])
def test_a_name_that_reads_as_framing_ends_the_connection(name: str) -> None:
    with pytest.raises(BadRequest) as refused:
        judged(Proxies(), (name, "chunked"), client=PROXY)

    assert refused.value.headers == {"Connection": "close"}


def test_the_outer_chain_decides_for_a_nested_one() -> None:
    outer = judged(Proxies(TRUSTED), ("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-Proto", "https"), client=PROXY)
    outer.scope["fastness"] = outer
    inner = Exchange(outer.scope, outer.receive)

    Proxies().enter(inner)

    assert (inner.client, inner.client_key, inner.scheme) == ("198.51.100.9", "198.51.100.9", "https")


@pytest.mark.parametrize(
    "entry", ["*", "0.0.0.0/0", "::/0", "0.0.0.0/1", "2000::/3", "10.0.0.1/8", "proxy", "", "10.0.0"]
)
def test_trusting_everybody_or_nonsense_stops_the_start(entry: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="trusted proxy"):
        Proxies(ProxySettings(trusted_proxies=("10.0.0.0/8", entry)))


def test_memory_is_bounded() -> None:
    element = Proxies()

    for number in range(10_050):
        judged(element, client=(f"2001:db8::{number:x}", 40_000))

    assert len(element._known) <= 10_000


SERVED = """
from fastapi import FastAPI, Request
from fastness.controls.proxies import Proxies, ProxySettings
from fastness.core.asgi import alone
from fastness.core.exchange import of

app = FastAPI()

@app.get("/")
async def who(request: Request) -> list[str]:
    exchange = of(request.scope)
    return [exchange.client_key, exchange.scheme]

app.add_middleware(alone, Proxies(ProxySettings(trusted_proxies=TRUSTED)))
"""


UNTRUSTED, WALKED = ["unknown", "http"], ["198.51.100.9", "https"]


@pytest.mark.parametrize(
    ("trusted", "expected"), [((), UNTRUSTED), (("127.0.0.0/8",), WALKED)], ids=["nobody trusted", "loopback trusted"]
)
@pytest.mark.parametrize("allowed", ["127.0.0.1", "*"])
def test_behind_uvicorns_own_trust_nobody_chooses_a_bucket(
    trusted: tuple[str, ...], expected: list[str], allowed: str, tmp_path: Path
) -> None:
    (tmp_path / "served.py").write_text(SERVED.replace("TRUSTED", repr(trusted)))
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", "0", "--forwarded-allow-ips", allowed]
    forged = ["1.1.1.1", "1.1.1.1:4711", "10.0.0.1", "[2001:db8::5]:4711", "_hidden:9", "127.0.0.1:80"]

    with subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stderr is not None
        found = next(filter(None, (re.search(r"http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)))
        answers = []
        for value in forged:
            headers = {"X-Forwarded-For": f"{value}, 198.51.100.9:4711", "X-Forwarded-Proto": "https"}
            asked = urllib.request.Request(found[0], headers=headers)
            with urllib.request.urlopen(asked, timeout=30) as answer:
                answers.append(json.load(answer))
        server.terminate()
        server.stderr.read()

    # Told to believe everybody, the server takes the farthest hop: with its port, it may be the caller's own word.
    known = [UNTRUSTED if allowed == "*" and re.search(r":\d+$", value) else expected for value in forged]
    assert answers == known
