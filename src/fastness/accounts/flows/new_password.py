"""New passwords: what every flow that takes one asks of it, before it hashes it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from fastness.accounts.models import Account
from fastness.controls.passwords import Breached, PasswordPolicy, Passwords


@dataclass(frozen=True, slots=True)
class NewPasswords:
    """Policy, leaks, hash, in this order, and the same for every address."""

    passwords: Passwords
    policy: PasswordPolicy
    breached: Breached | None

    async def hash(self, password: SecretStr, *, context: tuple[str, ...] = ()) -> str:
        """The hash of a good new password.

        Raises:
            WeakPassword: it is short, common, leaked, or made of the words in `context`.
            Unavailable: too many hashes are waiting.
        """
        self.policy.refuse_weak(password, context=context)
        if self.breached is not None:
            await self.breached.refuse(password)
        return await self.passwords.hash(password)

    def refuse_personal(self, password: SecretStr, account: Account) -> None:
        """For flows that learn only afterwards whose password it is.

        Raises:
            WeakPassword: it is made of the account's name or address.
        """
        self.policy.refuse_weak(password, context=(account.email, account.name))
