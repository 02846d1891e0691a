"""Requests to other servers cannot be pointed inside, and what comes back has limits."""

# ruff: noqa: SIM117 - a client inside its server reads better than one line of both

from __future__ import annotations

import asyncio
import codecs
import encodings.aliases
import gzip
import ssl
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from by_hand import Seen
from fastness import Settings, secure
from fastness.controls.outbound import (
    OutboundAnswerRefused,
    OutboundClient,
    OutboundError,
    OutboundFailed,
    OutboundRefused,
    OutboundSettings,
    OutboundTimeout,
    OutboundTransport,
    client,
)
from fastness.controls.outbound.answer import readable
from fastness.core.errors import UnsafeConfiguration
from outside import LOOPBACK, Names, authority, outside, redirects, says, writes

pytestmark = pytest.mark.anyio

ATTACKS = Path(__file__).parents[1] / "data" / "attacks" / "ssrf_urls.txt"
URLS = [line for line in ATTACKS.read_text().split("\n") if line]
# Names that lead to loopback in the public DNS.
INSIDE = Names(
    **{"127_0_0_1_nip_io": [["127.0.0.1"]], "localtest_me": [["127.0.0.1", "::1"]], "lvh_me": [["127.0.0.1"]]}
)


async def unreachable(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


def local(*ports: int, **more: Any) -> OutboundSettings:
    """Settings that may ask the servers of this test."""
    given: dict[str, Any] = {"schemes": ("https", "http"), "ports": ports, "unsafe_allow_networks": (LOOPBACK,), **more}
    return OutboundSettings(**given)


@pytest.fixture
async def names() -> Names:
    return Names(a_test=[["127.0.0.1"]], b_test=[["127.0.0.1"]])


async def fetched(http: OutboundClient, url: str, **how: Any) -> httpx2.Response:
    async with http:
        return await http.get(url, **how)


@pytest.mark.parametrize("url", URLS)
async def test_a_url_of_the_corpus_is_refused_and_nothing_is_sent(url: str) -> None:
    seen = Seen()
    open_wide = OutboundSettings(schemes=("https", "http"), ports=(80, 443, 22, 8000))

    with pytest.raises(OutboundRefused) as refused:
        await fetched(client(open_wide, resolver=INSIDE, emit=seen), url)

    assert seen.types == ["malicious_outbound"]
    assert "127.0.0.1" not in str(refused.value)
    assert "127.0.0.1" not in refused.value.public


@pytest.mark.parametrize("url", URLS)
async def test_the_transport_refuses_the_corpus_under_a_plain_client_too(url: str) -> None:
    settings = OutboundSettings(schemes=("https", "http"), ports=(80, 443, 22, 8000))

    async with httpx2.AsyncClient(transport=OutboundTransport(settings, resolver=INSIDE), trust_env=False) as http:
        with pytest.raises((OutboundRefused, httpx2.InvalidURL)):
            await http.get(url, follow_redirects=True)


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("http://a.test/", OutboundSettings()),
        ("https://a.test:8443/", OutboundSettings()),
        ("https://user:secret@a.test/", OutboundSettings()),
        ("https://a.test/", OutboundSettings(hosts=("b.test", "*.b.test"))),
        ("https://xb.test/", OutboundSettings(hosts=("b.test", "*.b.test"))),
        ("https://a.test/" + "x" * 2100, OutboundSettings()),
        ("https://a.test./", OutboundSettings()),
        ("https://bad_name.test/", OutboundSettings()),
        ("", OutboundSettings()),
        ("https://", OutboundSettings()),
        ("/relative", OutboundSettings()),
    ],
)
async def test_a_url_that_the_settings_do_not_allow_is_not_even_looked_up(url: str, settings: OutboundSettings) -> None:
    with pytest.raises(OutboundRefused):
        await fetched(client(settings, resolver=unreachable), url)


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["127.0.0.1", "10.0.0.1"],
        ["::1"],
        ["fe80::1%lo"],
        ["169.254.169.254"],
        ["::ffff:10.0.0.1"],
        [],
        ["x"],
    ],
)
async def test_one_private_address_condemns_the_name(addresses: list[str]) -> None:
    names = Names(a_test=[addresses])

    with pytest.raises(OutboundRefused):
        await fetched(client(local(443, unsafe_allow_networks=("127.0.0.0/8",)), resolver=names), "https://a.test/")


