"""Passkeys used alone: a ceremony succeeds for this site, this challenge and this holder, once, and in no other way."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fido2 import cbor
from fido2.cose import ES256, ES384, RS256, EdDSA
from hypothesis import given
from hypothesis import strategies as st

from authenticator import BE, BS, UP, UV, Authenticator, b64, unb64
from fastness.controls.passkeys import (
    CounterRegressed,
    InvalidPasskey,
    Passkey,
    Passkeys,
    PasskeySettings,
    PasskeyUser,
    Proved,
)
from fastness.core.events import Event, EventType
from fastness.core.keys import KeyRing
from fastness.core.store import MemoryStore

pytestmark = pytest.mark.anyio

SITE = PasskeySettings(rp_id="example.com", origins=("https://example.com", "https://app.example.com"))
RING = KeyRing(["qx1WWbICdedsgkoSbcmbm90qJWktznVrEI8btLEr83GGKTHk"])


class Site:
    """A site that uses the control alone."""

    def __init__(self, settings: PasskeySettings = SITE, ring: KeyRing = RING) -> None:
        self.events: list[Event] = []
        self.time = time.time()
        self.store = MemoryStore(now=lambda: self.time)
        self.passkeys = Passkeys(settings, ring, emit=self.events.append, now=lambda: self.time)
        self.handle = self.passkeys.handle("ada")

    async def register(
        self, key: Authenticator, *, session: str = "s1", answer: dict[str, Any] | None = None
    ) -> Passkey:
        answer = answer or key.create(self.options(session))
        return await self.passkeys.registered(answer, user_handle=self.handle, bound_to=session, once=self.store)

    def options(self, session: str = "s1") -> dict[str, Any]:
        return self.passkeys.to_register(PasskeyUser(self.handle, "ada@example.com"), bound_to=session)

    def ask(self, purpose: str = "login", bound_to: str = "f1") -> dict[str, Any]:
        return self.passkeys.to_prove(purpose, bound_to=bound_to)

    async def prove(
        self, answer: dict[str, Any], held: Passkey, purpose: str = "login", bound_to: str = "f1", **more: Any
    ) -> Proved:
        read = self.passkeys.read(answer, purpose, bound_to=bound_to)
        return await self.passkeys.proved(read, held, purpose, bound_to=bound_to, once=self.store, **more)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def key() -> Authenticator:
    return Authenticator(origin="https://app.example.com")


def changed(answer: dict[str, Any], part: str, value: object) -> dict[str, Any]:
    return {**answer, "response": {**answer["response"], part: value}}


async def test_a_passkey_is_made_and_used(site: Site, key: Authenticator) -> None:
    held = await site.register(key)
    proved = await site.prove(key.get(site.ask()), held)

    assert (held.id, held.algorithm, held.user_handle, held.transports) == (key.id, "ES256", key.handle, ("usb",))
    assert (proved.passkey.sign_count, proved.verified, proved.methods) == (1, True, ("hwk", "user"))
    assert site.events == []


def test_the_options_say_what_this_site_asks(site: Site) -> None:
    options = site.options()
    asked = site.ask()

    assert options["rp"] == {"id": "example.com", "name": "example.com"}
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [-7, -8, -257]
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"] == {
        "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
    }  # fmt: skip
    assert (asked["rpId"], asked["allowCredentials"], asked["userVerification"]) == ("example.com", [], "required")
    assert len(unb64(asked["challenge"])) >= 32
    assert json.dumps([options, asked])


def test_challenges_and_handles_are_never_the_same_and_say_nothing(site: Site) -> None:
    assert len({site.ask()["challenge"] for _ in range(100)}) == 100
    assert site.handle == site.passkeys.handle("ada") != site.passkeys.handle("eve")
    assert len(site.handle) == 32
    assert b"ada" not in site.handle


@pytest.mark.parametrize("lie", [
    {"origin": "https://evil.example"}, {"origin": "http://app.example.com"}, {"origin": "https://app.example.com:444"},
    {"origin": "https://app.example.com.evil.example"}, {"origin": "https://APP.example.com"}, {"origin": "null"},
    {"rp_id": "evil.example"}, {"rp_id": "app.example.com"},
    {"flags": UP}, {"flags": UV}, {"flags": UP | UV | BS},
    {"client": {"crossOrigin": True}}, {"client": {"crossOrigin": []}}, {"client": {"crossOrigin": {}}}, {"client": {"topOrigin": "https://evil.example"}},
    {"client": {"type": "webauthn.get"}}, {"client": {"type": "payment.get"}}, {"client": {"origin": ["https://example.com"]}},
], ids=str)  # fmt: skip
async def test_what_is_not_for_this_site_is_refused_in_both_ceremonies(site: Site, lie: dict[str, Any]) -> None:
    good = Authenticator(origin="https://app.example.com")
    held = await site.register(good)
    for name, value in lie.items():
        setattr(good, name, value)

    with pytest.raises(InvalidPasskey):
        await site.register(Authenticator(**{"origin": "https://app.example.com", **lie}))
    if lie != {"client": {"type": "webauthn.get"}}:
        with pytest.raises(InvalidPasskey):
            await site.prove(good.get(site.ask()), held)


async def test_a_challenge_is_good_once(site: Site, key: Authenticator) -> None:
    making = key.create(site.options())
    held = await site.register(key, answer=making)
    used = key.get(site.ask())
    await site.prove(used, held)

    with pytest.raises(InvalidPasskey, match="used before"):
        await site.register(key, answer=making)
    with pytest.raises(InvalidPasskey, match="used before"):
        await site.prove(used, held)


async def test_a_challenge_is_for_one_purpose_and_one_holder(site: Site, key: Authenticator) -> None:
    held = await site.register(key)
    crossed = [
        (site.ask("mfa"), "login", "f1"),
        (site.ask("login", "f2"), "login", "f1"),
        (site.ask("create", "f1"), "login", "f1"),
        (site.ask("lo", "ginf1"), "login", "f1"),
        ({**site.ask(), "challenge": site.options("f1")["challenge"]}, "login", "f1"),
        ({**site.ask(), "challenge": b64(bytes(72))}, "login", "f1"),
        ({**site.ask(), "challenge": ""}, "login", "f1"),
    ]

    for options, purpose, bound_to in crossed:
        with pytest.raises(InvalidPasskey):
            await site.prove(key.get(options), held, purpose, bound_to)
    with pytest.raises(InvalidPasskey):
        await site.register(Authenticator(origin=key.origin), session="s2", answer=key.create(site.options("s1")))
    with pytest.raises(InvalidPasskey):
        await site.register(
            key, answer=key.create({**site.options(), "challenge": site.ask("create", "s1")["challenge"]})
        )


async def test_a_challenge_is_over_after_five_minutes(site: Site, key: Authenticator) -> None:
    held = await site.register(key)
    first, second = key.get(site.ask()), key.get(site.ask())
    site.time += 299
    await site.prove(first, held)
    site.time += 2

    with pytest.raises(InvalidPasskey, match="over"):
        await site.prove(second, replace(held, sign_count=1))


async def test_challenges_outlive_a_rotation_and_no_foreign_key_makes_one(key: Authenticator) -> None:
    before, after = Site(), Site(ring=KeyRing(["old " * 9, "new " * 9]))
    before.passkeys = Passkeys(SITE, KeyRing(["old " * 9]), now=lambda: before.time)
    held = await before.register(key)

    assert (await after.prove(key.get(before.ask()), held)).verified
    with pytest.raises(InvalidPasskey):
        await after.prove(key.get(Site().ask()), held)


async def test_a_passkey_that_counts_backwards_is_told_and_refused(site: Site, key: Authenticator) -> None:
    held = await site.register(key)
    key.count = 7
    held = (await site.prove(key.get(site.ask()), held)).passkey
    key.count = 7  # it says 8 again

    with pytest.raises(CounterRegressed):
        await site.prove(key.get(site.ask()), held, who="ada")
    assert [(event.type, event.who, event.details["refused"]) for event in site.events] == [
        (EventType.AUTHN_FACTOR_CLONED, "ada", True)
    ]


async def test_a_site_may_only_be_told_of_it(key: Authenticator) -> None:
    site = Site(SITE.model_copy(update={"counter": "report"}))
    held = replace(await site.register(key), sign_count=9)

    assert (await site.prove(key.get(site.ask()), held)).passkey.sign_count == 1
    assert [event.details["refused"] for event in site.events] == [False]


async def test_a_passkey_that_never_counts_is_no_copy(site: Site, key: Authenticator) -> None:
    held = await site.register(key)
    for _ in range(3):
        key.count = -1
        held = (await site.prove(key.get(site.ask()), held)).passkey

    assert held.sign_count == 0
    assert site.events == []


async def test_backup_flags_are_kept_and_eligibility_never_changes(site: Site, key: Authenticator) -> None:
    key.flags |= BE
    held = await site.register(key)
    key.flags |= BS
    proved = await site.prove(key.get(site.ask()), held)
    key.flags &= ~(BE | BS)

    assert (held.backup_eligible, held.backed_up, proved.passkey.backed_up) == (True, False, True)
    assert proved.methods == ("swk", "user")
    with pytest.raises(InvalidPasskey, match="eligibility"):
        await site.prove(key.get(site.ask()), proved.passkey)


async def test_verification_may_be_left_out_where_the_site_says_so_and_never_alone(key: Authenticator) -> None:
    site = Site(SITE.model_copy(update={"user_verification": "preferred"}))
    key.flags = UP
    held = await site.register(key)

    assert not (await site.prove(key.get(site.ask("mfa")), held, "mfa", verified=False)).verified
    with pytest.raises(InvalidPasskey):
        await site.prove(key.get(site.ask()), held)
    assert site.options()["authenticatorSelection"]["residentKey"] == "preferred"


async def test_a_signature_of_another_key_is_refused(site: Site, key: Authenticator) -> None:
    held = await site.register(key)
    thief = Authenticator(origin=key.origin, id=key.id, handle=key.handle)
    other = Authenticator(origin=key.origin, handle=key.handle)

    with pytest.raises(InvalidPasskey, match="signature"):
        await site.prove(thief.get(site.ask()), held)
    with pytest.raises(InvalidPasskey, match="another passkey"):
        await site.prove(other.get(site.ask()), held)
    key.handle = site.passkeys.handle("eve")
    with pytest.raises(InvalidPasskey, match="another user"):
        await site.prove(key.get(site.ask()), held)


async def test_an_answer_that_names_nobody_is_none_where_a_name_is_needed(site: Site, key: Authenticator) -> None:
    answer = changed(key.get(site.ask()), "userHandle", None)

    assert site.passkeys.read(answer, "login", bound_to="f1").user_handle is None
    with pytest.raises(InvalidPasskey, match="names no user"):
        site.passkeys.read(answer, "login", bound_to="f1", named=True)


async def test_only_algorithms_on_the_list_are_taken(key: Authenticator) -> None:
    wide, narrow = Site(), Site(SITE.model_copy(update={"algorithms": ("EdDSA",)}))
    held = await wide.register(key)

    with pytest.raises(InvalidPasskey, match="not offered"):
        await narrow.register(key)
    with pytest.raises(InvalidPasskey, match="no longer"):
        await narrow.prove(key.get(narrow.ask()), held)


def cose(kind: Any, private: Any) -> dict[int, Any]:
    made: dict[int, Any] = kind.from_cryptography_key(private.public_key())
    return made


def _cose_of(name: str) -> bytes:
    p256 = cose(ES256, ec.generate_private_key(ec.SECP256R1()))
    short = cose(RS256, rsa.generate_private_key(65537, 1024))
    made: dict[str, dict[int, Any]] = {
        "ES384": cose(ES384, ec.generate_private_key(ec.SECP384R1())),
        "RSA 1024": short,
        "RSA 1024 and zeros": {**short, -1: bytes(128) + short[-1]},
        "RSA with a long exponent": {**cose(RS256, rsa.generate_private_key(65537, 2048)), -2: b"\x01" * 256},
        "RSA of a number": {1: 3, 3: -257, -1: 7, -2: b"\x01\x00\x01"},
        "no point": {**p256, -3: bytes(32)},
        "another curve": {**p256, -1: 2},
        "no key": {3: -7},
        "a name": {**p256, 3: "ES256"},
        "Ed25519": cose(EdDSA, ed25519.Ed25519PrivateKey.generate()),
        "RSA 2048": cose(RS256, rsa.generate_private_key(65537, 2048)),
    }
    return cbor.encode(made[name])


@pytest.mark.parametrize("name", ["ES384", "RSA 1024", "RSA 1024 and zeros", "RSA with a long exponent", "RSA of a number",
    "no point", "another curve", "no key", "a name"])  # fmt: skip
async def test_a_key_that_could_never_be_used_is_refused_when_it_is_made(
    site: Site, key: Authenticator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(key, "cose", lambda: _cose_of(name))

    with pytest.raises(InvalidPasskey):
        await site.register(key)


@pytest.mark.parametrize(("name", "algorithm"), [("Ed25519", "EdDSA"), ("RSA 2048", "RS256")])
async def test_keys_of_the_other_kinds_are_taken(
    site: Site, key: Authenticator, monkeypatch: pytest.MonkeyPatch, name: str, algorithm: str
) -> None:
    monkeypatch.setattr(key, "cose", lambda: _cose_of(name))

    assert (await site.register(key)).algorithm == algorithm


@pytest.mark.parametrize(("part", "value"), [
    ("attestationObject", b64(b"\x81" * 12_000)),  # arrays in arrays
    ("attestationObject", b64(b"\xbb" + b"\xff" * 8)),  # a map of 2^64 entries
    ("attestationObject", b64(b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59\x00\x25" + bytes(37))),
    ("attestationObject", "A" * 40_000), ("attestationObject", ""), ("attestationObject", 7), ("attestationObject", "é"),
    ("clientDataJSON", b64(b"[" * 5_000)), ("clientDataJSON", b64(b"[]")), ("clientDataJSON", b64(b"\xff")),
    ("clientDataJSON", b64(b"{}")), ("clientDataJSON", None), ("clientDataJSON", "a+b/"),
], ids=lambda value: str(value)[:30])  # fmt: skip
async def test_bytes_of_a_stranger_are_refused_and_are_no_error(
    site: Site, key: Authenticator, part: str, value: object
) -> None:
    with pytest.raises(InvalidPasskey):
        await site.register(key, answer=changed(key.create(site.options()), part, value))


@given(cut=st.integers(0, 400), flip=st.integers(0, 255), part=st.sampled_from(["authenticatorData", "signature"]))
async def test_no_byte_of_a_proof_can_be_another(cut: int, flip: int, part: str) -> None:
    site, key = Site(), Authenticator(origin="https://example.com")
    held = await site.register(key)
    answer = key.get(site.ask())
    raw = bytearray(unb64(answer["response"][part]))
    place = cut % len(raw)
    if raw[place] == flip:
        return
    raw[place] = flip

    with pytest.raises(InvalidPasskey):
        await site.prove(changed(answer, part, b64(bytes(raw))), held)


@pytest.mark.parametrize("given_", [{}, {"type": "public-key"}, {"type": "public-key", "response": []},
    {"type": "public-key", "response": {}, "id": "AA", "rawId": "AQ"}, {"type": "other", "response": {}}])  # fmt: skip
def test_what_is_no_credential_is_refused(site: Site, given_: dict[str, Any]) -> None:
    with pytest.raises(InvalidPasskey):
        site.passkeys.read(given_, "login", bound_to="f1")


async def test_what_is_stored_of_a_passkey_prints_no_key(site: Site, key: Authenticator) -> None:
    shown = repr(await site.register(key))

    assert repr(key.cose())[2:20] not in shown


@pytest.mark.parametrize(("url", "rp_id", "allowed", "refused"), [
    ("https://Example.com", "example.com", "https://example.com", "https://app.example.com"),
    ("https://example.com:8443/app", "example.com", "https://example.com:8443", "https://example.com"),
    ("", "localhost", "http://localhost:8000", "http://localhost.evil.example:8000"),
    ("http://127.0.0.1:8000", "localhost", "http://localhost:3000", "http://127.0.0.1:8000"),
    ("http://localhost:8000", "localhost", "http://localhost:8000", "http://localhost:8001"),
])  # fmt: skip
def test_the_site_comes_from_the_settings(url: str, rp_id: str, allowed: str, refused: str) -> None:
    found = PasskeySettings().at(url, name="Example")

    assert (found.rp_id, found.rp_name) == (rp_id, "Example")
    assert (found.allows(allowed), found.allows(refused)) == (True, False)


def test_a_domain_above_the_site_takes_its_pages_and_another_takes_none() -> None:
    above, elsewhere = PasskeySettings(rp_id="example.com"), PasskeySettings(rp_id="other.example")

    assert above.at("https://app.example.com").allows("https://app.example.com")
    assert not elsewhere.at("https://app.example.com").allows("https://app.example.com")


@pytest.mark.parametrize("bad", [
    {"rp_id": "https://example.com"}, {"rp_id": "example.com:443"}, {"rp_id": "192.0.2.1"}, {"rp_id": "Example.com"},
    {"origins": ("https://example.com/",)}, {"origins": ("https://",)}, {"origins": ("https://[",)}, {"origins": ("http://example.com",)},
    {"rp_id": "example.com", "origins": ("https://example.org",)},
    {"rp_id": "example.com", "origins": ("https://notexample.com",)},
])  # fmt: skip
def test_settings_that_no_browser_follows_stop_the_start(bad: dict[str, Any]) -> None:
    (problem,) = PasskeySettings(**bad).problems(production=True)

    assert problem.where.startswith("FASTNESS_PASSKEYS__")


def test_good_settings_are_no_problem_and_a_site_without_a_domain_is_none() -> None:
    assert SITE.problems(production=True) == []
    assert (
        PasskeySettings(origins=("android:apk-key-hash:abc", "http://localhost:3000")).problems(production=True) == []
    )
    with pytest.raises(ValueError, match="rp_id"):
        Passkeys(PasskeySettings(), RING)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
CLIENT = st.dictionaries(st.sampled_from(["type", "challenge", "origin", "crossOrigin", "topOrigin"]), JSON)


@given(client=CLIENT, more=st.dictionaries(st.sampled_from(["id", "rawId", "type", "response"]), JSON), odd=JSON)
async def test_no_json_of_a_stranger_is_an_error(client: dict[str, Any], more: dict[str, Any], odd: object) -> None:
    site, key = Site(), Authenticator(origin="https://example.com", client=client)
    made, used = key.create(site.options()), key.get(site.ask())
    part = sorted(made["response"])[len(str(odd)) % 3]

    for answer in (made, {**made, **more}, changed(made, part, odd)):
        with contextlib.suppress(InvalidPasskey):
            await site.register(key, answer=answer)
    for answer in (used, {**used, **more}, changed(used, "userHandle", odd), changed(used, "signature", odd)):
        with contextlib.suppress(InvalidPasskey):
            site.passkeys.read(answer, "login", bound_to="f1")


@given(place=st.integers(0, 400), bytes_=st.binary(min_size=1, max_size=12))
async def test_no_bytes_of_an_attestation_are_an_error(place: int, bytes_: bytes) -> None:
    site, key = Site(), Authenticator(origin="https://example.com")
    made = key.create(site.options())
    raw = unb64(made["response"]["attestationObject"])
    place %= len(raw)
    put = raw[:place] + bytes_ + raw[place + len(bytes_) :]

    with contextlib.suppress(InvalidPasskey):
        await site.register(key, answer=changed(made, "attestationObject", b64(put)))


@pytest.mark.parametrize("spelled", ["+", "/", "=", " ", "\n", "é"])
def test_one_alphabet_is_read(site: Site, key: Authenticator, spelled: str) -> None:
    answer = {**key.get(site.ask()), "id": "AA" + spelled, "rawId": "AA" + spelled}

    with pytest.raises(InvalidPasskey, match="rawId is no base64url"):
        site.passkeys.read(answer, "login", bound_to="f1")


def test_the_standard_port_is_no_part_of_an_origin() -> None:
    assert PasskeySettings().at("https://example.com:443/").allows("https://example.com")
    assert PasskeySettings().at("http://example.com:80").allows("http://example.com")
    (problem,) = PasskeySettings(origins=("https://example.com:443",)).problems(production=True)
    assert problem.where == "FASTNESS_PASSKEYS__ORIGINS"
