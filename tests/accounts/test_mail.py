"""One mail and how it leaves: to a file, to the terminal, to a mail server that encrypts."""

from __future__ import annotations

import email
import email.policy
import io
import stat
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from accounts.mail_server import MailServer, certificate
from fastness.accounts.mail import ConsoleMailer, FileMailer, Mail, MailSettings, SmtpMailer, Undeliverable

pytestmark = pytest.mark.anyio

LETTER = Mail("ada@example.com", "Hello", "Your code: 12345678\n", "<p>Your code: 12345678</p>")


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def parsed(raw: bytes) -> Any:
    return email.message_from_bytes(raw, policy=email.policy.default)


async def test_a_mail_becomes_one_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    await FileMailer(tmp_path / "outbox", "accounts@example.com").send(LETTER)

    (file,) = files(tmp_path / "outbox")
    message = parsed(file.read_bytes())
    text, html = message.iter_parts()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (message["To"], message["From"], message["Subject"]) == (LETTER.to, "accounts@example.com", "Hello")
    assert (message["Auto-Submitted"], message.get_content_type()) == ("auto-generated", "multipart/alternative")
    assert text.get_content().splitlines() == LETTER.text.splitlines()
    assert html.get_content().splitlines() == LETTER.html.splitlines()


async def test_an_address_of_any_script_reaches_the_file(tmp_path: Path) -> None:
    await FileMailer(tmp_path, "accounts@example.com").send(Mail("пример@xn--e1afmkfd.com", "Hello", "text"))

    (file,) = files(tmp_path)
    assert "пример@" in file.read_bytes().decode()


async def test_a_line_break_in_an_address_adds_no_header(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        await FileMailer(tmp_path, "accounts@example.com").send(Mail("a@example.com\nBcc: b@example.com", "s", "t"))

    assert not files(tmp_path)


async def test_the_console_shows_the_mail() -> None:
    shown = io.StringIO()

    await ConsoleMailer(shown).send(LETTER)

    assert "12345678" in shown.getvalue()


def smtp(server: MailServer, ca: Path, **more: Any) -> SmtpMailer:
    given = {"backend": "smtp", "host": "localhost", "port": server.port, "sender": "accounts@example.com"}
    return SmtpMailer(MailSettings.model_validate({**given, "ca_file": ca, "timeout": 5, **more}))


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_crosses_the_network_encrypted_and_signed_in(tmp_path: Path, security: str) -> None:
    ca, context = certificate(tmp_path)
    async with MailServer(context, offers_tls=security == "starttls", tls=security == "tls") as server:
        await smtp(server, ca, security=security, username="ada", password="sesame").send(LETTER)

    (received,) = server.received
    message = parsed(received.content)
    assert received.encrypted
    assert (received.sender, received.recipients) == ("accounts@example.com", ["ada@example.com"])
    assert server.signed_in == [("ada", "sesame", True)]
    assert message["Subject"] == "Hello"
    assert "12345678" in message.get_body(("plain",)).get_content()


async def test_a_server_without_starttls_gets_no_mail_and_no_password(tmp_path: Path) -> None:
    ca, context = certificate(tmp_path)
    async with MailServer(context, offers_tls=False) as server:
        with pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"):
            await smtp(server, ca, username="ada", password="sesame").send(LETTER)

    assert (server.received, server.signed_in) == ([], [])


async def test_a_server_whose_certificate_nobody_vouches_for_gets_no_mail(tmp_path: Path) -> None:
    _, context = certificate(tmp_path / "theirs")
    ca, _ = certificate(tmp_path / "ours")
    async with MailServer(context) as server:
        with pytest.raises((aiosmtplib.SMTPException, OSError)):
            await smtp(server, ca, username="ada", password="sesame").send(LETTER)

    assert (server.received, server.signed_in) == ([], [])


@pytest.mark.parametrize(("code", "for_good"), [(550, True), (450, False)])
async def test_only_a_refusal_for_good_is_not_tried_again(tmp_path: Path, code: int, for_good: bool) -> None:  # noqa: FBT001
    ca, context = certificate(tmp_path)
    async with MailServer(context, refuses=code) as server:
        with pytest.raises(Undeliverable if for_good else aiosmtplib.SMTPRecipientsRefused):
            await smtp(server, ca).send(LETTER)


async def test_an_address_that_breaks_the_line_is_undeliverable(tmp_path: Path) -> None:
    ca, context = certificate(tmp_path)
    async with MailServer(context) as server:
        with pytest.raises(Undeliverable):
            await smtp(server, ca).send(Mail("a@example.com\r\nRCPT TO:<b@example.com>", "s", "t"))

    assert server.received == []


def test_a_mail_never_prints_its_code_or_address() -> None:
    assert "12345678" not in repr(LETTER)
    assert "ada" not in repr(LETTER)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"backend": "console"}, ["FASTNESS_MAIL__BACKEND"]),
        ({"backend": "memory"}, ["FASTNESS_MAIL__BACKEND"]),
        ({"backend": "file"}, []),
        ({"backend": "smtp", "sender": "a@example.com"}, ["FASTNESS_MAIL__HOST"]),
        ({"backend": "smtp", "host": "mail.example.com"}, ["FASTNESS_MAIL__SENDER"]),
        ({"backend": "smtp", "host": "mail.example.com", "sender": "a@example.com"}, []),
        (
            {"backend": "smtp", "host": "mail.example.com", "sender": "a@example.com", "security": "unsafe_plain"},
            ["FASTNESS_MAIL__SECURITY"],
        ),
        ({"backend": "smtp", "host": "localhost", "sender": "a@example.com", "security": "unsafe_plain"}, []),
    ],
)
def test_production_refuses_mail_that_reaches_nobody_or_everybody(chosen: dict[str, Any], found: list[str]) -> None:
    settings = MailSettings.model_validate(chosen)

    assert [problem.where for problem in settings.problems(production=True)] == found
    assert bool(settings.problems(production=False)) is (found == ["FASTNESS_MAIL__HOST"])
