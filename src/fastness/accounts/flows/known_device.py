"""Known device: what the owner asks for there is counted apart, so that strangers cannot use it up."""

from __future__ import annotations

from fastness.accounts.flows.issue import fingerprint
from fastness.accounts.models import Account, Work


async def own_device(work: Work, account: Account | None, device_token: str | None, *, now: float) -> str | None:
    """The name under which this device counts, when it is known to be the account's; None for every other.

    Asked by the courier alone, after the answer: before it, the look would tell whether there is an account.
    """
    if account is None or device_token is None:
        return None
    return fingerprint(device_token) if await work.devices.known(account.id, device_token, now=now) else None
