"""What `issue` writes, what `verify` demands, and what the cache never forgets to ask."""

from __future__ import annotations

import base64
import threading
from typing import Any

import pytest

from fastness.controls.tokens import SigningKey, TokenKeys, Tokens, TokenSettings, jws
from fastness.core.errors import InvalidToken, UnsafeConfiguration
from token_forge import BARE, NOW, SECRET, SETTINGS, b64, claims, forged, tokens

KEYS = TokenKeys([SigningKey.shared(SECRET, "k1")])


class Time:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.at = float(NOW)

    def __call__(self) -> float:
        return self.at


def refused(service: Tokens, raw: str) -> str:
    with pytest.raises(InvalidToken) as error:
        service.verify(raw)
    return error.value.reason


def test_a_token_comes_back_as_the_principal_it_was_issued_for() -> None:
    service = tokens(TokenKeys.generate())

    raw = service.issue(
        "ada",
        session="s1",
        roles=["admin", "user"],
        permissions=["notes:write", "notes:read"],
        version=7,
        authenticated_at=NOW - 5.5,
        methods=("pwd", "otp"),
        extra={"tenant": "acme", "tags": ["a", {"b": [1.5]}]},
    )

    who = service.verify(raw)
    assert (who.id, who.session, who.version, who.scheme) == ("ada", "s1", 7, "bearer")
    assert who.roles == {"admin", "user"}
    assert who.permissions == {"notes:read", "notes:write"}
    assert (who.authenticated_at, who.methods, who.expires_at) == (NOW - 6, ("pwd", "otp"), NOW + 600)
    assert who.claims["tenant"] == "acme"
    assert who.claims["tags"] == ("a", {"b": (1.5,)})
    assert service.verify(raw.encode()) == who


def test_every_token_has_its_own_id_and_without_a_session_its_own_session() -> None:
    service = tokens()

    first, second = (service.verify(service.issue("ada")) for _ in range(2))

    assert first.token != second.token
    assert first.session
    assert first.session != second.session


def test_one_request_cannot_change_the_claims_that_the_next_one_sees() -> None:
    service = tokens()
    raw = service.issue("ada", extra={"plan": {"name": "free"}})

    with pytest.raises(TypeError):
        service.verify(raw).claims["plan"]["name"] = "gold"
    with pytest.raises(TypeError):
        service.verify(raw).claims["sub"] = "eve"  # type: ignore[index]

    assert service.verify(raw).claims["plan"] == {"name": "free"}


BROKEN: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = [
    ("expired", None, {"exp": NOW}),
    ("iss is not ours", None, {"iss": "https://issuer.example/"}),
    ("iss is not ours", None, {"iss": "https://issuer.exampl"}),
    ("aud is not ours", None, {"aud": "app2"}),
    ("aud is not ours", None, {"aud": ["app"]}),
    ("not an access token (typ)", {"alg": "HS256", "typ": "JWT", "kid": "k1"}, {}),
    ("not an access token (typ)", {"alg": "HS256", "kid": "k1"}, {}),
    ("another algorithm than the key's", {"alg": "ES256", "typ": "at+jwt", "kid": "k1"}, {}),
    ("signed by a key that is not in the ring", {"alg": "HS256", "typ": "at+jwt", "kid": "K1"}, {}),
    ("the header holds parameters that tokens of ours never have", {"alg": "HS256", "typ": "at+jwt", "kid": "k1", "crit": []}, {}),
    ("the header holds parameters that tokens of ours never have", {"alg": "HS256", "typ": "at+jwt", "kid": "k1", "jwk": {}}, {}),
    ("issued in the future", None, {"iat": NOW + 31}),
    ("not valid yet", None, {"nbf": NOW + 31}),
    ("lives longer than any token may", None, {"exp": NOW + 3601}),
    ("lives longer than any token may", None, {"iat": NOW + 20, "exp": NOW + 20}),
    ("claims of another kind of token", None, {"purpose": "refresh"}),
    ("claims of another kind of token", None, {"nonce": "n"}),
    *[(f"{name} is not a whole number", None, {name: None}) for name in ("exp", "iat")],
    *[(f"{name} is not 1 to 255 visible ASCII characters", None, {name: None}) for name in ("sub", "jti", "sid")],
    *[(f"{name} is not ours", None, {name: None}) for name in ("iss", "aud")],
    ("ver is not a whole number", None, {"ver": "3"}),
    ("ver is not a whole number", None, {"ver": True}),
    ("roles is not a list of texts", None, {"roles": "admin"}),
    ("amr is not a list of texts", None, {"amr": [1]}),
    ("scope is not a text", None, {"scope": ["read"]}),
    ("a permission is not a scope token of RFC 6749 section 3.3", None, {"scope": "read  write"}),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "header", "changed"), BROKEN, ids=[f"{r} {h or c}" for r, h, c in BROKEN])
