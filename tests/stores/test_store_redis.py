"""What Redis alone makes a question: the wire, the budget, the script, the password. On Redis and on Valkey."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fastness.core.store import Rate
from fastness.stores.redis import RedisAway, RedisRefused, RedisSlow, RedisStore
from proxy import proxied
from redis_server import RedisServer, redis_server

pytestmark = [pytest.mark.anyio, pytest.mark.store]

RATE = Rate(1_000_000, 3600.0)
SLOW = Rate(1000, 86_400.0)
ONE = Rate(1, 3600.0)
CANARY = "canary-p/ss:w@rd"
PATIENT = 20.0


@pytest.fixture(params=["redis", "valkey"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path, kind=request.param) as running:
        yield running


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(server.url, budget=PATIENT)
    yield store
    await store.close()


async def good_again(store: RedisStore, within: float = 2.0) -> float:
    """Ask until it answers; the seconds that took."""
    start = time.monotonic()
    while True:
        try:
            await store.hit("again", RATE)
        except RedisAway:
            assert time.monotonic() - start < within, "not good again"
            await asyncio.sleep(0.02)
        else:
            return time.monotonic() - start


async def test_all_hits_of_one_turn_are_one_write(server: RedisServer) -> None:
    async with proxied(server.port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}", budget=PATIENT)
        await store.hit("ada", SLOW)
        proxy.sent.clear()

        hits = await asyncio.gather(*(store.hit("ada", SLOW) for _ in range(50)))

        await store.close()
    assert len(proxy.sent) == 1
    assert proxy.sent[0].count(b"EVALSHA") == 50
    assert sorted(hit.remaining for hit in hits) == list(range(SLOW.limit - 51, SLOW.limit - 1))


async def test_every_key_has_an_end_and_goes_by_itself(server: RedisServer, store: RedisStore) -> None:
    for n in range(50):
        await store.hit(f"short {n}", Rate(5, 0.05))
    await store.hit("long", Rate(5, 86_400.0))
    await store.put_once("once", "value", ttl=30)

    ends = [server.tell("PTTL", key) for key in server.tell("KEYS", "*")]
    await asyncio.sleep(1.2)
    left = sorted(server.tell("KEYS", "*"))

    assert len(ends) == 52
    assert all(0 < end <= 86_400_000 / 5 + 1000 for end in ends)
    assert left == [b"fastness:count:long", b"fastness:once:once"]


async def test_after_a_flush_of_scripts_and_after_one_of_everything_it_counts_on(
    server: RedisServer, store: RedisStore
) -> None:
    await store.hit("ada", ONE)
    server.tell("SCRIPT", "FLUSH")

    still = await asyncio.gather(*(store.hit("ada", ONE) for _ in range(20)))
    server.tell("FLUSHALL")
    server.tell("SCRIPT", "FLUSH")
    anew = await asyncio.gather(*(store.hit("ada", ONE) for _ in range(20)))

    assert not any(hit.allowed for hit in still)
    assert sum(hit.allowed for hit in anew) == 1


async def test_a_restarted_server_is_found_again_without_help(server: RedisServer, store: RedisStore) -> None:
    await store.hit("ada", RATE)

    server.stop()
    await asyncio.sleep(0.01)
    with pytest.raises(RedisAway):
        await store.hit("ada", RATE)
    server.start()

    assert await good_again(store) < 1.0


async def test_a_closed_connection_is_opened_again(server: RedisServer, store: RedisStore) -> None:
    await store.hit("ada", RATE)

    server.tell("CLIENT", "KILL", "TYPE", "normal")

    assert await good_again(store) < 1.0


async def test_a_frozen_server_costs_the_budget_and_is_found_again(server: RedisServer) -> None:
    store = RedisStore(server.url)
    await good_again(store)
    server.freeze()

    start = time.monotonic()
    answers = await asyncio.gather(*(store.hit("ada", RATE) for _ in range(100)), return_exceptions=True)
    first = time.monotonic() - start
    with pytest.raises(RedisSlow):
        await store.hit("ada", RATE)
    server.thaw()
    again = await good_again(store)

    await store.close()
    assert all(isinstance(answer, RedisSlow) for answer in answers)
    assert 0.05 <= first < 0.5
    assert again < 1.0


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_answer_that_waits_while_this_process_is_busy_is_no_failure(
    server: RedisServer, run: Callable[[Coroutine[Any, Any, bool]], bool]
) -> None:
    async def busy() -> bool:
        store = RedisStore(server.url)
        await good_again(store)
        asked = [asyncio.ensure_future(store.hit("ada", RATE)) for _ in range(5)]
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 - the event loop is held on purpose
        hits = await asyncio.gather(*asked)
        await store.close()
        return all(hit.allowed for hit in hits)

    assert run(busy())


async def test_no_answer_goes_to_another_caller_when_callers_give_up(server: RedisServer) -> None:
    async with proxied(server.port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}", budget=PATIENT)
        for n in range(100):
            await store.put_once(f"key {n}", f"value {n}", ttl=60)
        proxy.delay = 0.001

        async def take(n: int) -> str | None:
            return await store.consume(f"key {n}")

        for first in range(0, 100, 10):
            tasks = [asyncio.create_task(take(n)) for n in range(first, first + 10)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)

            assert answers[1::2] == [f"value {n}" for n in range(first + 1, first + 10, 2)]
            assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
        await store.close()


async def test_a_broken_connection_fails_what_was_asked_and_nothing_is_asked_twice(server: RedisServer) -> None:
    async with proxied(server.port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}", budget=PATIENT)
        await store.hit("ada", RATE)
        proxy.delay = 0.2
        asked = [asyncio.ensure_future(store.hit("bob", RATE)) for _ in range(10)]
        while not proxy.sent[-1].count(b"bob"):  # noqa: ASYNC110 - the proxy has no event for it
            await asyncio.sleep(0.01)

        proxy.cut()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        proxy.delay = 0.0
        proxy.flow()
        await good_again(store)
        after = await store.hit("bob", RATE)

        await store.close()
    assert all(isinstance(answer, RedisAway) for answer in answers)
    assert after.remaining >= RATE.limit - 11


async def test_an_error_is_told_by_its_code_and_the_rest_is_served(server: RedisServer, store: RedisStore) -> None:
    server.tell("RPUSH", "fastness:count:list", "x")

    answers = await asyncio.gather(
        store.hit("ada", ONE), store.hit("list", ONE), store.hit("bob", ONE), return_exceptions=True
    )

    assert isinstance(answers[1], RedisRefused)
    assert [getattr(answer, "allowed", None) for answer in answers] == [True, None, True]


async def test_a_full_server_and_a_replica_refuse_and_are_good_again(server: RedisServer, tmp_path: Path) -> None:
    store = RedisStore(server.url, budget=PATIENT)
    await store.hit("ada", RATE)

    server.tell("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(RedisRefused, match="OOM"):
        await store.hit("new", RATE)
    server.tell("CONFIG", "SET", "maxmemory", "0")
    after_full = await good_again(store)
    with redis_server(tmp_path) as primary:
        server.tell("REPLICAOF", "127.0.0.1", str(primary.port))
        with pytest.raises(RedisRefused, match="READONLY"):
            await store.hit("new", RATE)
        server.tell("REPLICAOF", "NO", "ONE")
        after_replica = await good_again(store)

    await store.close()
    assert max(after_full, after_replica) < 1.0


@pytest.mark.parametrize("user", ["", "limits"])
async def test_a_password_opens_and_a_wrong_one_is_named_without_being_shown(server: RedisServer, user: str) -> None:
    if user:
        needed = ["+evalsha", "+eval", "+get", "+set", "+del", "+time", "+getdel", "+select"]  # as limits.md says
        server.tell("ACL", "SETUSER", user, "on", ">" + CANARY, "~fastness:*", *needed)
    else:
        server.tell("CONFIG", "SET", "requirepass", CANARY)
    quoted = "canary-p%2Fss%3Aw%40rd"
    right = RedisStore(f"redis://{user}:{quoted}@127.0.0.1:{server.port}/3", budget=PATIENT)
    wrong = RedisStore(f"redis://{user}:{quoted}x@127.0.0.1:{server.port}/3", budget=PATIENT)
    none = RedisStore(f"redis://127.0.0.1:{server.port}/3", budget=PATIENT)

    await right.check()
    await right.reset("ada")
    once = (await right.put_once("ada", "value", ttl=60), await right.consume("ada"))
    with pytest.raises(RedisRefused, match="WRONGPASS") as refused:
        await wrong.check()
    if not user:
        with pytest.raises(RedisRefused, match="NOAUTH"):
            await none.check()

    for store in (right, wrong, none):
        await store.close()
    assert once == (True, "value")
    assert "canary" not in repr((refused.value, refused.value.__context__, right, vars(right), right._pipe._place))


async def test_a_database_that_does_not_exist_is_refused(server: RedisServer) -> None:
    store = RedisStore(f"redis://127.0.0.1:{server.port}/99", budget=PATIENT)

    with pytest.raises(RedisRefused, match="ERR"):
        await store.check()

    await store.close()


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:6379", "http://canary@localhost", "redis://h:canary", "redis://u:canary@h:99999/0",
     "redis://h/0?db=canary", "rediss://h?ssl_cert_reqs=canary", "rediss://h?ssl_canary=1",
     "rediss://h?ssl_ca_certs=/nowhere/canary"],
)  # fmt: skip
def test_what_is_no_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a Redis") as refused:
        RedisStore(url)

    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


async def test_a_unix_socket_serves(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with redis_server(tmp_path, "--unixsocket", str(path)):
        store = RedisStore(f"unix://{path}?db=2", budget=PATIENT)

        assert (await store.hit("ada", ONE)).allowed
        assert not (await store.hit("ada", ONE)).allowed
        await store.close()


async def test_tls_is_verified_name_included(server: RedisServer, tmp_path: Path) -> None:
    context = certificate(tmp_path, "localhost")

    async with proxied(server.port, tls=context) as proxy:
        trusted = f"rediss://localhost:{proxy.port}/0?ssl_ca_certs={tmp_path}/cert.pem"
        good = RedisStore(trusted, budget=PATIENT)
        await good.check()
        for bad in (f"rediss://localhost:{proxy.port}/0", trusted.replace("//localhost", "//127.0.0.1")):
            store = RedisStore(bad, budget=PATIENT)
            with pytest.raises(RedisAway, match="SSLCertVerificationError"):
                await store.check()
            await store.close()
        await good.close()


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's context with a fresh certificate of its own, also written to cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


async def test_a_server_that_is_no_redis_is_left(server: RedisServer) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    store = RedisStore(f"redis://127.0.0.1:{port}", budget=PATIENT)

    with pytest.raises(RedisAway):
        await store.check()

    await store.close()
    listening.close()


def test_a_store_serves_one_event_loop_after_another(server: RedisServer) -> None:
    store = RedisStore(server.url, budget=PATIENT)

    async def turn() -> bool:
        allowed = (await store.hit("ada", ONE)).allowed
        await store.close()
        return allowed

    assert [asyncio.run(turn()) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize("missing", ["redis", "hiredis"])
def test_without_the_extra_one_sentence_says_how_to_install_it(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import fastness.stores.redis"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith('Redis needs the redis extra: pip install "fastness[redis]"')


async def test_a_proxy_that_only_swallows_leaves_every_caller_in_time(server: RedisServer) -> None:
    async with proxied(server.port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}")
        await good_again(store)
        proxy.hang()

        with pytest.raises(RedisSlow):
            await store.hit("ada", RATE)
        proxy.flow()

        assert await good_again(store) < 1.0
        await store.close()
