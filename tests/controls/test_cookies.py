"""The session cookie: one name, one value, one caller, and attributes that no setting can take away."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from by_hand import LOCAL, Seen, ask, exchange, http_scope, nothing
from fastness.controls.access import Authentication
from fastness.controls.bearer import Bearer
from fastness.controls.cookies import CookieSession, CookieSettings, RepeatedSessionCookie, SessionCookie
from fastness.controls.tokens import TokenKeys, Tokens, TokenSettings
from fastness.core.asgi import alone
from fastness.core.errors import InvalidToken, Unavailable, UnsafeConfiguration
from fastness.core.exchange import Exchange, Quiet, of
from fastness.core.principal import Principal

pytestmark = pytest.mark.anyio

NAME = "__Host-session"
ISSUER = "https://api.example.com"
# Its clock stands still: the tokens of this module are made long before the last test reads them.
TOKENS = Tokens(TokenKeys.generate(), TokenSettings(issuer=ISSUER, audience=ISSUER), now=lambda: 1_750_000_000.0)
ADA, EVE = (TOKENS.issue(name, session=f"of-{name}") for name in ("ada", "eve"))
OPAQUE = {b"id-of-ada": Principal("ada", session="s1"), b"id-of-eve": Principal("eve", session="s2")}


def sent(*cookies: str | bytes, scheme: str = "http", version: str = "1.1") -> Exchange:
    headers = [LOCAL, *((b"cookie", c if isinstance(c, bytes) else c.encode()) for c in cookies)]
    return exchange(headers=headers, scheme=scheme, version=version)


def read(*cookies: str | bytes, **how: Any) -> bytes | None:
    return SessionCookie().read(sent(*cookies, **how))


def browser(scheme: str = "https") -> HTTPConnection:
    return HTTPConnection(http_scope(scheme=scheme))


async def found(raw: bytes) -> Principal | None:
    """A session store that answers later."""
    return OPAQUE.get(raw)


class Protected(Quiet):
    """Stands for the gate, on a route that needs a caller."""

    def __init__(self, protected: bool = True) -> None:  # noqa: FBT001, FBT002
        self.protected = protected
        self.access = "required"

    def enter(self, exchange: Exchange, /) -> None:
        exchange.rule = self


class Caller:
    """An application that says who the chain found."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.exchange = of(scope)
        await nothing(scope, receive, send)


async def who(
    *headers: tuple[str, str], verify: Any = found, protected: bool = True, emit: Any = None, scheme: str = "https"
) -> tuple[int, Any, Exchange | None]:
    """Status, problem code or None, and the exchange as the application saw it."""
    session, caller = CookieSession(verify, **({} if emit is None else {"emit": emit})), Caller()
    authentication = Authentication([session, Bearer(TOKENS.verify)])  # the worse order: it must not matter
    app = alone(caller, Protected(protected), authentication, session)
    raw = [LOCAL, *((name.encode(), value.encode("latin-1")) for name, value in headers)]
    reply = await ask(app, headers=raw, scheme=scheme)
    return reply.status, reply.json["code"] if reply.status >= 400 else None, caller.exchange


# What is written


async def test_a_session_cookie_has_every_attribute_and_no_domain() -> None:
    response = Response()

    SessionCookie().set(response, "abc._~-9", to=browser(), max_age=600)

    assert response.headers.getlist("set-cookie") == [
        "__Host-session=abc._~-9; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure"
    ]


