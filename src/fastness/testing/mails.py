"""The mails that were sent, kept where a test reads them."""

from __future__ import annotations

import re

from fastness.accounts.mail import Mail

_CODE = re.compile(r"^Your code: ([0-9]+)$", re.MULTILINE)
_LINK = re.compile(r"(https?://\S+#token=(\S+))")


class Outbox:
    """A mailer that keeps what it is given: `Accounts(..., mailer=outbox)`, `build(mailer=outbox)`.

    Mails leave after the answer: `await accounts.settled()`, or the end of the `with` block of a test client, waits for
    them.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        """Keep it."""
        self.mails.append(mail)

    def to(self, address: str) -> list[Mail]:
        """The mails to one address, the oldest first."""
        return [mail for mail in self.mails if mail.to == address]

    def code(self, address: str) -> str:
        """The code in the newest mail to this address that has one.

        Raises:
            LookupError: there is none.
        """
        return self._newest(address, _CODE)[1]

    def link(self, address: str) -> str:
        """The link in the newest mail to this address that has one.

        Raises:
            LookupError: there is none.
        """
        return self._newest(address, _LINK)[1]

    def clear(self) -> None:
        """Forget them."""
        self.mails.clear()

    def _newest(self, address: str, pattern: re.Pattern[str]) -> re.Match[str]:
        for mail in reversed(self.to(address)):
            if found := pattern.search(mail.text):
                return found
        # Without the address: a failed test is a log too.
        raise LookupError("no mail to this address has one; wait for it with `await accounts.settled()`")