async def test_a_metadata_address_stays_closed_in_an_opened_network() -> None:
    settings = OutboundSettings(unsafe_allow_networks=("100.64.0.0/10", "192.0.0.0/24", "fd00::/8", "64:ff9b::/96"))

    for address in (
        "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd00:c1::a9fe:a9fe",
        "fd00:42::42", "fd00:100::100:200", "fd00:a9fe:a9fe::1", "fd20:ce::254", "64:ff9b::a9fe:aa17",
    ):  # fmt: skip
        with pytest.raises(OutboundRefused):
            await fetched(client(settings, resolver=Names(a_test=[[address]])), "https://a.test/")


async def test_the_connection_goes_to_the_checked_address_and_there_is_no_second_look_up() -> None:
    # Rebinding: the second answer would be another address.
    names = Names(a_test=[["127.0.0.1"], ["127.0.0.2"]])
    async with outside(says(b"first")) as server:
        answer = await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/x?y=1")

    assert answer.text == "first"
    assert names.asked == ["a.test"]
    assert server.peers == ["127.0.0.1"]
    assert server.heads[0].startswith(b"GET /x?y=1 HTTP/1.1\r\nHost: a.test:%d\r\n" % server.port)


async def test_a_name_that_turns_private_between_two_requests_is_refused() -> None:
    names = Names(a_test=[["127.0.0.1"], ["10.0.0.1"]])
    async with outside(says(fields=["Connection: close"])) as server:
        async with client(local(server.port), resolver=names) as http:
            assert (await http.get(f"http://a.test:{server.port}/")).status_code == 200
            with pytest.raises(OutboundRefused):
                await http.get(f"http://a.test:{server.port}/")

    assert len(server.heads) == 1


async def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    async with outside(says(), host="127.0.0.2") as server:
        names = Names(a_test=[["127.0.0.1", "127.0.0.2"]])
        answer = await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/")

    assert answer.status_code == 200


async def test_tls_is_checked_for_the_name_although_the_address_is_pinned(tmp_path: Path, names: Names) -> None:
    serving, trusting = authority(tmp_path, "a.test")
    async with outside(says(b"secret"), tls=serving) as server:
        settings = local(server.port)
        good = await fetched(client(settings, resolver=names, tls=trusting), f"https://a.test:{server.port}/")
        with pytest.raises(OutboundFailed, match="certificate"):
            await fetched(client(settings, resolver=names, tls=trusting), f"https://b.test:{server.port}/")
        with pytest.raises(OutboundFailed, match="certificate"):
            await fetched(client(settings, resolver=names), f"https://a.test:{server.port}/")
        with pytest.raises(OutboundFailed, match="certificate"):
            # An extension of httpx2 would check the certificate for another name.
            await fetched(
                client(settings, resolver=names, tls=trusting),
                f"https://b.test:{server.port}/",
                extensions={"sni_hostname": "a.test"},
            )

    assert good.text == "secret"
    assert server.names == ["a.test", "b.test", "a.test", "b.test"]
    assert len(server.heads) == 1


def test_a_context_that_verifies_nothing_is_refused() -> None:
    careless = ssl.create_default_context()
    careless.check_hostname = False

    with pytest.raises(UnsafeConfiguration, match="certificates"):
        client(tls=careless)


async def test_a_redirect_is_returned_and_not_followed_by_default(names: Names) -> None:
    async with outside(redirects("http://169.254.169.254/")) as server:
        answer = await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/")

    assert answer.status_code == 302


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://10.0.0.1/", "file:///etc/passwd", "//10.0.0.1/",
        "gopher://127.0.0.1:6379/_x", "http://2130706433/", "http://user@b.test/", "http://c.test/", "http://a.test:1/",
        "http:\\\\10.0.0.1", "http://[bad", "ws://b.test/",
    ],
)  # fmt: skip
async def test_each_redirect_is_checked_like_a_first_request(location: str) -> None:
    names = Names(a_test=[["127.0.0.1"]], c_test=[["10.0.0.1"]])
    async with outside(redirects(location), says(b"inside")) as server:
        with pytest.raises(OutboundError):
            await fetched(client(local(server.port, 80, redirects=3), resolver=names), f"http://a.test:{server.port}/")

    assert len(server.heads) == 1


