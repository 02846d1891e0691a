"""A mail server on loopback that keeps what it is told: SMTP, STARTTLS, AUTH PLAIN, and refusals."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost that vouches for itself: its file, and the context of a server that has its key."""
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context


@dataclass
class Received:
    """One mail as it came."""

    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool


@dataclass
class MailServer:
    """`async with MailServer(context) as server`: it listens on `server.port` until the end."""

    context: ssl.SSLContext
    offers_tls: bool = True
    tls: bool = False
    refuses: int = 0
    port: int = 0
    received: list[Received] = field(default_factory=list)
    signed_in: list[tuple[str, str, bool]] = field(default_factory=list)
    _talks: list[asyncio.Task[None] | None] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        context = self.context if self.tls else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*(talk for talk in self._talks if talk is not None))
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.append(asyncio.current_task())
        first = writer.transport
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        for transport in (writer.transport, first):  # a handshake that failed leaves the first one open
            transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        encrypted, mail = self.tls, Received("", [], b"", encrypted=False)
        self._say(writer, "220 ready")
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    offered = ["AUTH PLAIN"] + (["STARTTLS"] if self.offers_tls and not encrypted else [])
                    self._say(writer, "250-localhost", *(f"250-{word}" for word in offered), "250 SMTPUTF8")
                case "STARTTLS":
                    self._say(writer, "220 go ahead")
                    await writer.start_tls(self.context)
                    encrypted = True
                case "AUTH":
                    _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
                    self.signed_in.append((user, password, encrypted))
                    self._say(writer, "235 welcome")
                case "MAIL":
                    mail = Received(_address(rest), [], b"", encrypted)
                    self._say(writer, "250 ok")
                case "RCPT":
                    mail.recipients.append(_address(rest))
                    self._say(writer, f"{self.refuses} no" if self.refuses else "250 ok")
                case "DATA":
                    self._say(writer, "354 go on")
                    mail.content = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                    self.received.append(mail)
                    self._say(writer, "250 ok")
                case "QUIT":
                    self._say(writer, "221 bye")
                    return
                case _:
                    self._say(writer, "250 ok")

    def _say(self, writer: asyncio.StreamWriter, *lines: str) -> None:
        writer.write("".join(f"{line}\r\n" for line in lines).encode())


def _address(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")]