def test_one_thing_wrong_in_an_otherwise_good_token_is_enough(
    reason: str, header: dict[str, Any] | None, changed: dict[str, Any]
) -> None:
    raw = forged(header, claims(**changed))

    assert refused(tokens(), raw) == reason


@pytest.mark.parametrize("number", BARE)
def test_a_number_that_json_does_not_know_is_refused_in_any_claim(number: str) -> None:
    assert refused(tokens(), forged(None, claims(note=number))) == "the payload is not one plain JSON object"


def test_half_a_character_is_refused_in_any_claim() -> None:
    for half in ({"note": "\ud800"}, {"note": ["\udfff"]}, {"\ud800": 1}):
        assert refused(tokens(), forged(None, {**claims(), **half})) == "the payload is not one plain JSON object"


def test_a_good_token_has_one_spelling_only() -> None:
    good = forged()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    loose = alphabet[alphabet.index(good[-1]) ^ 1]  # 43 letters carry 258 bits, the signature has 256

    for spelling in (f"{good}=", f"{good}\n", good[:-1] + loose, f"{good[:-5]}!{good[-5:]}"):
        assert refused(tokens(), spelling) == "not exact base64url"


def test_a_signature_by_another_secret_is_refused() -> None:
    assert refused(tokens(), forged(secret=b"x" * 32)) == "the signature is not right"


def test_service_tokens_may_do_without_a_session_when_the_settings_say_so() -> None:
    service = tokens(settings=SETTINGS.model_copy(update={"require_session": False}))

    assert service.verify(service.issue("worker")).session is None
    assert service.verify(forged(None, claims(sid=None))).session is None


def test_clocks_may_differ_by_the_leeway_but_expiry_has_none() -> None:
    clock = Time()
    service = Tokens(KEYS, SETTINGS, now=clock)

    assert service.verify(forged(None, claims(iat=NOW + 30, nbf=NOW + 30))).id == "ada"
    clock.at = NOW + 600
    assert refused(service, forged()) == "expired"


def test_a_token_from_a_clock_that_was_wrong_is_no_longer_good_when_it_is_right_again() -> None:
    clock = Time()
    service = Tokens(KEYS, SETTINGS, now=clock)
    clock.at = NOW + 3600
    ahead = service.issue("ada")

    assert service.verify(ahead).id == "ada"
    clock.at = NOW
    assert refused(service, ahead) == "issued in the future"


def test_a_cached_token_expires_on_time() -> None:
    clock = Time()
    service = Tokens(KEYS, SETTINGS, now=clock)
    raw = service.issue("ada")
    service.verify(raw)

    clock.at = NOW + 599.9
    assert service.verify(raw).id == "ada"
    clock.at = NOW + 600

    assert refused(service, raw) == "expired"


@pytest.mark.parametrize("what", ["session", "token", "user", "version"])
def test_a_cached_token_ends_when_something_revokes_it(what: str) -> None:
    service = tokens()
    raw, other = service.issue("ada", version=1), service.issue("bob", version=1)
    who = service.verify(raw)
    end = {
        "session": lambda: service.revocations.revoke_session(who.session or "", until=NOW + 600),
        "token": lambda: service.revocations.revoke_token(who.token or "", until=NOW + 600),
        "user": lambda: service.revocations.revoke_user("ada", until=NOW + 600),
        "version": lambda: service.revocations.require_version("ada", 2, until=NOW + 600),
    }

    end[what]()

    assert refused(service, raw) == "revoked"
    assert service.verify(other).id == "bob"


