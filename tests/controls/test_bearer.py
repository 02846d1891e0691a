"""The Authorization header is read in one place, and only there."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from fastness.controls.bearer import Bearer
from fastness.controls.tokens import TokenKeys, Tokens, TokenSettings
from fastness.core.errors import BadRequest, InvalidToken
from fastness.core.exchange import Exchange, Message
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

ISSUER = "https://api.example.com"
# Its clock stands still: the token of this module is made long before the last test reads it.
TOKENS = Tokens(TokenKeys.generate(), TokenSettings(issuer=ISSUER, audience=ISSUER), now=lambda: 1_750_000_000.0)
TOKEN = TOKENS.issue("ada", session="s1").encode()


def request(*authorization: bytes, query: bytes = b"") -> Exchange:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    headers = [(b"host", b"localhost"), *((b"authorization", value) for value in authorization)]
    return Exchange(
        {"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": headers, "client": None},
        receive,
    )


async def who(exchange: Exchange) -> Principal | None:
    found = Bearer(TOKENS.verify)(exchange)
    return await found if isinstance(found, Awaitable) else found


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER  "])
async def test_the_token_behind_the_scheme_gives_the_caller(scheme: bytes) -> None:
    caller = await who(request(scheme + TOKEN))

    assert caller is not None
    assert (caller.id, caller.session) == ("ada", "s1")


@pytest.mark.parametrize("value", [b"Basic YTpi", b"", b"Bearer" + TOKEN, TOKEN, b"DPoP " + TOKEN])
async def test_another_scheme_is_nobody_and_no_error(value: bytes) -> None:
    assert await who(request(value)) is None


async def test_a_token_in_the_query_is_not_read() -> None:
    assert await who(request(query=b"access_token=" + TOKEN)) is None


@pytest.mark.parametrize("value", [b"Bearer ", b"Bearer x", b"Bearer " + TOKEN[:-2], b"Bearer " + TOKEN + b" " + TOKEN])
async def test_a_token_that_is_not_good_is_refused_not_ignored(value: bytes) -> None:
    with pytest.raises(InvalidToken) as refusal:
        await who(request(value))

    assert refusal.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("pair", [(b"Bearer " + TOKEN, b"Bearer " + TOKEN), (b"Basic YTpi", b"Bearer " + TOKEN)])
async def test_two_authorization_headers_are_refused(pair: tuple[bytes, bytes]) -> None:
    with pytest.raises(BadRequest):
        await who(request(*pair))