async def test_a_redirect_is_followed_as_often_as_the_settings_say(names: Names) -> None:
    async with outside(redirects("/two"), redirects("/three"), says(b"there")) as server:
        answer = await fetched(client(local(server.port, redirects=2), resolver=names), f"http://a.test:{server.port}/")
    async with outside(redirects("/again")) as turning:
        with pytest.raises(OutboundAnswerRefused, match="too often"):
            await fetched(client(local(turning.port, redirects=2), resolver=names), f"http://a.test:{turning.port}/")

    assert (answer.text, len(answer.history)) == ("there", 2)
    assert len(turning.heads) == 3


async def test_credentials_stay_with_the_origin_they_were_meant_for(names: Names) -> None:
    async with outside(says(b"there")) as other:
        async with outside(redirects("/own"), redirects(f"http://b.test:{other.port}/")) as first:
            http = client(local(first.port, other.port, redirects=3), resolver=names, headers={"X-Api-Key": "k3y"})
            url = f"http://a.test:{first.port}/"
            answer = await fetched(http, url, auth=("ada", "pw"), headers={"Accept": "text/plain", "Cookie": "s=1"})

    assert answer.text == "there"
    for name in (b"x-api-key", b"authorization", b"cookie"):
        assert name in first.heads[0].lower()
        assert name not in other.heads[0].lower()
    assert b"authorization" in first.heads[1].lower()
    assert b"Accept: text/plain" in other.heads[0]
    assert b"Host: b.test:%d" % other.port in other.heads[0]


async def test_a_body_does_not_follow_a_redirect_to_another_origin(names: Names) -> None:
    async with outside(says()) as other, outside(redirects(f"http://b.test:{other.port}/", "307 X")) as first:
        async with client(local(first.port, other.port, redirects=3), resolver=names) as http:
            with pytest.raises(OutboundRefused, match="body"):
                await http.post(f"http://a.test:{first.port}/", content=b"secret")

    assert other.heads == []


async def test_a_redirect_away_from_tls_is_refused(tmp_path: Path, names: Names) -> None:
    serving, trusting = authority(tmp_path, "a.test")
    async with outside(says()) as plain, outside(redirects(f"http://a.test:{plain.port}/"), tls=serving) as first:
        settings = local(first.port, plain.port, redirects=3)
        with pytest.raises(OutboundRefused, match="leaves TLS"):
            await fetched(client(settings, resolver=names, tls=trusting), f"https://a.test:{first.port}/")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(b"\0" * 10**6))
        + gzip.compress(b"\0" * 10**6),
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
    ],
    ids=["announced", "until close", "chunked", "unpacked", "redirect", "error"],
)
async def test_an_answer_that_is_too_large_is_cut_off(names: Names, raw: bytes) -> None:
    seen = Seen()
    async with outside(writes(raw)) as server:
        with pytest.raises(OutboundAnswerRefused, match="too large"):
            await fetched(
                client(local(server.port, max_bytes=4096), resolver=names, emit=seen), f"http://a.test:{server.port}/"
            )

    assert seen.types == ["malicious_outbound"]


async def test_a_compressed_answer_within_the_limit_is_unpacked(names: Names) -> None:
    packed = gzip.compress(b"hello " * 500)
    async with outside(says(packed, fields=["Content-Encoding: gzip"])) as server:
        answer = await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/")

    assert answer.content == b"hello " * 500
    assert b"Accept-Encoding: gzip\r\n" in server.heads[0]


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate", "zstd"])
async def test_an_encoding_that_was_not_asked_for_is_refused(names: Names, encoding: str) -> None:
    async with outside(says(b"x", fields=[f"Content-Encoding: {encoding}"])) as server:
        with pytest.raises(OutboundAnswerRefused, match="encoding"):
            await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/")


async def test_an_answer_of_another_type_is_refused(names: Names) -> None:
    handlers = says(b"{}", fields=["Content-Type: Application/JSON; charset=utf-8"]), says(b"<html>"), says(fields=[])
    async with outside(*handlers) as server:
        settings = local(server.port, content_types=("application/json", "image/*"))
        async with client(settings, resolver=names) as http:
            assert (await http.get(f"http://a.test:{server.port}/")).json() == {}
            for _ in range(2):
                with pytest.raises(OutboundAnswerRefused, match="type"):
                    await http.get(f"http://a.test:{server.port}/")


