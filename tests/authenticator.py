"""A software authenticator: ES256, discoverable, counting, written from Web Authentication Level 3 and not from our code."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor_bytes(raw: bytes) -> bytes:
    return b"\x59" + struct.pack(">H", len(raw)) + raw


@dataclass
class Authenticator:
    """One passkey of one site. Tests turn its knobs to make it lie."""

    origin: str = "https://localhost"
    rp_id: str | None = None
    """Another domain than the one that is asked for."""
    flags: int = UP | UV
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    handle: bytes = b""
    client: dict[str, Any] = field(default_factory=dict)
    """More in the client data, or other things."""

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create` answers, as `toJSON()` spells it."""
        self.handle = unb64(options["user"]["id"])
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + self.cose()
        said = self._said(options["rp"]["id"], self.flags | AT) + attested
        statement = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData" + cbor_bytes(said)
        client = self._client("webauthn.create", options["challenge"])
        return self._answer({"clientDataJSON": b64(client), "attestationObject": b64(statement), "transports": ["usb"]})

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get` answers. It counts on."""
        self.count += 1
        said, client = self._said(options["rpId"], self.flags), self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(said + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"clientDataJSON": client, "authenticatorData": said, "signature": signature, "userHandle": self.handle}
        return self._answer({name: b64(part) for name, part in parts.items()})

    def cose(self) -> bytes:
        point = self.key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y

    def _said(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256((self.rp_id or rp_id).encode()).digest() + struct.pack(">BI", flags, self.count)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **self.client}
        return json.dumps(said).encode()

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        spelled = b64(self.id)
        return {"id": spelled, "rawId": spelled, "type": "public-key", "authenticatorAttachment": "cross-platform",
                "clientExtensionResults": {}, "response": response}  # fmt: skip
