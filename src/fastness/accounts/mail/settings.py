"""Where mails go, and which choices stop the start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from fastness.core.errors import UnsafeConfiguration

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class MailSettings(BaseModel, frozen=True):
    """FASTNESS_MAIL__*"""

    backend: Literal["smtp", "console", "file", "memory"] = Field(
        default="console",
        description="Where mails go: a mail server, the terminal (development), one .eml file each, or a list in memory "
        "(tests).",
    )
    host: str = Field(default="", max_length=253, description="The mail server.")
    port: int = Field(default=587, ge=1, le=65_535, description="Its port; 465 is usual with tls.")
    username: str = Field(default="", max_length=254, description="Who signs in there; empty: nobody does.")
    password: SecretStr = Field(default=SecretStr(""), description="The password for it.")
    security: Literal["starttls", "tls", "unsafe_plain"] = Field(
        default="starttls",
        description="How the connection is encrypted. A server that does not do it gets no mail. unsafe_plain is for a "
        "server on this machine; production refuses it elsewhere.",
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates (PEM) that vouch for the mail server, instead of the system's."
    )
    timeout: float = Field(default=15.0, gt=0, le=25, description="Seconds that sending one mail may take.")
    folder: Path = Field(default=Path("outbox"), description="Where the file backend writes; made with mode 0700.")
    sender: str = Field(default="accounts@localhost", max_length=254, description="The From address.")
    service: str = Field(default="", max_length=100, description="What mails call this service; empty: its host name.")
    templates: Path | None = Field(
        default=None, description="A folder with templates of your own; what is not in it stays as it is."
    )
    queue: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Mails that may wait because somebody asked for them; more are dropped, with an event.",
    )

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """What must be changed before this runs."""
        found = []
        if self.backend == "smtp" and not self.host:
            found.append(
                UnsafeConfiguration(
                    "nobody says which mail server takes the mails",
                    where="FASTNESS_MAIL__HOST",
                    why="No code would reach anybody.",
                    fix="Set it, with FASTNESS_MAIL__USERNAME and FASTNESS_MAIL__PASSWORD where it asks for them.",
                )
            )
        if production and self.backend in {"console", "memory"}:
            found.append(
                UnsafeConfiguration(
                    f'mails go to "{self.backend}"',
                    where="FASTNESS_MAIL__BACKEND",
                    why="Sign-in codes would be readable in the log, or reach nobody.",
                    fix="Set FASTNESS_MAIL__BACKEND=smtp and FASTNESS_MAIL__HOST, or pass build(settings, mailer=...).",
                )
            )
        if production and self.backend == "smtp":
            found += self._smtp_problems()
        return found

    def _smtp_problems(self) -> list[UnsafeConfiguration]:
        found = []
        if self.security == "unsafe_plain" and self.host not in _LOOPBACK:
            found.append(
                UnsafeConfiguration(
                    "mails cross the network in the clear",
                    where="FASTNESS_MAIL__SECURITY",
                    why="Whoever listens on the way could reset every password.",
                    fix="Remove the setting; STARTTLS is the default.",
                )
            )
        if self.sender.endswith("@localhost"):
            found.append(
                UnsafeConfiguration(
                    "mails come from nowhere",
                    where="FASTNESS_MAIL__SENDER",
                    why="Mail servers refuse them or call them spam.",
                    fix="Set it, as in FASTNESS_MAIL__SENDER=accounts@example.com",
                )
            )
        return found
