"""Mail by SMTP, encrypted or not at all."""

from __future__ import annotations

import ssl

from fastness.accounts.mail.message import Mail
from fastness.accounts.mail.settings import MailSettings
from fastness.accounts.mail.undeliverable import Undeliverable
from fastness.core.errors import MissingExtra

_PERMANENT = 500


class SmtpMailer:
    """Sends each mail over its own connection (RFC 5321), through STARTTLS (RFC 3207) or TLS from the start.

    Nothing is said before the connection is encrypted and the certificate is good: a server, or somebody in between,
    that offers no STARTTLS gets no mail (CVE-2026-7666).

    Raises:
        MissingExtra: aiosmtplib is not installed.
    """

    def __init__(self, settings: MailSettings) -> None:
        try:
            import aiosmtplib
        except ImportError:
            raise MissingExtra("Mail by SMTP", "service") from None
        self._smtp, self._settings = aiosmtplib, settings
        self._trust = ssl.create_default_context(cafile=settings.ca_file)
        self._trust.minimum_version = ssl.TLSVersion.TLSv1_2

    async def send(self, mail: Mail) -> None:
        """Hand it to the server.

        Raises:
            Undeliverable: the server will never take this mail.
            Exception: anything else that goes wrong; trying again is right.
        """
        settings = self._settings
        try:
            message = mail.message(settings.sender)
        except ValueError:
            raise Undeliverable from None
        try:
            await self._smtp.send(
                message,
                sender=settings.sender,
                recipients=[mail.to],
                hostname=settings.host,
                port=settings.port,
                username=settings.username or None,
                password=settings.password.get_secret_value() or None,
                timeout=settings.timeout,
                use_tls=settings.security == "tls",
                # True, not None: None would go on in the clear where the server offers nothing.
                start_tls=settings.security == "starttls",
                tls_context=None if settings.security == "unsafe_plain" else self._trust,
            )
        except self._smtp.SMTPRecipientsRefused as error:
            if all(refused.code >= _PERMANENT for refused in error.recipients):
                raise Undeliverable from None
            raise
