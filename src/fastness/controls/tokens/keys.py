"""The ring of signing keys: the newest signs, every one verifies until it is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from fastness.controls.tokens.signing_key import SigningKey, unsafe
from fastness.core.keys import KeyRing


class TokenKeys:
    """The keys of one issuer, newest last: the last one signs, every one verifies.

    All keys have the same algorithm: a ring that mixes shared and public keys invites key confusion.
    """

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        every = tuple(keys)
        self._by_kid: dict[str, SigningKey] = {key.kid: key for key in every}
        if not every:
            raise unsafe("there is no token key", why="no token could be issued or verified")
        if len(self._by_kid) != len(every):
            raise unsafe("two token keys have the same name (kid)", why="a token must name exactly one key")
        if len({key.alg for key in every}) > 1:
            raise unsafe("shared and public token keys are mixed", why="one issuer has one algorithm (RFC 8725 3.1)")
        self.current = every[-1]

    @classmethod
    def generate(cls) -> TokenKeys:
        """One new ES256 key."""
        return cls([SigningKey.generate()])

    @classmethod
    def shared(cls, *secrets: bytes | str) -> TokenKeys:
        """HS256 from shared secrets, newest last.

        Raises:
            UnsafeConfiguration: when one is short or is the text of an asymmetric key.
        """
        return cls(SigningKey.shared(secret) for secret in secrets)

    @classmethod
    def derived(cls, ring: KeyRing, purpose: str = "access tokens") -> TokenKeys:
        """HS256 from the application's secrets, by a key that serves no other purpose."""
        return cls(SigningKey.shared(key) for key in reversed(ring.every(purpose)))

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any]) -> TokenKeys:
        """The keys another service publishes: enough to verify its tokens, not to issue.

        Raises:
            UnsafeConfiguration: when any key in it is not fit for ES256 or HS256.
        """
        found: object = document.get("keys")
        keys = cast("list[object]", found) if isinstance(found, list) else []
        if not keys or not all(isinstance(key, dict) for key in keys):
            raise unsafe("the key set holds no list of keys", why="no token could be verified")
        return cls(SigningKey.from_jwk(cast("dict[str, Any]", key)) for key in keys)

    def rotated(self, key: SigningKey, *, keep: int = 2) -> TokenKeys:
        """A new ring that signs with `key` and still verifies the `keep` newest keys of this one."""
        return TokenKeys([*list(self)[max(0, len(self) - keep) :], key])

    def get(self, kid: str) -> SigningKey | None:
        """The key with exactly this name."""
        return self._by_kid.get(kid)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys, for `/.well-known/jwks.json` (RFC 7517 section 5). Empty for shared secrets."""
        return {"keys": [jwk for key in self if (jwk := key.public_jwk()) is not None]}

    def __iter__(self) -> Iterator[SigningKey]:
        return iter(self._by_kid.values())

    def __len__(self) -> int:
        return len(self._by_kid)

    def __repr__(self) -> str:
        return f"TokenKeys({list(self)!r})"
