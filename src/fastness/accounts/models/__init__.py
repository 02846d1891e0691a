"""Nouns of the account service: each table together with its queries."""

from __future__ import annotations

from fastness.accounts.models.account import Account, AccountMixin
from fastness.accounts.models.browser_sessions import Live
from fastness.accounts.models.challenges import Challenge
from fastness.accounts.models.codes import Chosen, Code, Codes, Redeemed
from fastness.accounts.models.devices import Devices, KnownDevice
from fastness.accounts.models.directory import AccountPage, InvalidCursor
from fastness.accounts.models.events import Events, Mark, StoredEvent
from fastness.accounts.models.factors import Factor
from fastness.accounts.models.keys import Keys, StoredKey
from fastness.accounts.models.leases import Leases
from fastness.accounts.models.outbox import Outbox, Waiting
from fastness.accounts.models.passkeys import StoredPasskey, StoredPasskeys
from fastness.accounts.models.revocations import Revocation, RevocationLog
from fastness.accounts.models.sessions import Opened, Reused, Rotated, Session, Sessions
from fastness.accounts.models.usernames import UsernameTaken
from fastness.accounts.models.users import AddressTaken, Deleted, LastAdmin, Users
from fastness.accounts.models.work import Models, Work, build_models, default_models

__all__ = [
    "Account",
    "AccountMixin",
    "AccountPage",
    "AddressTaken",
    "Challenge",
    "Chosen",
    "Code",
    "Codes",
    "Deleted",
    "Devices",
    "Events",
    "Factor",
    "InvalidCursor",
    "Keys",
    "KnownDevice",
    "LastAdmin",
    "Leases",
    "Live",
    "Mark",
    "Models",
    "Opened",
    "Outbox",
    "Redeemed",
    "Reused",
    "Revocation",
    "RevocationLog",
    "Rotated",
    "Session",
    "Sessions",
    "StoredEvent",
    "StoredKey",
    "StoredPasskey",
    "StoredPasskeys",
    "UsernameTaken",
    "Users",
    "Waiting",
    "Work",
    "build_models",
    "default_models",
]
