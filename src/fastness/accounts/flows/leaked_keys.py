"""Leaked keys: a scanner that found keys in the open reports them, signed, and they end at once."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.refusals import BadReport
from fastness.accounts.letters import Letters
from fastness.accounts.models import Work
from fastness.accounts.settings import LeakSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.apikeys import ApiKeys
from fastness.core.clock import Clock
from fastness.core.errors import BadRequest
from fastness.core.events import Event, EventType, Level, Sink

MOST = 500
"""Keys in one report."""
_LONGEST_HOST = 100


@dataclass(frozen=True, slots=True)
class Signed:
    """A report as it came: the bytes, and who says that they are theirs."""

    body: bytes = field(repr=False)
    mac: str = ""
    """`sha256=` and the HMAC of the body, in hexadecimal."""
    key: str = ""
    """Identifier of a public key."""
    signature: str = field(default="", repr=False)
    """ECDSA over the body, in base64."""


@dataclass(frozen=True, slots=True)
class LeakedKeys:
    """The signature is looked at before the body is read as anything; then one statement ends all that are ours.

    Who reports learns nothing: a report of known, unknown and ended keys gets the same answer. A second report of a key
    finds nothing to end, so a report that is sent again does no harm.
    """

    db: Database[Work]
    keys: ApiKeys
    throttle: Throttle
    mail: Courier
    letters: Letters
    settings: LeakSettings
    emit: Sink
    now: Clock

    async def __call__(self, report: Signed, client: Client) -> None:
        """End the keys in it, and tell their owners.

        Raises:
            BadReport: nobody we know signed it.
            BadRequest: it is no list of reports.
            TooManyRequests: too many reports from this address.
        """
        await self.throttle.by_address("leak_address", client.key)
        if not (self._by_secret(report) or self._by_key(report)):
            raise BadReport("no good signature")
        found = dict(self._read(report.body))
        async with self.db.write() as work:
            ended = await work.api_keys.remove_leaked(list(found))
            for key in ended:
                owner = await work.users.by_id(key.owner)
                if owner is not None:
                    where = found[key.digest]
                    letter = self.letters.key_leaked(owner.email, at=self.now(), hint=key.hint, where=where)
                    await self.mail.post(work, letter)
        self.mail.wake()
        for key in ended:
            self.keys.forget(key.id)
            details = {"id": key.id, "by": "leak report"}
            self.emit(
                Event(
                    EventType.AUTHN_TOKEN_REVOKED,
                    who=key.owner,
                    level=Level.CRITICAL,
                    reason="leaked api key",
                    details=details,
                )
            )

    def _read(self, body: bytes) -> Iterator[tuple[bytes, str]]:
        try:
            entries = json.loads(body)
        except (ValueError, RecursionError):
            raise BadRequest("a report that is no JSON") from None
        if not isinstance(entries, list) or len(entries) > MOST:
            raise BadRequest("a report is a list of at most five hundred")
        for entry in entries:
            token = entry.get("token") if isinstance(entry, dict) else None
            if isinstance(token, str):
                for digest in self.keys.digests(token):
                    yield digest, _host(entry.get("url"))

    def _by_secret(self, report: Signed) -> bool:
        if self.settings.secret is None:
            return False
        secret = self.settings.secret.get_secret_value().encode()
        right = "sha256=" + hmac.digest(secret, report.body, "sha256").hex()
        return hmac.compare_digest(right.encode(), report.mac.encode("utf-8", "surrogatepass"))

    def _by_key(self, report: Signed) -> bool:
        pem = self.settings.public_keys.get(report.key)
        if pem is None:
            return False
        try:
            key = load_pem_public_key(pem.encode())
            signature = base64.b64decode(report.signature, validate=True)
            if not isinstance(key, ec.EllipticCurvePublicKey):
                return False
            key.verify(signature, report.body, ec.ECDSA(SHA256()))
        except (InvalidSignature, UnsupportedAlgorithm, binascii.Error, ValueError):
            return False
        return True


def _host(url: Any) -> str:
    # Of what the scanner says only the name of the host goes into a mail.
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        host = None
    plain = (
        host is not None
        and len(host) <= _LONGEST_HOST
        and all(c.isascii() and (c.isalnum() or c in ".-") for c in host)
    )
    return host if plain and host is not None else "a public place"
