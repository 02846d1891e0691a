"""One mail, and how it leaves: by SMTP, to the terminal, into a file or a list."""

from __future__ import annotations

from fastness.accounts.mail.mailers import ConsoleMailer, FileMailer, Mailer, MemoryMailer, Undeliverable, mailer_for
from fastness.accounts.mail.message import Mail
from fastness.accounts.mail.settings import MailSettings
from fastness.accounts.mail.smtp import SmtpMailer

__all__ = [
    "ConsoleMailer",
    "FileMailer",
    "Mail",
    "MailSettings",
    "Mailer",
    "MemoryMailer",
    "SmtpMailer",
    "Undeliverable",
    "mailer_for",
]