@pytest.mark.parametrize(
    "type_",
    ["image/png, text/html", "image/png; a=b, text/html", "image/png\r\nContent-Type: text/html", "text/html\r\nContent-Type: image/png"],
)  # fmt: skip
async def test_an_answer_of_two_types_is_of_neither(names: Names, type_: str) -> None:
    async with outside(says(b"<script>", fields=[f"Content-Type: {type_}"])) as server:
        with pytest.raises(OutboundAnswerRefused, match="type"):
            await fetched(
                client(local(server.port, content_types=("image/*",)), resolver=names), f"http://a.test:{server.port}/"
            )


@pytest.mark.parametrize(
    "status", ["205 Reset Content", "300 Multiple Choices", "302 Found", "307 X", "206 X", "404 X"]
)
@pytest.mark.parametrize("more", [[], ["Location: /two"]])
@pytest.mark.parametrize("followed", [0, 2])
async def test_no_status_lets_another_type_in(names: Names, status: str, more: list[str], followed: int) -> None:
    fields = ["Content-Type: text/html", *more]
    async with outside(says(b"<script>", status=status, fields=fields)) as server:
        settings = local(server.port, content_types=("image/*",), redirects=followed)
        async with client(settings, resolver=names) as http:
            for follow in (True, False) if followed else (False,):
                with pytest.raises(OutboundAnswerRefused):
                    await http.get(f"http://a.test:{server.port}/", follow_redirects=follow)


async def test_a_redirect_that_is_followed_may_be_of_any_type(names: Names) -> None:
    page = says(b"<a>", status="302 Found", fields=["Location: /image", "Content-Type: text/html"])
    async with outside(page, says(b"png", fields=["Content-Type: image/png"])) as server:
        settings = local(server.port, content_types=("image/*",), redirects=1)
        answer = await fetched(client(settings, resolver=names), f"http://a.test:{server.port}/")

    assert answer.content == b"png"


@pytest.mark.parametrize(
    "charset",
    [
        *("zlib", "hex", "undefined", "rot13", "idna", "punycode", "base64", "bz2", "uu", "unicode_escape", "nonsense"),
        *("../x", "%00", '"', "utf-8\u00e9".encode().decode("latin-1"), "x" * 400, ""),
    ],
)
@pytest.mark.filterwarnings("error")
async def test_text_can_be_read_whatever_charset_the_other_server_names(names: Names, charset: str) -> None:
    body = "é \\d".encode()
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
    async with outside(writes(raw.encode("latin-1") + body)) as server:
        answer = await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/")

    assert answer.text == "é \\d"


def test_what_counts_as_a_charset_decodes_every_byte() -> None:
    hostile = [bytes(range(256)) * 8, b"+" * 4096, b"\x1b$B" * 999, b"~{" * 999, b"\xff\xfe" * 999, b"a-" + b"zz" * 999]
    for name in sorted({*encodings.aliases.aliases, *encodings.aliases.aliases.values(), "idna", "punycode"}):
        if readable(name) and codecs.lookup(name).name not in {"utf-16", "utf-32"}:
            for body in hostile:
                decoder = codecs.getincrementaldecoder(name)(errors="replace")
                assert isinstance(decoder.decode(body) + decoder.decode(b"", final=True), str), name
    assert not readable("\0")
    assert readable("ISO-8859-15")
    assert readable(None)


@pytest.mark.parametrize("charset", ["utf-16", "utf-32"])
async def test_text_without_the_mark_that_its_charset_needs_is_refused(names: Names, charset: str) -> None:
    fields = [f"Content-Type: text/plain; charset={charset}"]
    handlers = [says("é".encode(charset), fields=fields), *[says(b"12345678", fields=fields)] * 2]
    async with outside(*handlers) as server:
        async with client(local(server.port), resolver=names) as http:
            assert (await http.get(f"http://a.test:{server.port}/")).text == "é"
            answer = await http.get(f"http://a.test:{server.port}/")
            with pytest.raises(OutboundAnswerRefused, match="charset"):
                _ = answer.text
            async with http.stream("GET", f"http://a.test:{server.port}/") as streamed:
                with pytest.raises(OutboundAnswerRefused, match="charset"):
                    _ = [line async for line in streamed.aiter_lines()]


async def test_a_type_that_takes_long_to_read_is_refused(names: Names) -> None:
    async with outside(says(fields=['Content-Type: text/plain; x="' + ";" * 60_000])) as server:
        with pytest.raises(OutboundAnswerRefused, match="type"):
            await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/")


