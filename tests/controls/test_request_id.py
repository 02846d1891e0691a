"""Request ids: unguessable, echoed, and not forgeable from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request

from by_hand import LOCAL, Reply, ask, exchange, nothing
from fastness.controls.proxies import Proxies, ProxySettings
from fastness.controls.request_id import RequestId, RequestIdSettings
from fastness.core.asgi import alone
from fastness.core.errors import Refused
from fastness.core.exchange import Exchange, Quiet, of

pytestmark = pytest.mark.anyio

ATTACKS = json.loads((Path(__file__).parents[1] / "data/attacks/log_injection.json").read_text(encoding="utf-8"))


async def sent(value: bytes, element: RequestId, **how: Any) -> Reply:
    return await ask(alone(nothing, element), headers=[LOCAL, (b"x-request-id", value)], **how)


async def test_ids_have_128_bits_and_differ() -> None:
    app = alone(nothing, RequestId())

    ids = {(await ask(app)).one("x-request-id") for _ in range(200)}

    assert len(ids) == 200
    assert all(re.fullmatch(r"[0-9a-f]{32}", each or "") for each in ids)


async def test_handler_problem_and_header_share_one_id() -> None:
    class Refuse(Quiet):
        def enter(self, exchange: Exchange, /) -> None:
            raise Refused

    app = FastAPI()

    @app.get("/")
    async def show(request: Request) -> str:
        found = of(request.scope)
        assert found is not None
        return found.request_id

    app.add_middleware(alone, RequestId())
    ok, refused = await ask(app), await ask(alone(nothing, RequestId(), Refuse()))

    assert ok.json == ok.one("x-request-id")
    assert refused.json["request_id"] == refused.one("x-request-id")


async def test_a_strangers_id_is_replaced() -> None:
    assert (await sent(b"abcdefgh-1", RequestId())).one("x-request-id") != "abcdefgh-1"


async def test_a_trusted_proxys_id_is_kept_and_no_one_elses() -> None:
    proxies = Proxies(ProxySettings(trusted_proxies=("10.0.0.0/8",)))
    element = RequestId(trusts=proxies.trusts)

    assert (await sent(b"abcdefgh-1", element, client=("10.1.2.3", 4000))).one("x-request-id") == "abcdefgh-1"
    assert (await sent(b"abcdefgh-1", element)).one("x-request-id") != "abcdefgh-1"


async def test_by_setting_every_well_formed_id_is_kept() -> None:
    element = RequestId(RequestIdSettings(trust_inbound=True))

    assert (await sent(b"a.B_c-12345", element)).one("x-request-id") == "a.B_c-12345"


@pytest.mark.parametrize("value", [b"", b"short", b"a" * 65, b"abcdefgh\n", b"abcd efgh", "é".encode() * 8])
async def test_a_malformed_id_is_replaced_even_where_ids_are_trusted(value: bytes) -> None:
    reply = await sent(value, RequestId(RequestIdSettings(trust_inbound=True)))

    assert re.fullmatch(r"[0-9a-f]{32}", reply.one("x-request-id") or "")


@pytest.mark.parametrize("attack", [case["value"] for case in ATTACKS if case["field"] == "x_request_id"])
async def test_no_corpus_value_becomes_an_id(attack: str) -> None:
    value = attack.encode("utf-8", "surrogatepass")

    reply = await sent(value, RequestId(RequestIdSettings(trust_inbound=True)))

    assert re.fullmatch(r"[0-9a-f]{32}", reply.one("x-request-id") or "")


async def test_two_ids_are_none() -> None:
    twice = [LOCAL, (b"x-request-id", b"abcdefgh-1"), (b"x-request-id", b"abcdefgh-2")]

    reply = await ask(alone(nothing, RequestId(RequestIdSettings(trust_inbound=True))), headers=twice)

    assert (reply.one("x-request-id") or "")[:8] != "abcdefgh"


async def test_a_nested_chain_keeps_the_outer_id_and_the_header_is_sent_once() -> None:
    inner: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found = of(scope)
        assert found is not None
        inner.append(found.request_id)
        await nothing(scope, receive, send)

    reply = await ask(alone(alone(app, RequestId()), RequestId()))

    assert inner == [reply.one("x-request-id")]


def test_no_id_is_made_twice_for_one_exchange() -> None:
    element, one = RequestId(), exchange()
    element.enter(one)
    first = one.request_id

    element.enter(one)

    assert one.request_id == first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_hands_out_ids_of_its_own() -> None:
    program = (
        "import os, sys\n"
        "from fastness.controls.request_id import _next\n"
        "_next()\n"
        "child = os.fork()\n"
        "os.write(1, _next().encode() + b'\\n')\n"  # one write: two processes share the pipe
        "if child: os.waitpid(child, 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert len(set(done.stdout.split())) == 2
