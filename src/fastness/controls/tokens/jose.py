"""The only module that knows joserfc: keys and bare signatures of the two algorithms on offer (RFC 7515, 7517, 7518).

joserfc and cryptography are imported when the first key is made, not before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OctKey

    class Model(Protocol):
        """One algorithm of joserfc."""

        def sign(self, msg: bytes, key: Any) -> bytes: ...
        def verify(self, msg: bytes, sig: bytes, key: Any) -> bool: ...


Algorithm = Literal["ES256", "HS256"]
"""ECDSA on P-256 with SHA-256, or HMAC with SHA-256."""

_PRIVATE_MEMBERS = frozenset({"kty", "crv", "x", "y", "d"})
_PUBLIC_MEMBERS = frozenset({"kty", "crv", "x", "y"})


class Key:
    """One key for one algorithm. Never prints itself."""

    __slots__ = ("_jose", "algorithm", "can_sign")

    def __init__(self, algorithm: Algorithm, jose: ECKey | OctKey) -> None:
        self.algorithm: Algorithm = algorithm
        self._jose = jose
        self.can_sign = bool(jose.is_private)

    def sign(self, message: bytes) -> bytes:
        """The signature as RFC 7518 section 3 spells it: 64 bytes r and s, or 32 bytes HMAC."""
        return _model(self.algorithm).sign(message, self._jose)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's signature of `message`."""
        return _model(self.algorithm).verify(message, signature, self._jose)

    def thumbprint(self) -> str:
        """The JWK thumbprint (RFC 7638). Of public keys only: a thumbprint of a secret is a hash of that secret."""
        return self._jose.thumbprint()

    def members(self, *, private: bool) -> dict[str, Any]:
        """The members of the JWK that make the key, without `kid`, `alg` and `use`."""
        allowed = _PRIVATE_MEMBERS if private else _PUBLIC_MEMBERS
        return {name: value for name, value in self._jose.as_dict(private=private).items() if name in allowed}


def generate() -> Key:
    """A new ES256 key."""
    from joserfc.jwk import ECKey

    return Key("ES256", ECKey.generate_key("P-256"))


def shared(secret: bytes) -> Key:
    """An HS256 key. The caller has checked the secret."""
    from joserfc.jwk import OctKey

    return Key("HS256", OctKey.import_key(secret))


def from_pem(pem: bytes) -> Key:
    """An ES256 key from PEM, private or public.

    Raises:
        ValueError: when it is not a key of P-256; the message never shows it.
    """
    from joserfc.jwk import ECKey

    return _checked(lambda: ECKey.import_key(pem))


def from_members(members: Mapping[str, Any]) -> Key:
    """An ES256 key from the members of a JWK.

    Raises:
        ValueError: when it is not a key of P-256, or the point is not on the curve; the message never shows it.
    """
    from joserfc.jwk import ECKey

    known = {name: value for name, value in members.items() if name in _PRIVATE_MEMBERS}
    if members.get("kty") != "EC" or not all(isinstance(value, str) for value in known.values()):
        raise ValueError("not an elliptic curve key")
    return _checked(lambda: ECKey.import_key(known))


def _checked(read: Callable[[], ECKey]) -> Key:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            key = read()
            key.public_key.public_numbers()
            right = key.curve_name == "P-256"
    except Exception:  # noqa: BLE001 - whatever the parser says may quote the key
        right, key = False, None
    if key is None or not right:
        raise ValueError("not a key of the curve P-256")
    return Key("ES256", key)


_models: dict[str, Model] = {}


def _model(algorithm: Algorithm) -> Model:
    model = _models.get(algorithm)
    if model is None:
        from joserfc.jws import JWSRegistry

        model = _models[algorithm] = JWSRegistry(algorithms=["ES256", "HS256"]).get_alg(algorithm)
    return model