def test_a_revoked_token_stays_revoked_in_its_other_spelling() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    service = tokens(TokenKeys.generate())
    raw = service.issue("ada")
    message, _, signature = raw.rpartition(".")
    rs = base64.urlsafe_b64decode(signature + "==")
    twin = f"{message}.{b64(rs[:32] + (order - int.from_bytes(rs[32:], 'big')).to_bytes(32, 'big'))}"
    assert service.verify(twin) == service.verify(raw)

    service.revocations.revoke_token(service.verify(raw).token or "", until=NOW + 600)

    assert refused(service, twin) == "revoked"


def test_replaced_keys_empty_the_cache() -> None:
    service = tokens()
    raw = forged()
    service.verify(raw)

    service.replace_keys(TokenKeys.generate())

    assert refused(service, raw) == "signed by a key that is not in the ring"


def test_a_token_checked_while_the_keys_are_replaced_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    service, raw = tokens(), forged()
    inside, go_on = threading.Event(), threading.Event()
    real = jws.verify

    def slow(token: bytes, keys: jws.Keys) -> tuple[dict[str, Any], bytes]:
        found = real(token, keys)
        inside.set()
        assert go_on.wait(10)
        return found

    monkeypatch.setattr(jws, "verify", slow)
    worker = threading.Thread(target=service.verify, args=(raw,))
    worker.start()
    assert inside.wait(10)
    service.replace_keys(TokenKeys.generate())
    go_on.set()
    worker.join()

    assert refused(service, raw) == "signed by a key that is not in the ring"


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    service = tokens(settings=SETTINGS.model_copy(update={"cache_size": 8}))
    used = service.issue("ada")

    for number in range(100):
        service.verify(service.issue(f"user-{number}"))
        service.verify(used)

    held = service._verified
    assert len(held.young) <= 8
    assert len(held.old) <= 8
    assert used.encode() in held.young | held.old


def test_refused_tokens_are_not_remembered() -> None:
    service = tokens()

    refused(service, forged(secret=b"x" * 32))
    refused(service, "a.b.c")

    assert not service._verified.young
    assert not service._verified.old


def test_without_a_cache_every_check_still_runs() -> None:
    service = tokens(settings=SETTINGS.model_copy(update={"cache_size": 0}))
    raw = service.issue("ada")

    assert service.verify(raw) == service.verify(raw)
    assert not service._verified.young


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": ""},
        {"subject": " ada"},
        {"subject": "ada\ud800"},
        {"subject": "a" * 256},
        {"session": ""},
        {"permissions": ["read write"]},
        {"permissions": [""]},
        {"roles": [""]},
        {"roles": "admin"},
        {"permissions": "read"},
        {"methods": "pwd"},
        {"version": -1},
        {"version": True},
        {"lifetime": 0},
        {"lifetime": 3601},
        {"authenticated_at": -1.0},
        {"extra": {"sub": "eve"}},
        {"extra": {"purpose": "reset"}},
        {"extra": {"x": float("nan")}},
        {"extra": {"x": 10**30}},
        {"extra": {"x": object()}},
        {"extra": {"x": "\udfff"}},
        {"extra": {"x": "x" * 8000}},
    ],
    ids=lambda wrong: next(iter(wrong)),  # an address in an id differs in each worker
)
def test_no_token_is_issued_that_would_be_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has its own text
        tokens().issue(**{"subject": "ada", **wrong})


def test_tokens_without_an_issuer_do_not_start() -> None:
    with pytest.raises(UnsafeConfiguration, match="no issuer"):
        Tokens(KEYS, TokenSettings())


def test_the_audience_is_the_issuer_unless_set() -> None:
    service = tokens(settings=TokenSettings(issuer="https://a.example"))

    assert service.verify(service.issue("ada")).claims["aud"] == "https://a.example"


def test_production_asks_for_an_issuer_with_tls() -> None:
    plain = TokenSettings(issuer="http://a.example", lifetime=3600, max_lifetime=600)

    assert len(plain.problems(production=True)) == 2
    assert len(plain.problems(production=False)) == 1
    assert not SETTINGS.problems(production=True)
