"""What a cookie authenticates must come from our own pages; nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import HTTPConnection

from by_hand import LOCAL, Seen, ask, connect, nothing
from controls.csrf_calls import (
    FOREIGN,
    HOST,
    NO_TOKEN,
    OURS,
    PASSED,
    RING,
    SAME,
    TRICKS,
    UNSAFE,
    call,
    chain,
    code,
    header,
    perhaps_sign_in,
    sign_in,
    token,
)
from fastness.controls.csrf import Csrf, CsrfSettings, csrf_token
from fastness.core.errors import UnsafeConfiguration

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_safe_methods_need_nothing_wherever_they_come_from(method: str) -> None:
    assert (await call(("sec-fetch-site", "cross-site"), ("origin", "https://evil.test"), method=method)).status == 200


@pytest.mark.parametrize("method", UNSAFE)
async def test_every_other_method_needs_source_and_token(method: str) -> None:
    assert code(await call(SAME, method=method)) == NO_TOKEN
    assert code(await call(("origin", "https://evil.test"), await header(), method=method)) == FOREIGN
    assert code(await call(SAME, await header(), method=method)) == PASSED


async def test_a_request_that_no_cookie_authenticated_is_not_touched() -> None:
    foreign = (("sec-fetch-site", "cross-site"), ("origin", "https://evil.test"))

    assert code(await call(*foreign, cookie=None)) == PASSED
    assert code(await call(*foreign, cookie="stale")) == PASSED
    assert code(await call(*foreign, ("authorization", "Bearer x"), cookie=None)) == PASSED


async def test_a_bearer_token_beside_its_own_cookie_needs_no_csrf_token() -> None:
    assert code(await call(("authorization", "Bearer x"), ("sec-fetch-site", "cross-site"))) == PASSED


async def test_a_stolen_look_at_another_bearer_token_does_not_switch_the_check_off() -> None:
    assert code(await call(("authorization", "Bearer x"), ("sec-fetch-site", "cross-site"), cookie="cookie-of-eve")) == (
        400, "two_identities",
    )  # fmt: skip


async def test_a_mounted_application_with_its_own_chain_decides_for_itself() -> None:
    assert code(await call(("origin", "https://evil.test"), access="inner")) == PASSED
    assert code(await call(("origin", "https://evil.test"), access="inner", endpoint=sign_in, cookie=None)) == PASSED


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_sec_fetch_site_of_our_own_pages_passes_whatever_the_origin_says(site: str) -> None:
    # Referrer-Policy: no-referrer makes browsers send `Origin: null` with a form of our own page (Fetch, section 3.2).
    assert code(await call(("sec-fetch-site", site), ("origin", "null"), await header())) == PASSED


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "same-origin, same-origin", "yes"])
async def test_any_other_sec_fetch_site_is_refused_with_a_good_token_too(site: str) -> None:
    assert code(await call(("sec-fetch-site", site), await header())) == FOREIGN
    assert code(await call(("sec-fetch-site", site), ("referer", f"{OURS}/"), await header())) == FOREIGN


async def test_a_repeated_sec_fetch_site_is_refused() -> None:
    assert code(await call(("sec-fetch-site", "cross-site"), SAME, await header())) == FOREIGN


async def test_a_trusted_origin_of_the_same_site_passes_and_another_one_does_not() -> None:
    settings = CsrfSettings(trusted_origins=("https://spa.example.com",))
    site = ("sec-fetch-site", "same-site")

    trusted = await call(site, ("origin", "https://spa.example.com"), await header(), settings=settings)
    other = await call(site, ("origin", "https://blog.example.com"), await header(), settings=settings)
    silent = await call(site, await header(), settings=settings)

    assert [code(reply) for reply in (trusted, other, silent)] == [PASSED, FOREIGN, FOREIGN]


async def test_cross_site_is_refused_for_a_trusted_origin_too() -> None:
    settings = CsrfSettings(trusted_origins=("https://spa.example.org",))
    foreign = (("sec-fetch-site", "cross-site"), ("origin", "https://spa.example.org"))

    assert code(await call(*foreign, await header(), settings=settings)) == FOREIGN


async def test_a_whole_site_is_trusted_only_when_asked_for() -> None:
    foreign = (("sec-fetch-site", "same-site"), ("origin", "https://blog.example.com"))

    assert code(await call(*foreign, await header(), settings=CsrfSettings(same_site=True))) == PASSED
    assert code(await call(*foreign, await header())) == FOREIGN


@pytest.mark.parametrize("named", [(OURS,), ()], ids=["named", "by host"])
@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick[:30])
async def test_no_origin_of_the_corpus_passes_with_a_good_token(trick: str, named: tuple[str, ...]) -> None:
    assert code(await call(("origin", trick), await header(), origins=named)) == FOREIGN


async def test_our_own_origin_passes_once() -> None:
    assert code(await call(("origin", OURS), await header())) == PASSED
    assert code(await call(("origin", OURS), ("origin", OURS), await header())) == FOREIGN


@pytest.mark.parametrize(
    ("page", "expected"),
    [(f"{OURS}/settings?a=b", PASSED), (OURS, PASSED), ("https://evil.test/", FOREIGN), (f"{OURS}.evil.test/", FOREIGN),
     (f"https://evil.test/{OURS}/", FOREIGN), (f"https://{HOST}@evil.test/", FOREIGN), (f"http://{HOST}/", FOREIGN), ("", FOREIGN)],
)  # fmt: skip
async def test_the_referer_decides_over_https_when_nothing_better_is_there(page: str, expected: Any) -> None:
    assert code(await call(("referer", page), await header())) == expected


async def test_the_referer_says_nothing_without_tls_and_the_token_must_do() -> None:
    made = await token()
    raw = [LOCAL, (b"cookie", b"__Host-session=cookie-of-ada"), (b"referer", b"https://evil.test/")]
    without = await ask(chain(origins=()), "POST", headers=raw, scheme="http")
    with_it = await ask(chain(origins=()), "POST", headers=[*raw, (b"x-csrf-token", made.encode())], scheme="http")

    assert code(without) == NO_TOKEN
    assert code(with_it) == PASSED


async def test_a_client_that_says_nothing_of_its_source_needs_the_token() -> None:
    assert code(await call()) == NO_TOKEN
    assert code(await call(await header())) == PASSED


@pytest.mark.parametrize("cookie", [None, "stale", "cookie-of-eve"])
async def test_opening_a_session_needs_a_proven_source_and_no_token(cookie: str | None) -> None:
    for proof in (SAME, ("origin", OURS), ("sec-fetch-site", "none")):
        assert code(await call(proof, endpoint=sign_in, cookie=cookie)) == PASSED
    for doubt in ([], [("referer", f"{OURS}/login")], [("origin", "null")], [("origin", "https://evil.test")],
                  [("sec-fetch-site", "cross-site")], [("sec-fetch-site", "same-site"), ("origin", "https://blog.example.com")]):  # fmt: skip
        assert code(await call(*doubt, endpoint=sign_in, cookie=cookie)) == FOREIGN, doubt


@pytest.mark.parametrize(
    "query",
    [b"mode=cookie", b"a=b&mode=cookie", b"mode=token&mode=cookie", b"mode=cookie&mode=token", b"m%6Fde=c%6Fokie"],
)
async def test_a_session_that_is_opened_on_request_is_guarded_however_it_is_asked_for(query: bytes) -> None:
    assert code(await call(cookie=None, endpoint=perhaps_sign_in, query=query)) == FOREIGN
    assert code(await call(SAME, cookie=None, endpoint=perhaps_sign_in, query=query)) == PASSED


@pytest.mark.parametrize("query", [b"", b"mode=token", b"mode=", b"mode", b"cookie=mode"])
async def test_a_sign_in_that_sets_no_cookie_is_not_touched(query: bytes) -> None:
    assert (
        code(await call(("origin", "https://evil.test"), cookie=None, endpoint=perhaps_sign_in, query=query)) == PASSED
    )


async def test_the_answer_that_opens_a_session_can_carry_its_token() -> None:
    made: list[str] = []

    async def login(scope: Any, receive: Any, send: Any) -> None:
        made.append(csrf_token(HTTPConnection(scope), session="s-ada"))
        await nothing(scope, receive, send)

    await call(SAME, cookie=None, endpoint=sign_in, app=login)

    assert code(await call(SAME, ("x-csrf-token", made[0]))) == PASSED


async def opened(*headers: tuple[str, str], cookie: str | None = "cookie-of-ada", **how: Any) -> str:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    raw = [(b"host", HOST.encode())] + ([] if cookie is None else [(b"cookie", f"__Host-session={cookie}".encode())])
    raw += [(name.encode(), value.encode()) for name, value in headers]
    sent = await connect(chain(app=app, **how), headers=raw)
    return str(sent[0].get("status", sent[0]["type"]))


async def test_a_websocket_with_a_cookie_needs_our_exact_origin() -> None:
    assert await opened(("origin", OURS)) == "websocket.accept"
    assert await opened() == "403"
    assert await opened(SAME) == "403"
    for trick in TRICKS:
        assert await opened(("origin", trick)) == "403", trick
    assert await opened(cookie=None) == "websocket.accept"


async def test_log_only_lets_everything_pass_and_reports_it() -> None:
    seen, settings = Seen(), CsrfSettings(mode="log")

    foreign = await call(("origin", "https://evil.test"), settings=settings, emit=seen)
    silent = await call(settings=settings, emit=seen)
    login = await call(endpoint=sign_in, cookie=None, settings=settings, emit=seen)
    form = await call(
        ("content-type", "application/x-www-form-urlencoded"), settings=settings, emit=seen, body=[b"a=1"]
    )
    socket = await opened(("origin", "https://evil.test"), settings=settings, emit=seen)

    assert [code(reply) for reply in (foreign, silent, login, form)] == [PASSED] * 4
    assert socket == "websocket.accept"
    assert set(seen.types) == {"malicious_csrf"}
    assert {event.details["enforced"] for event in seen} == {False}
    assert {event.details["problem"] for event in seen} == {"cross_site_request", "csrf_token"}


async def test_a_refusal_is_one_event_that_names_the_source_and_no_secret() -> None:
    seen, bad = Seen(), "secret-of-somebody"

    await call(("origin", "https://evil.test"), ("x-csrf-token", bad), emit=seen)
    await call(SAME, ("x-csrf-token", bad), emit=seen)

    assert seen.types == ["malicious_csrf", "malicious_csrf"]
    assert seen[0].details["origin"] == "https://evil.test"
    assert seen[0].who == "ada"
    assert bad not in repr(seen)
    assert "cookie-of-ada" not in repr(seen)


@pytest.mark.parametrize(
    "origin", ["null", "*", "https://app.example.com/", "app.example.com", "https://*.example.com", ""]
)
def test_a_trusted_origin_that_is_none_stops_the_start(origin: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="origin"):
        Csrf(CsrfSettings(trusted_origins=(origin,)), ring=RING)


def test_production_refuses_a_trusted_origin_without_tls() -> None:
    settings = CsrfSettings(trusted_origins=("http://app.example.com",))

    assert "plain http" in str(settings.problems(production=True)[0])
    assert settings.problems(production=False) == []
