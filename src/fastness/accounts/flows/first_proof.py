"""First proof: an account that somebody may have registered without owning the address becomes its owner's."""

from __future__ import annotations

from fastness.accounts.models import Account, Work


async def leave_nothing(work: Work, account: Account) -> None:
    """Take away every way in that was made before the address was proved, the password apart.

    Where people may act unproved, a stranger could have left a factor, a key or a device that outlives the owner's new
    password (pre-hijacking, GHSA-qq9h). Sessions are the caller's to end.
    """
    await work.codes.forget(account.id)
    await work.factors.remove_all(account.id)
    await work.recovery_codes.forget(account.id)
    await work.devices.forget_all(account.id)
    await work.api_keys.remove_all(account.id)
    await work.usernames.drop(account.id)
