"""Accounts for attacks: registered and signed in through the application's own routes, as a visitor would."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastness.checker.evidence.mailed import confirm
from fastness.checker.evidence.samples import PASSWORD

if TYPE_CHECKING:
    from fastness.checker.evidence.attacker import Attacker
    from fastness.checker.evidence.exchange import Answer, Sent
    from fastness.checker.evidence.operations import Operation

_REGISTER = re.compile(
    r"regist|sign_?-?up|create_?-?(?:user|account)|/users?/?$|/accounts?/?$|/new_?-?user", re.IGNORECASE
)
_LOGIN = re.compile(
    r"log_?-?in|sign_?-?in|/token/?$|access_?-?token|authenticate|/auth/?$|/sessions?/?$", re.IGNORECASE
)
_NOT_LOGIN = re.compile(r"refresh|revoke|introspect|log_?-?out|verify|reset|forgot", re.IGNORECASE)
_PASSWORD = re.compile(r"^(?:.*_)?(?:password|passwd|pwd)\d?$|^pass$|confirm", re.IGNORECASE)
_NAME = re.compile(r"^(?:user_?name|login|user|nickname|handle|account)$", re.IGNORECASE)
_EMAIL = re.compile(r"mail", re.IGNORECASE)
_ACCESS = re.compile(r"^(?:access_?token|token|jwt|id_?token|auth_?token|bearer)$", re.IGNORECASE)
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_TRIED = 25
"""How many routes are asked to see whether credentials open anything."""
_REFRESH = re.compile(r"^refresh(?:_?token)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Identity:
    """One signed-in account."""

    email: str
    username: str
    password: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """The credentials, as every request carries them."""
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    id: str = ""
    """What the application calls this account in paths, where it said so."""
    how: str = ""

    @property
    def token(self) -> str:
        """The token that it signs in with; a JWT in a cookie counts. Empty where there is none."""
        found = _JWT.search(" ".join(value for _, value in self.headers))
        return self.access or (found[0] if found else "")

    def carrying(self, token: str) -> Identity:
        """The same caller with another token in the place of its own."""
        old = self.token
        return replace(self, headers=tuple((name, value.replace(old, token)) for name, value in self.headers))

    @property
    def known(self) -> dict[str, str]:
        """What it is called in paths."""
        named = {"user_id": self.id, "username": self.username, "user_name": self.username, "email": self.email}
        return {name: value for name, value in named.items() if value}

    @property
    def cookies(self) -> bool:
        """Whether a cookie carries the session."""
        return any(name == "cookie" for name, _ in self.headers)


def registration(attacker: Attacker) -> Operation | None:
    """The operation that makes an account for anybody."""
    found = [o for o in attacker.operations if o.method == "POST" and not o.schemes and _password_of(o)]
    named = [o for o in found if _REGISTER.search(o.path) and not _LOGIN.search(o.path)]
    # "register" says it; "users" may be the administrator's.
    return next(
        iter(sorted(named, key=lambda o: (not re.search("regist|sign", o.path, re.IGNORECASE), len(o.path)))), None
    )


def sign_ins(attacker: Attacker) -> list[Operation]:
    """The operations that take a name and a password and open a session, the likeliest first."""
    found = [
        o
        for o in attacker.operations
        if o.method == "POST" and _password_of(o) and _LOGIN.search(o.path) and not _NOT_LOGIN.search(o.path)
    ]
    return sorted(found, key=lambda o: len(o.fields))


async def seed(attacker: Attacker, count: int = 2) -> tuple[Identity, ...]:
    """This many accounts, or none: each registered through `registration` and signed in through `sign_ins`."""
    register = registration(attacker)
    if register is None or not attacker.writes:
        why = (
            "only safe methods are sent" if not attacker.writes else "no route was recognised that registers an account"
        )
        attacker.notes.append(f"no account was made: {why}")
        return ()
    found = []
    for _ in range(count):
        made = await account(attacker, register)
        if made is None:
            return ()
        found.append(made)
    return tuple(found)


async def spare(attacker: Attacker) -> Identity | None:
    """One more account, for attacks that may leave it locked or changed."""
    register = registration(attacker)
    return await account(attacker, register) if register is not None and attacker.writes else None


async def account(attacker: Attacker, register: Operation) -> Identity | None:
    """One fresh account, signed in; None with a note where the application did not let it."""
    sent = register.request()
    given = _given(sent.body)
    answer = await attacker.transmit(sent)
    if not answer.ok:
        attacker.notes.append(f"no account was made: {register.method} {register.path} answered {answer.status}")
        return None
    attacker.secrets.add(PASSWORD)
    own = _id(answer.value)
    await confirm(attacker, given["email"], answer)
    async for signed in _signed(attacker, answer, given, own, f"{register.method} {register.path}"):
        attacker.secrets |= {signed.access, signed.refresh} - {""}
        if await _opens(attacker, signed):
            return signed
    attacker.notes.append("an account was registered, and no sign-in with it opened anything")
    return None


async def _signed(
    attacker: Attacker, registered: Answer, given: Mapping[str, str], own: str, how: str
) -> AsyncIterator[Identity]:
    for operation in sign_ins(attacker):
        for names in _names(given, operation):
            reply = await attacker.transmit(operation.request(body=names))
            found = _identity(reply, given, own, f"{operation.method} {operation.path}")
            if found is not None:
                yield found
    at_once = _identity(registered, given, own, how)
    if at_once is not None:
        yield at_once


async def _opens(attacker: Attacker, who: Identity) -> bool:
    """Whether these credentials open anything that is closed to strangers; a cookie alone may be a mere preference."""
    asked = 0
    for operation in attacker.operations:
        if operation.method != "GET" or "{" in operation.path or asked >= _TRIED:
            continue
        asked += 1
        sent = operation.request()
        if (await attacker.transmit(sent)).status in {401, 403} and (await attacker.transmit(sent, by=who)).ok:
            return True
    # What is closed may be closed to ordinary accounts too; a token that a sign-in gave is taken at its word.
    return bool(who.access)


def wrong_sign_in(operation: Operation, victim: Identity | None) -> Sent:
    """A sign-in with a wrong password, for this account or for one that does not exist."""
    given = {
        "email": victim.email if victim is not None else "nobody@checked.example",
        "username": victim.username if victim is not None else "",
        "password": "Wrong-Horse-7-Battery-Staple",
    }
    return operation.request(body=next(_names(given, operation), {}))


async def signs_in(attacker: Attacker, operation: Operation, who: Identity) -> bool:
    """Whether this operation takes the right password of an account."""
    given = {"email": who.email, "username": who.username, "password": who.password}
    for names in _names(given, operation):
        if (await attacker.transmit(operation.request(body=names))).status < 400:  # noqa: PLR2004 - a form's redirects
            return True
    return False


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified; empty where it is none."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - RFC 7515 section 3.1
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def tokens_in(value: Any, depth: int = 0) -> dict[str, str]:
    """`access` and `refresh` in the JSON of a sign-in."""
    found: dict[str, str] = {}
    if not isinstance(value, Mapping) or depth > 2:  # noqa: PLR2004 - {"data": {"tokens": {...}}}
        return found
    for key, each in value.items():
        if isinstance(each, str) and len(each) > 8:  # noqa: PLR2004 - "bearer" is none
            if _REFRESH.match(key):
                found["refresh"] = each
            elif _ACCESS.match(key):
                found.setdefault("access", each)
        else:
            found = {**tokens_in(each, depth + 1), **found}
    return found


def _password_of(operation: Operation) -> list[str]:
    return [name for name in operation.fields if _PASSWORD.search(name)]


def _given(body: bytes) -> dict[str, str]:
    try:
        value = json.loads(body)
    except ValueError:
        value = dict(parse_qsl(body.decode("utf-8", "replace")))
    flat = {key: each for key, each in _flat(value) if isinstance(each, str)}
    return {
        "email": next((v for k, v in flat.items() if _EMAIL.search(k)), ""),
        "username": next((v for k, v in flat.items() if _NAME.match(k)), ""),
        "password": next((v for k, v in flat.items() if _PASSWORD.search(k)), PASSWORD),
    }


def _flat(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield key, each
            yield from _flat(each)


def _names(given: Mapping[str, str], operation: Operation) -> Iterator[dict[str, Any]]:
    fields = list(operation.fields)
    passwords = {name: given["password"] for name in fields if _PASSWORD.search(name)}
    more = {"grant_type": "password"} if "grant_type" in fields else {}
    tried = []
    for who in (given["username"], given["email"]):
        # An OAuth2 form calls whatever it is `username`.
        names = {
            name: given["email"] if _EMAIL.search(name) and given["email"] else who
            for name in fields
            if _NAME.match(name) or _EMAIL.search(name)
        }
        if who and names not in tried:
            tried.append(names)
            yield {**names, **passwords, **more}
    addressed = {name: given["email"] for name in fields if _EMAIL.search(name)}
    if given["email"] and addressed and addressed not in tried:
        # Some take an address or a name, and not both.
        yield {**addressed, **passwords, **more}


def _identity(answer: Answer, given: Mapping[str, str], own: str, how: str) -> Identity | None:
    if not answer.ok and not 300 <= answer.status < 400:  # noqa: PLR2004 - a form's sign-in redirects
        return None
    tokens = tokens_in(answer.value)
    headers: list[tuple[str, str]] = []
    access = tokens.get("access", "")
    if access:
        headers.append(("authorization", f"Bearer {access}"))
    cookies = [each.split(";")[0] for each in answer.all("set-cookie")]
    if cookies and not access:
        headers.append(("cookie", "; ".join(cookies)))
    if not headers:
        return None
    subject = own or _id(answer.value) or str(claims_of(access).get("sub", ""))
    return Identity(
        given["email"],
        given["username"],
        given["password"],
        tuple(headers),
        access,
        tokens.get("refresh", ""),
        subject,
        how,
    )


def _id(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    for key in ("id", "user_id", "uuid", "_id"):
        if isinstance(value.get(key), str | int):
            return str(value[key])
    return next((found for each in value.values() if isinstance(each, Mapping) and (found := _id(each))), "")
