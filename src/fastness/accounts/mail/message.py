"""A mail before it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. Its text may hold a code, so it stays out of reprs."""

    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    """The same for programs that show HTML; none when it is empty."""
    id: str = field(default="", compare=False)
    """Names the mail in its Message-ID, so that one that is sent twice can be told from two."""

    def message(self, sender: str) -> EmailMessage:
        """The mail as RFC 5322, as text and HTML (RFC 2046 section 5.1.4).

        Raises:
            ValueError: when the address holds a line break.
        """
        message = EmailMessage(policy=SMTP if self.to.isascii() and sender.isascii() else SMTPUTF8)
        message["From"], message["To"], message["Subject"] = sender, self.to, self.subject
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{self.id}@fastness.invalid>" if self.id else make_msgid(domain="fastness.invalid")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes back
        message.set_content(self.text)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        return message
