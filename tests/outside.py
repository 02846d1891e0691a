"""Other servers for outgoing requests: real sockets on loopback, with names that only a test's resolver knows."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.0/8"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass
class Outside:
    """A server, what it was asked, and the name that TLS clients said they want."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)


def says(
    body: bytes = b"ok", *, status: str = "200 OK", fields: Sequence[str] = ("Content-Type: text/plain",)
) -> Handler:
    """An answer with Content-Length."""
    lines = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]).encode()
    return writes(lines + body)


def writes(raw: bytes) -> Handler:
    """An answer byte by byte as given."""

    async def handler(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _head: bytes) -> None:
        writer.write(raw)

    return handler


def redirects(location: str, status: str = "302 Found") -> Handler:
    return says(b"", status=status, fields=[f"Location: {location}"])


@contextlib.asynccontextmanager
async def outside(
    *handlers: Handler, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Outside]:
    """Answers the first request with the first handler, and so on; the last one answers the rest."""
    seen = Outside()
    coming = list(handlers)
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.ensure_future(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.peers.append(writer.get_extra_info("sockname")[0])
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                seen.heads.append(head)
                await (coming.pop(0) if len(coming) > 1 else coming[0])(reader, writer, head)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: seen.names.append(name)
    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


class Names(dict[str, list[list[str]]]):
    """A resolver: each look-up of a name gives its next list of addresses; the last one stays."""

    def __init__(self, **answers: list[list[str]]) -> None:
        super().__init__({name.replace("_", "."): given for name, given in answers.items()})
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self:
            raise OSError("no such name at 10.9.8.7")
        answers = self[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def authority(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `name`, and a client's context that trusts who signed it."""
    signer, issuer = ec.generate_private_key(ec.SECP256R1()), _subject("Test authority")
    root = _certificate(issuer, issuer, signer, signer, [x509.BasicConstraints(ca=True, path_length=None)])
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate(_subject(name), issuer, key, signer, [x509.SubjectAlternativeName([x509.DNSName(name)])])
    (folder / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    (folder / "leaf.pem").write_bytes(
        leaf.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "leaf.pem")
    return serving, ssl.create_default_context(cafile=str(folder / "root.pem"))


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extensions: Sequence[x509.ExtensionType],
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(
        subject_name=subject, issuer_name=issuer, public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - dt.timedelta(days=1), not_valid_after=now + dt.timedelta(days=1),
    )  # fmt: skip
    for extension in extensions:
        made = made.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return made.sign(signer, hashes.SHA256())
