"""The words of every mail. Nothing a stranger typed goes in: a name field would carry advertising to other people.

A letter is a text template whose first line is its subject; the HTML part shows the same words. An operator's folder is
looked into first, so that any of them can be replaced (docs/accounts/mail.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastness.accounts.mail import Mail
from fastness.accounts.models import Code
from fastness.accounts.settings import AccountSettings
from fastness.core.errors import MissingExtra, UnsafeConfiguration

if TYPE_CHECKING:
    from jinja2 import Environment

OURS = Path(__file__).parent / "templates" / "mail"
_SUBJECT = "Subject: "
_LAYOUT = "letter.html"


class Letters:
    """Every mail that accounts send, in the words of the templates.

    Args:
        settings: lives of codes, and the pages that links open: an address from the settings, never from a request.
        service: what the mails call the service.
        folder: templates of the operator's own.

    Raises:
        MissingExtra: jinja2 is not installed.
    """

    def __init__(self, settings: AccountSettings, *, service: str = "this service", folder: Path | None = None) -> None:
        self._settings, self._service = settings, service
        self._templates = _environment(folder)

    def verify(self, to: str, code: Code, *, link: bool = True) -> Mail:
        """The code that proves an address, with its link when that works."""
        return self._with_code("verify", to, code, self._settings.verify_link if link else None)

    def new_device(self, to: str, code: Code) -> Mail:
        """The code and link that make a device known."""
        return self._with_code("new_device", to, code, self._settings.verify_link)

    def already_registered(self, to: str) -> Mail:
        """What a taken address gets instead: its owner learns it, the asker does not."""
        return self._letter("already_registered", to)

    def reset_password(self, to: str, code: Code) -> Mail:
        """The code and link that choose a new password."""
        return self._with_code("reset_password", to, code, self._settings.reset_link)

    def change_email(self, to: str, code: Code) -> Mail:
        """The code and link that prove a new address."""
        return self._with_code("change_email", to, code, self._settings.email_link)

    def username_changed(self, to: str, *, at: float, address: str) -> Mail:
        """The account has another user name."""
        return self._notice("username_changed", to, at=at, address=address)

    def deletion_asked(self, to: str, *, at: float, address: str, until: float) -> Mail:
        """The account is shut and will be deleted."""
        day, page = datetime.fromtimestamp(until, UTC).strftime("%d %B %Y"), self._settings.restore_link or ""
        return self._notice("deletion_asked", to, at=at, address=address, until=day, restore_page=page)

    def restore_account(self, to: str, code: Code) -> Mail:
        """The code and link that take a deletion back."""
        return self._with_code("restore_account", to, code, self._settings.restore_link)

    def deletion_cancelled(self, to: str, *, at: float, address: str) -> Mail:
        """The account stays."""
        return self._notice("deletion_cancelled", to, at=at, address=address)

    def account_deleted(self, to: str, *, at: float, address: str) -> Mail:
        """The account is gone."""
        return self._notice("account_deleted", to, at=at, address=address)

    def data_exported(self, to: str, *, at: float, address: str) -> Mail:
        """Somebody downloaded what the account holds."""
        return self._notice("data_exported", to, at=at, address=address)

    def magic(self, to: str, code: Code) -> Mail:
        """The code and link that sign in."""
        return self._with_code("magic", to, code, self._settings.magic_link)

    def confirm_device(self, to: str, code: Code, *, at: float, address: str, device: str) -> Mail:
        """The code with which a new device finishes a sign-in."""
        minutes = self._settings.code_seconds // 60
        how = {"code": code.digits, "minutes": minutes, "device": device}
        return self._notice("confirm_device", to, at=at, address=address, **how)

    def address_taken(self, to: str) -> Mail:
        """What an address that has an account gets instead: its owner learns it, the asker does not."""
        return self._letter("address_taken", to)

    def email_changed(self, to: str, *, at: float, address: str) -> Mail:
        """For the address before: the account has another one now."""
        return self._notice("email_changed", to, at=at, address=address)

    def password_changed(self, to: str, *, at: float, address: str, keys: int = 0) -> Mail:
        """The password was changed or reset, and so many API keys ended with it."""
        return self._notice("password_changed", to, at=at, address=address, keys=keys)

    def password_forced(self, to: str, *, keys: int = 0) -> Mail:
        """An administrator wants another password, and so many API keys ended."""
        return self._letter("password_forced", to, keys=keys)

    def new_sign_in(self, to: str, *, at: float, address: str, device: str) -> Mail:
        """A device that was not known signed in."""
        return self._notice("new_sign_in", to, at=at, address=address, device=device)

    def factor_added(self, to: str, *, at: float, address: str) -> Mail:
        """A second factor counts from now on."""
        return self._notice("factor_added", to, at=at, address=address)

    def factor_removed(self, to: str, *, at: float, address: str = "") -> Mail:
        """A second factor is gone; without an address an administrator did it."""
        return self._notice("factor_removed", to, at=at, address=address)

    def passkey_added(self, to: str, *, at: float, address: str) -> Mail:
        """A passkey signs in from now on."""
        return self._notice("passkey_added", to, at=at, address=address)

    def passkey_removed(self, to: str, *, at: float, address: str) -> Mail:
        """A passkey is gone."""
        return self._notice("passkey_removed", to, at=at, address=address)

    def factor_failed(self, to: str, *, at: float, address: str) -> Mail:
        """Somebody had the password and not the factor."""
        return self._notice("factor_failed", to, at=at, address=address)

    def recovery_codes_made(self, to: str, *, at: float, address: str) -> Mail:
        """There are new recovery codes."""
        return self._notice("recovery_codes_made", to, at=at, address=address)

    def recovery_code_used(self, to: str, *, at: float, address: str, left: int) -> Mail:
        """One recovery code is used up."""
        return self._notice("recovery_code_used", to, at=at, address=address, left=left)

    def key_added(self, to: str, *, at: float, address: str, hint: str) -> Mail:
        """There is a new API key."""
        return self._notice("key_added", to, at=at, address=address, hint=hint)

    def key_removed(self, to: str, *, at: float, address: str, hint: str) -> Mail:
        """An API key was taken back."""
        return self._notice("key_removed", to, at=at, address=address, hint=hint)

    def key_leaked(self, to: str, *, at: float, hint: str, where: str) -> Mail:
        """An API key was found where everybody can read it; `where` is the host."""
        return self._notice("key_leaked", to, at=at, hint=hint, where=where)

    def session_reused(self, to: str, *, at: float, address: str) -> Mail:
        """A session ended because what had been replaced was used again."""
        return self._notice("session_reused", to, at=at, address=address)

    def problems(self) -> list[UnsafeConfiguration]:
        """Templates that cannot be rendered, found at the start and not when somebody waits for a code."""
        from jinja2 import TemplateError

        found = []
        for name in sorted({*self._templates.list_templates()}):
            if not name.endswith(".txt") or name.startswith("_"):
                continue
            try:
                self._letter(name.removesuffix(".txt"), "ada@example.com", **_EXAMPLE)
            except (TemplateError, ValueError) as error:
                found.append(
                    UnsafeConfiguration(
                        f"the mail template {name} cannot be used",
                        where="FASTNESS_MAIL__TEMPLATES",
                        why=f"{type(error).__name__}: {error}",
                        fix=f'Compare it with the one of the package, {OURS / name}; its first line is "Subject: ...".',
                    )
                )
        return found

    def _with_code(self, name: str, to: str, code: Code, page: str | None) -> Mail:
        # In the fragment the token reaches neither servers nor logs nor the Referer header (ASVS 14.2.1).
        link = f"{page}#token={code.token}" if page else ""
        return self._letter(name, to, code=code.digits, link=link, minutes=self._settings.code_seconds // 60)

    def _notice(self, name: str, to: str, *, at: float, address: str = "", **more: Any) -> Mail:
        when = datetime.fromtimestamp(at, UTC).strftime("%d %B %Y, %H:%M UTC")
        return self._letter(name, to, when=when, address=address, **more)

    def _letter(self, name: str, to: str, **values: Any) -> Mail:
        values = {"service": self._service, "reset_page": self._settings.reset_link or "", **values}
        first, _, text = self._templates.get_template(f"{name}.txt").render(values).partition("\n")
        if not first.startswith(_SUBJECT):
            raise ValueError(f'the first line of {name}.txt is not "Subject: ..."')
        subject, text = first.removeprefix(_SUBJECT).strip(), text.strip() + "\n"
        layout = self._templates.select_template([f"{name}.html", _LAYOUT])
        html = layout.render({**values, "subject": subject, "paragraphs": list(_paragraphs(text))})
        return Mail(to, subject, text, html)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        if paragraph.strip():
            yield " ".join(paragraph.split())


def _environment(folder: Path | None) -> Environment:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
    except ImportError:
        raise MissingExtra("Mail", "service") from None
    searched = [str(OURS)] if folder is None else [str(folder), str(OURS)]
    return Environment(
        loader=FileSystemLoader(searched),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_EXAMPLE: dict[str, Any] = {
    "code": "12345678",
    "link": "https://app.example.com/page#token=example",
    "minutes": 10,
    "when": "1 January 2027, 12:00 UTC",
    "address": "192.0.2.1",
    "device": "Firefox on Linux",
    "left": 9,
    "keys": 2,
    "hint": "fast_live_...7Qx2",
    "where": "github.com",
    "until": "15 January 2027",
    "restore_page": "https://app.example.com/restore",
}
"""What every template may use, for the check at the start."""