async def drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" if b"/body" in head else b"HTTP/1.1 200 OK\r\nX: "
    writer.write(start if b"/silent" not in head else b"")
    while True:
        writer.write(b"x" if b"/silent" not in head else b"")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("path", ["/silent", "/head", "/body"])
async def test_all_of_it_ends_in_time_however_it_drips(names: Names, path: str) -> None:
    async with outside(drips) as server:
        began = time.monotonic()
        with pytest.raises(OutboundTimeout):
            await fetched(client(local(server.port, seconds=0.4), resolver=names), f"http://a.test:{server.port}{path}")

    assert time.monotonic() - began < 3


async def test_a_slow_resolver_counts_too() -> None:
    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(30)
        return []

    with pytest.raises(OutboundTimeout):
        await fetched(client(OutboundSettings(seconds=0.2), resolver=slow), "https://a.test/")


async def test_the_environment_has_no_say(names: Names, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine a.test login ada password hunter2\n")
    async with outside(says(b"proxy")) as proxy, outside(says(b"direct")) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
        answer = await fetched(client(local(server.port), resolver=names), f"http://a.test:{server.port}/")

    assert answer.text == "direct"
    assert proxy.heads == []
    assert b"authorization" not in server.heads[0].lower()


async def test_no_cookie_is_kept_for_the_next_url(names: Names) -> None:
    async with outside(says(fields=["Set-Cookie: s=1; Path=/"])) as server:
        async with client(local(server.port), resolver=names) as http:
            for _ in range(2):
                await http.get(f"http://a.test:{server.port}/")

    assert b"cookie" not in server.heads[1].lower()


async def test_a_host_header_cannot_name_another_host(names: Names) -> None:
    with pytest.raises(OutboundRefused, match="Host"):
        await fetched(client(local(80), resolver=names), "http://a.test/", headers={"Host": "inside.test"})
    with pytest.raises(OutboundRefused, match="too long"):
        await fetched(client(local(80), resolver=names), "http://a.test/", headers={"X": "x" * 20_000})


@pytest.mark.parametrize("failing", ["unknown", "closed", "nonsense"])
async def test_every_failure_is_of_one_family_and_tells_nothing_inner(names: Names, failing: str) -> None:
    async with outside(writes(b"\x00nonsense\r\n\r\n")) as server:
        port = 1 if failing == "closed" else server.port
        host = "no.test" if failing == "unknown" else "a.test"
        with pytest.raises(OutboundFailed) as failed:
            await fetched(client(local(port), resolver=names), f"http://{host}:{port}/")

    assert failed.value.status == 502
    for text in (str(failed.value), failed.value.public):
        assert "10.9.8.7" not in text
        assert "127.0.0.1" not in text


async def test_a_stream_has_the_same_limits(names: Names) -> None:
    async with outside(writes(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 5000)) as server:
        async with client(local(server.port, max_bytes=4096), resolver=names) as http:
            async with http.stream("GET", f"http://a.test:{server.port}/") as answer:
                with pytest.raises(OutboundAnswerRefused):
                    await answer.aread()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"schemes": ("file",)}, "scheme"),
        ({"schemes": ()}, "scheme"),
        ({"ports": ()}, "port"),
        ({"ports": (0,)}, "port"),
        ({"hosts": ("https://a.test",)}, "host"),
        ({"hosts": ("*",)}, "host"),
        ({"content_types": ("json",)}, "type"),
        ({"unsafe_allow_networks": ("10.0.0.1/8",)}, "network"),
        ({"unsafe_allow_networks": ("0.0.0.0/0",)}, "closed"),
        ({"unsafe_allow_networks": ("169.254.169.254/32",)}, "closed"),
    ],
)
def test_settings_that_open_what_must_stay_closed_are_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(UnsafeConfiguration, match=what):
        client(OutboundSettings(**changes))


def test_production_refuses_loopback() -> None:
    assert local(443).problems(production=True)
    assert not OutboundSettings(unsafe_allow_networks=("10.20.0.0/16",)).problems(production=True)


def test_the_start_check_reads_what_the_environment_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(outbound=OutboundSettings(unsafe_allow_networks=("127.0.0.0/8",)), public_url="https://a.test")

    found = secure(FastAPI(), settings).problems()

    assert any("outbound" in problem.what for problem in found)
