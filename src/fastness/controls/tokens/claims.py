"""What an access token says, and the rules that decide whether it counts (RFC 7519, RFC 8725, RFC 9068)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from fastness.controls.tokens import strict
from fastness.controls.tokens.settings import TokenSettings
from fastness.core.principal import Principal

TYPE = "at+jwt"
"""RFC 9068 section 2.1: a token of another type is no access token, whatever it claims."""

REGISTERED = frozenset({
    "iss", "aud", "sub", "iat", "exp", "nbf", "jti", "sid", "scope", "roles", "ver", "auth_time", "amr",
})  # fmt: skip
"""Claims that the issuer writes itself."""

FOREIGN = frozenset({
    "purpose", "token_use", "token_type", "typ", "type", "use", "nonce", "at_hash", "c_hash", "events",
})  # fmt: skip
"""Claims that mark refresh, ID, logout, reset or verification tokens of other issuers and libraries. An access token
never has them, so the rules of the kinds exclude each other (RFC 8725 section 3.12)."""

_LONGEST_ID = 255
_LATEST = 2**53


class Unacceptable(ValueError):
    """A claim is missing, of the wrong type, or says that this token is not for now or not for us."""


def principal(header: Mapping[str, Any], payload: bytes, settings: TokenSettings, now: float) -> Principal:
    """Who the token speaks for. The signature has been checked.

    Raises:
        Unacceptable: when a rule says no.
    """
    if header.get("typ") != TYPE:
        raise Unacceptable("not an access token (typ)")
    try:
        claims = strict.json_object(payload)
    except (ValueError, RecursionError):
        raise Unacceptable("the payload is not one plain JSON object") from None
    if not FOREIGN.isdisjoint(claims):
        raise Unacceptable("claims of another kind of token")
    _same(claims, "iss", settings.issuer)
    _same(claims, "aud", settings.audience or settings.issuer)
    expires = _life(claims, settings, now)
    session = identifier(claims.get("sid"), "sid") if settings.require_session or "sid" in claims else None
    return Principal(
        id=identifier(claims.get("sub"), "sub"),
        roles=frozenset(_texts(claims, "roles")),
        permissions=frozenset(_scope(claims)),
        session=session,
        token=identifier(claims.get("jti"), "jti"),
        version=_number(claims, "ver") if "ver" in claims else 0,
        authenticated_at=float(_number(claims, "auth_time")) if "auth_time" in claims else 0.0,
        methods=tuple(_texts(claims, "amr")),
        expires_at=float(expires),
        claims=strict.frozen(claims),
    )


def identifier(value: object, name: str) -> str:
    """A `sub`, `sid` or `jti`: 1 to 255 visible ASCII characters (OpenID Connect Core 1.0 section 2).

    Raises:
        Unacceptable: when it is anything else. Two spellings of one id, as in " 1" and the full-width digit, are two
            ways to become someone else.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_ID or not _visible(value):
        raise Unacceptable(f"{name} is not 1 to {_LONGEST_ID} visible ASCII characters")
    return value


def scope_token(value: str) -> str:
    """One permission as it stands in `scope` (RFC 6749 section 3.3).

    Raises:
        Unacceptable: when it holds a space, a quote, a backslash or anything that is not visible ASCII.
    """
    if not value or not _visible(value) or '"' in value or "\\" in value:
        raise Unacceptable("a permission is not a scope token of RFC 6749 section 3.3")
    return value


def _visible(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _same(claims: Mapping[str, Any], name: str, expected: str) -> None:
    # Exact and of the same type: no prefix, no list, no case folding (CVE-2024-53861).
    if not expected or claims.get(name) != expected:
        raise Unacceptable(f"{name} is not ours")


def _life(claims: Mapping[str, Any], settings: TokenSettings, now: float) -> int:
    issued, expires = _number(claims, "iat"), _number(claims, "exp")
    if expires <= now:
        raise Unacceptable("expired")
    if issued > now + settings.leeway:
        raise Unacceptable("issued in the future")
    if "nbf" in claims and _number(claims, "nbf") > now + settings.leeway:
        raise Unacceptable("not valid yet")
    if not 0 < expires - issued <= settings.max_lifetime:
        raise Unacceptable("lives longer than any token may")
    return expires


def _number(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    # type() and not isinstance(): True is an int.
    if type(value) is not int or not 0 <= value <= _LATEST:
        raise Unacceptable(f"{name} is not a whole number")
    return value


def _texts(claims: Mapping[str, Any], name: str) -> list[str]:
    value: object = claims.get(name, [])
    if not isinstance(value, list):
        raise Unacceptable(f"{name} is not a list of texts")
    items = cast("list[object]", value)
    texts = [item for item in items if isinstance(item, str) and item]
    if len(texts) != len(items):
        raise Unacceptable(f"{name} is not a list of texts")
    return texts


def _scope(claims: Mapping[str, Any]) -> list[str]:
    value = claims.get("scope", "")
    if not isinstance(value, str):
        raise Unacceptable("scope is not a text")
    return [scope_token(item) for item in value.split(" ")] if value else []
