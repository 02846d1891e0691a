"""What takes a mail. A `Mailer` sends one or raises; who tries again is the courier."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO

from fastness.accounts.mail.message import Mail
from fastness.accounts.mail.settings import MailSettings
from fastness.accounts.mail.smtp import SmtpMailer
from fastness.accounts.mail.undeliverable import Undeliverable

__all__ = ["ConsoleMailer", "FileMailer", "Mailer", "MemoryMailer", "Undeliverable", "mailer_for"]


class Mailer(Protocol):
    """Sends one mail, or raises; then it is tried again, unless it raised `Undeliverable`."""

    async def send(self, mail: Mail) -> None:
        """Send it."""
        ...


@dataclass(frozen=True, slots=True)
class ConsoleMailer:
    """Prints mails to the terminal, for development."""

    stream: TextIO | None = None

    async def send(self, mail: Mail) -> None:
        """Print it, codes included: this is where a developer reads them."""
        line = "-" * 60
        print(f"{line}\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}\n{line}", file=self.stream or sys.stderr)


@dataclass(frozen=True, slots=True)
class FileMailer:
    """Writes one `.eml` file per mail, readable by this user only, for a program that picks them up."""

    folder: Path
    sender: str

    async def send(self, mail: Mail) -> None:
        """Write it, whole or not at all."""
        await asyncio.to_thread(self._write, bytes(mail.message(self.sender)))

    def _write(self, raw: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = secrets.token_hex(16)
        part, whole = self.folder / f".{name}.part", self.folder / f"{name}.eml"
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(raw)
            part.rename(whole)  # a reader never sees half a mail
        except OSError:
            part.unlink(missing_ok=True)
            raise


@dataclass(slots=True)
class MemoryMailer:
    """Keeps mails in a list, for tests."""

    outbox: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        """Keep it."""
        self.outbox.append(mail)


def mailer_for(settings: MailSettings) -> Mailer:
    """The mailer that the settings name."""
    match settings.backend:
        case "smtp":
            return SmtpMailer(settings)
        case "console":
            return ConsoleMailer()
        case "file":
            return FileMailer(settings.folder, settings.sender)
        case "memory":
            return MemoryMailer()