async def test_strict_is_written_and_the_settings_lifetime_is_the_default() -> None:
    response = Response()

    SessionCookie(CookieSettings(same_site="strict", max_age=3600)).set(response, "abc", to=browser())

    assert "Max-Age=3600;" in response.headers["set-cookie"]
    assert "SameSite=Strict" in response.headers["set-cookie"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_prefixed_name_is_secure_on_every_scheme(scheme: str) -> None:
    response = Response()

    SessionCookie().set(response, "abc", to=browser(scheme))

    assert response.headers["set-cookie"].startswith("__Host-session=")
    assert response.headers["set-cookie"].endswith("; Secure")


async def test_a_plain_name_is_used_over_plain_http_and_never_over_https() -> None:
    cookie, plain, tls = SessionCookie(CookieSettings(name="session")), Response(), Response()

    cookie.set(plain, "abc", to=browser("http"))
    cookie.set(tls, "abc", to=browser("https"))

    assert plain.headers["set-cookie"] == "session=abc; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
    assert tls.headers["set-cookie"].startswith("__Host-session=abc;")
    assert tls.headers["set-cookie"].endswith("; Secure")
    assert cookie.read(sent("session=abc", scheme="http")) == b"abc"
    assert cookie.read(sent("session=abc", scheme="https")) is None
    assert cookie.read(sent("__Host-session=abc", scheme="https")) == b"abc"


async def test_production_refuses_a_plain_name_and_development_does_not() -> None:
    assert "no __Host- prefix" in str(CookieSettings(name="session").problems(production=True)[0])
    assert CookieSettings(name="session").problems(production=False) == []
    assert CookieSettings().problems(production=True) == []


@pytest.mark.parametrize(
    "name",
    ["", "__Secure-session", "__Host-", "a b", "a;b", "a=b", "séance", "a\r\nb", "__host-session", "-a", "a" * 80],
)
def test_what_is_no_name_stops_the_start(name: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="session cookie"):
        SessionCookie(CookieSettings(name=name))


@pytest.mark.parametrize("value", ["", "a b", "a;b", "a,b", 'a"b', "a\\b", "a\r\nSet-Cookie: x=y", "é", "a=b", "a\0"])
async def test_a_value_that_a_header_cannot_carry_is_never_written(value: str) -> None:
    response = Response()

    with pytest.raises(ValueError, match="letters"):
        SessionCookie().set(response, value, to=browser())

    assert "set-cookie" not in response.headers


async def test_a_cookie_that_browsers_would_drop_is_an_error() -> None:
    fits, response = "a" * (4095 - len(NAME) - 1), Response()

    SessionCookie().set(response, fits, to=browser())
    with pytest.raises(ValueError, match="4096"):
        SessionCookie().set(response, fits + "a", to=browser())


async def test_an_answer_sets_the_cookie_once_and_leaves_others() -> None:
    cookie, response = SessionCookie(), Response()
    response.set_cookie("theme", "dark")

    cookie.set(response, "first", to=browser())
    cookie.set(response, "second", to=browser())

    written = response.headers.getlist("set-cookie")
    assert [line.partition(";")[0] for line in written] == ["theme=dark", "__Host-session=second"]


async def test_clearing_ends_the_cookie_and_at_logout_the_sites_data() -> None:
    left, only = Response(), Response()

    SessionCookie().clear(left, to=browser())
    SessionCookie().clear(only, to=browser(), site_data=False)

    gone = "__Host-session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert left.headers["set-cookie"] == only.headers["set-cookie"] == gone
    assert left.headers["clear-site-data"] == '"cache","cookies","storage"'
    assert "clear-site-data" not in only.headers


async def test_rotation_ends_the_old_id_and_writes_the_new_one() -> None:
    response, ended = Response(), list[bytes | None]()
    scope = http_scope(headers=[LOCAL, (b"cookie", b"__Host-session=old")], scheme="https")

    async def renew(old: bytes | None) -> str:
        ended.append(old)
        return "new"

    await SessionCookie().rotate(response, renew, to=HTTPConnection(scope))
    await SessionCookie().rotate(Response(), renew, to=browser())

    assert ended == [b"old", None]
    assert response.headers["set-cookie"].startswith("__Host-session=new;")


async def test_a_rotation_that_keeps_the_id_is_an_error() -> None:
    scope = http_scope(headers=[LOCAL, (b"cookie", b"__Host-session=planted")], scheme="https")

    async def keep(old: bytes | None) -> str:
        return (old or b"").decode()

    with pytest.raises(ValueError, match="not renewed"):
        await SessionCookie().rotate(Response(), keep, to=HTTPConnection(scope))


# What is read


@pytest.mark.parametrize(
    "header",
    [f"{NAME}=abc", f"a=b; {NAME}=abc", f"__host-session=no; {NAME}=abc", f"{NAME}=abc; a=b", f"{NAME}=abc;a=b", f"a;b; {NAME}=abc", f"a=b;  {NAME}=abc ",
     f"{NAME}2=no; {NAME}=abc", f"x{NAME}=no; {NAME}=abc", f'q="1; {NAME}=abc', f"; {NAME}=abc;", f"a={NAME}=no; {NAME}=abc"],
)  # fmt: skip
async def test_the_cookie_is_found_among_others(header: str) -> None:
    assert read(header) == b"abc"


@pytest.mark.parametrize(
    "header",
    [b"", b"__Host-session", b"__Host-session=", b"__host-session=x", b"__HOST-SESSION=x", b"session=x",
     b"__Secure-session=x", b"__Host-session =x", b"__Host-sess%69on=x", b"__Host-session%3Dx", b"$__Host-session=x",
     # white space that some parsers take away (PortSwigger, 2025): browsers let other hosts set these names
     b"\xe2\x80\x80__Host-session=x", b"\xc2\x85__Host-session=x", b"\xc2\xa0__Host-session=x", b"\x85__Host-session=x",
     b"\xa0__Host-session=x", b"\t__Host-session=x", b"\x0b__Host-session=x", b"\x0c__Host-session=x", b"\x1c__Host-session=x",
     # what RFC 2109 parsers take for a second cookie
     b"$Version=1,__Host-session=x", b"a=b,__Host-session=x", b"a=__Host-session=x"],
)  # fmt: skip
async def test_what_another_host_can_write_is_not_the_session_cookie(header: bytes) -> None:
    assert read(header) is None


@pytest.mark.parametrize(
    "headers",
    [("__Host-session=a; __Host-session=b",), ("__Host-session=a; x=y; __Host-session=a",), ("__Host-session=; __Host-session=a",),
     ("__Host-session=a", "__Host-session=b"), ("__Host-session=a", "x=y; __Host-session=b")],
)  # fmt: skip
async def test_two_session_cookies_are_refused_whatever_they_hold(headers: tuple[str, ...]) -> None:
    with pytest.raises(RepeatedSessionCookie):
        read(*headers)


@pytest.mark.parametrize(
    "header", ["=__Host-session=x", "a=b; =__Host-session=x", "==__Host-session=x", "= __Host-session=x"]
)
async def test_cve_2023_23934_a_nameless_cookie_that_spells_the_name_is_refused(header: str) -> None:
    with pytest.raises(RepeatedSessionCookie):
        read(header)
    with pytest.raises(RepeatedSessionCookie):
        read(f"{header}; __Host-session=good")


async def test_a_header_that_http2_split_is_read_whole() -> None:
    assert read("a=b", "__Host-session=abc", "c=d", version="2") == b"abc"


async def test_ten_thousand_cookies_are_read_in_a_moment() -> None:
    many = "; ".join(f"c{n}=v" for n in range(10_000))

    assert read(f"{many}; __Host-session=abc") == b"abc"


# Who it is


@pytest.mark.parametrize(
    ("verify", "value"), [(found, "id-of-ada"), (TOKENS.verify, ADA), (OPAQUE.get, "id-of-ada")], ids=["later", "signed", "at once"]
)  # fmt: skip
async def test_an_opaque_id_and_a_signed_token_both_give_the_caller(verify: Any, value: str) -> None:
    status, _, seen = await who(("cookie", f"{NAME}={value}"), verify=verify)

    assert status == 200
    assert seen is not None
    assert seen.principal is not None
    assert (seen.principal.id, seen.principal.scheme, seen.cookie) == ("ada", "cookie", value.encode())


@pytest.mark.parametrize("verify", [found, TOKENS.verify, OPAQUE.get], ids=["later", "signed", "at once"])
@pytest.mark.parametrize("value", ["stale", "x" * 5000, '"id-of-ada"', "id-of-ada%20", "id of ada", ADA[:-2]])
async def test_a_session_that_is_over_is_nobody_and_an_event(verify: Any, value: str) -> None:
    seen = Seen()

    status, _, ended = await who(("cookie", f"{NAME}={value}"), verify=verify, protected=False, emit=seen)

    assert status == 200
    assert ended is not None
    assert (ended.principal, ended.cookie, ended.failure) == (None, None, None)
    assert seen.types == ["authn_token_fail"]


async def test_a_lookup_that_refuses_later_is_nobody_too() -> None:
    async def ended(_: bytes) -> Principal | None:
        raise InvalidToken("the session ended")

    _, _, seen = await who(("cookie", f"{NAME}=x"), verify=ended, protected=False)

    assert seen is not None
    assert (seen.principal, seen.failure) == (None, None)


async def test_a_store_that_is_away_is_503_and_not_anonymous() -> None:
    async def away(_: bytes) -> Principal | None:
        raise Unavailable("the session store does not answer")

    assert (await who(("cookie", f"{NAME}=x"), verify=away))[:2] == (503, "unavailable")


async def test_two_session_cookies_are_400_with_a_code_of_their_own() -> None:
    pair = ("cookie", f"{NAME}=id-of-ada; {NAME}=id-of-eve")

    assert (await who(pair))[:2] == (400, "repeated_session_cookie")
    _, _, seen = await who(pair, protected=False)
    assert seen is not None
    assert (seen.principal, seen.cookie) == (None, None)


# One caller in one request


@pytest.mark.parametrize("verify", [found, OPAQUE.get], ids=["later", "at once"])
async def test_a_cookie_beside_somebody_elses_bearer_token_is_400(verify: Any) -> None:
    both = (("authorization", f"Bearer {ADA}"), ("cookie", f"{NAME}=id-of-eve"))

    assert (await who(*both, verify=verify))[:2] == (400, "two_identities")
    _, _, seen = await who(*both, verify=verify, protected=False)
    assert seen is not None
    assert (seen.principal, getattr(seen.failure, "code", None)) == (None, "two_identities")


@pytest.mark.parametrize("verify", [found, OPAQUE.get], ids=["later", "at once"])
async def test_of_two_credentials_of_one_caller_the_bearer_token_counts(verify: Any) -> None:
    _, _, seen = await who(("authorization", f"Bearer {ADA}"), ("cookie", f"{NAME}=id-of-ada"), verify=verify)

    assert seen is not None
    assert seen.principal is not None
    assert (seen.principal.id, seen.principal.scheme, seen.cookie) == ("ada", "bearer", None)


@pytest.mark.parametrize("verify", [found, TOKENS.verify], ids=["later", "signed"])
async def test_a_stale_cookie_beside_a_good_bearer_token_does_no_harm(verify: Any) -> None:
    status, _, seen = await who(("authorization", f"Bearer {ADA}"), ("cookie", f"{NAME}=stale"), verify=verify)

    assert status == 200
    assert seen is not None
    assert seen.principal is not None


async def test_a_bad_bearer_token_is_not_helped_by_a_good_cookie() -> None:
    status, code, seen = await who(("authorization", "Bearer nonsense"), ("cookie", f"{NAME}=id-of-ada"))

    assert (status, code, seen) == (401, "invalid_token", None)


async def test_two_session_cookies_beside_a_bearer_token_are_refused() -> None:
    both = (("authorization", f"Bearer {ADA}"), ("cookie", f"{NAME}=id-of-ada; {NAME}=id-of-ada"))

    assert (await who(*both))[:2] == (400, "repeated_session_cookie")


async def test_a_request_without_cookies_never_asks_the_store() -> None:
    asked: list[bytes] = []

    def verify(raw: bytes) -> Principal | None:
        asked.append(raw)
        return None

    await who(verify=verify, protected=False)
    await who(("authorization", f"Bearer {ADA}"), verify=verify)
    await who(("cookie", "theme=dark"), verify=verify, protected=False)

    assert asked == []


@pytest.mark.parametrize("value", ["a b", '"a"', "a%20b", "a=b", "a,b", "a\\b", "\x01", "é", "x" * 5000])
async def test_a_value_that_we_never_write_never_reaches_the_store(value: str) -> None:
    asked: list[bytes] = []

    await who(("cookie", f"{NAME}={value}"), verify=asked.append, protected=False)

    assert asked == []
