"""The one place that knows the fido2 library: is an answer of an authenticator good for this site and this challenge?

The library checks type, origin, challenge, domain, presence, verification and signature; added here is what it leaves to the
site: the algorithm of a new key, whether the key can be used at all, the backup flags, and pages inside other people's.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from fastness.controls.passkeys.answers import Answer, read
from fastness.controls.passkeys.passkey import InvalidPasskey, Passkey, Proved
from fastness.controls.passkeys.settings import Algorithm, PasskeySettings
from fastness.core.errors import MissingExtra, Refused

if TYPE_CHECKING:
    from fido2.webauthn import AuthenticatorData

NUMBERS: Mapping[Algorithm, int] = {"ES256": -7, "EdDSA": -8, "RS256": -257}
"""As COSE calls them (IANA)."""
_SMALLEST_RSA, _LARGEST_RSA, _LONGEST_EXPONENT = 2048, 4096, 32
"""Bits."""

T = TypeVar("T")


class RelyingParty:
    """This site, as authenticators know it.

    Raises:
        MissingExtra: fido2 is not installed.
    """

    def __init__(self, settings: PasskeySettings) -> None:
        try:
            from fido2.server import Fido2Server
            from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity
        except ImportError:
            raise MissingExtra("Passkeys", "service") from None
        self.settings = settings
        # Its signatures are half typed: what comes out of it gets its type where it is used.
        self._server: Any = Fido2Server(
            PublicKeyCredentialRpEntity(id=settings.rp_id, name=settings.rp_name or settings.rp_id),
            attestation=AttestationConveyancePreference.NONE,
            verify_origin=settings.allows,
        )

    def new(self, given: Mapping[str, Any]) -> Answer:
        """An answer to a request for a new passkey. Raises InvalidPasskey when it has not the form of one."""
        return _on_own_page(read(given, "attestationObject"))

    def use(self, given: Mapping[str, Any]) -> Answer:
        """An answer of a passkey that is used. Raises InvalidPasskey when it has not the form of one."""
        return _on_own_page(read(given, "authenticatorData", "signature"))

    def made(self, answer: Answer, *, user_handle: bytes, verified: bool) -> Passkey:
        """The passkey that was made, which knew its owner if `verified` asks for it.

        Raises:
            InvalidPasskey: a check of Web Authentication section 7.1 fails.
        """
        state = _state(answer, verified=verified)
        said: AuthenticatorData = _asked(lambda: self._server.register_complete(state, answer.for_library()))
        credential: Any = said.credential_data
        if credential is None or bytes(credential.credential_id) != answer.id:
            raise InvalidPasskey("the authenticator made another credential")
        from fido2 import cbor

        eligible, backed_up = _backup(said)
        return Passkey(
            id=answer.id,
            public_key=_asked(lambda: cbor.encode(dict(credential.public_key))),
            algorithm=_asked(lambda: self._usable(credential.public_key)),
            user_handle=user_handle,
            sign_count=said.counter,
            backup_eligible=eligible,
            backed_up=backed_up,
            transports=answer.transports,
        )

    def used(self, answer: Answer, held: Passkey, *, verified: bool) -> Proved:
        """What the use of a held passkey proves. Its counter is not judged here.

        Raises:
            InvalidPasskey: a check of Web Authentication section 7.2 fails.
        """
        from fido2 import cbor
        from fido2.cose import CoseKey
        from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

        if held.algorithm not in self.settings.algorithms:
            raise InvalidPasskey("its algorithm is no longer accepted")
        if answer.user_handle is not None and answer.user_handle != held.user_handle:
            raise InvalidPasskey("the passkey is of another user")

        def check() -> AuthenticatorData:
            key: Any = cbor.decode(held.public_key)  # pyright: ignore[reportUnknownMemberType] - the library does not say
            credential = AttestedCredentialData.create(Aaguid.NONE, held.id, CoseKey.parse(key))
            self._server.authenticate_complete(_state(answer, verified=verified), [credential], answer.for_library())
            return AuthenticatorData(_decoded(answer.parts["authenticatorData"]))

        said = _asked(check)
        eligible, backed_up = _backup(said)
        if eligible is not held.backup_eligible:
            raise InvalidPasskey("backup eligibility never changes")
        now = Passkey(
            id=held.id,
            public_key=held.public_key,
            algorithm=held.algorithm,
            user_handle=held.user_handle,
            sign_count=said.counter,
            backup_eligible=eligible,
            backed_up=backed_up,
            transports=held.transports,
        )
        return Proved(now, said.is_user_verified())

    def _usable(self, key: Any) -> Algorithm:
        algorithm: Algorithm | None = next(
            (name for name in self.settings.algorithms if NUMBERS[name] == key.get(3)), None
        )
        if algorithm is None:
            raise InvalidPasskey("an algorithm that was not offered")
        if algorithm == "RS256":
            _refuse_odd_rsa(modulus=int.from_bytes(key[-1], "big"), exponent=int.from_bytes(key[-2], "big"))
        # A key that is no point of its curve would be found at the first sign-in, when its owner has nothing else.
        _loads(key)
        return algorithm


def _refuse_odd_rsa(*, modulus: int, exponent: int) -> None:
    # A long exponent makes every check slow; authenticators have 65537.
    if not _SMALLEST_RSA <= modulus.bit_length() <= _LARGEST_RSA or exponent.bit_length() > _LONGEST_EXPONENT:
        raise InvalidPasskey("an RSA key of another size")


def _loads(key: Any) -> None:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(b"", b"")
    except InvalidSignature:
        return
    raise InvalidPasskey("it takes any signature")


def _asked(ask: Callable[[], T]) -> T:
    """What the library says.

    Raises:
        InvalidPasskey: it says no. Its parsers raise whatever a hostile length or type leads them to.
    """
    try:
        return ask()
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - a stranger's bytes; every surprise is a no
        said = str(error) if type(error) is ValueError else type(error).__name__
        raise InvalidPasskey(f"fido2: {said[:100]}") from None


def _state(answer: Answer, *, verified: bool) -> dict[str, Any]:
    # Whether the challenge is ours was asked before; the library compares it once more.
    from fido2.webauthn import UserVerificationRequirement

    spelled = base64.urlsafe_b64encode(answer.challenge).rstrip(b"=").decode()
    needed = UserVerificationRequirement.REQUIRED if verified else UserVerificationRequirement.PREFERRED
    return {"challenge": spelled, "user_verification": needed}


def _backup(said: AuthenticatorData) -> tuple[bool, bool]:
    eligible, backed_up = said.is_backup_eligible(), said.is_backed_up()
    if backed_up and not eligible:
        raise InvalidPasskey("backed up, and not eligible for it")
    return eligible, backed_up


def _on_own_page(answer: Answer) -> Answer:
    if answer.cross_origin:
        raise InvalidPasskey("used inside a page of somebody else")
    return answer


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
