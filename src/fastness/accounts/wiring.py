"""How FastAPI reaches the flows: each is one `Annotated` name, found on the application that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from fastness.accounts.flows.browser_session import BrowserSession
from fastness.accounts.flows.change_email import ChangeEmail
from fastness.accounts.flows.change_password import ChangePassword
from fastness.accounts.flows.choose_username import ChooseUsername
from fastness.accounts.flows.client import Client
from fastness.accounts.flows.confirm_device import ConfirmDevice
from fastness.accounts.flows.delete_account import DeleteAccount
from fastness.accounts.flows.every import Flows
from fastness.accounts.flows.export_data import ExportData
from fastness.accounts.flows.history import History
from fastness.accounts.flows.leaked_keys import LeakedKeys
from fastness.accounts.flows.login import Login
from fastness.accounts.flows.logout import Logout
from fastness.accounts.flows.magic import Magic
from fastness.accounts.flows.manage_factors import ManageFactors
from fastness.accounts.flows.manage_keys import ManageKeys
from fastness.accounts.flows.manage_passkeys import ManagePasskeys
from fastness.accounts.flows.manage_sessions import ManageSessions
from fastness.accounts.flows.manage_users import ManageUsers
from fastness.accounts.flows.passkey_login import PasskeyLogin
from fastness.accounts.flows.profile import Profile
from fastness.accounts.flows.reauthenticate import Reauthenticate
from fastness.accounts.flows.refresh import Refresh
from fastness.accounts.flows.register import Register
from fastness.accounts.flows.reset_password import ResetPassword
from fastness.accounts.flows.restore_account import RestoreAccount
from fastness.accounts.flows.second_factor import SecondFactor
from fastness.accounts.flows.verify_email import VerifyEmail
from fastness.accounts.service import Service
from fastness.core.exchange import of

_LONGEST_AGENT = 200

F = TypeVar("F")


def attach(app: FastAPI, service: Service) -> None:
    """Make `service` the one that this application's account routes use."""
    app.state.fastness_accounts = service


async def service_of(connection: HTTPConnection) -> Service:
    """The account service of the application that answers."""
    found: Service = connection.app.state.fastness_accounts
    return found


async def client_of(connection: HTTPConnection) -> Client:
    """The machine on the other side, as the chain sees it."""
    exchange = of(connection.scope)
    agent = connection.headers.get("user-agent", "")[:_LONGEST_AGENT]
    agent = "".join(character for character in agent if character.isascii() and character.isprintable())
    if exchange is None:
        peer = connection.client.host if connection.client else "unknown"
        return Client(peer, peer, agent)
    return Client(exchange.client, exchange.client_key, agent)


def _flow(pick: Callable[[Flows], F]) -> Callable[[HTTPConnection], Awaitable[F]]:
    async def give(connection: HTTPConnection) -> F:
        return pick((await service_of(connection)).flows)

    return give


FromClient = Annotated[Client, Depends(client_of)]
TheService = Annotated[Service, Depends(service_of)]
RegisterFlow = Annotated[Register, Depends(_flow(lambda flows: flows.register))]
VerifyEmailFlow = Annotated[VerifyEmail, Depends(_flow(lambda flows: flows.verify_email))]
LoginFlow = Annotated[Login, Depends(_flow(lambda flows: flows.login))]
RefreshFlow = Annotated[Refresh, Depends(_flow(lambda flows: flows.refresh))]
BrowserSessionFlow = Annotated[BrowserSession, Depends(_flow(lambda flows: flows.browser_session))]
LogoutFlow = Annotated[Logout, Depends(_flow(lambda flows: flows.logout))]
ProfileFlow = Annotated[Profile, Depends(_flow(lambda flows: flows.profile))]
DeleteAccountFlow = Annotated[DeleteAccount, Depends(_flow(lambda flows: flows.delete_account))]
ManageUsersFlow = Annotated[ManageUsers, Depends(_flow(lambda flows: flows.manage_users))]
ResetPasswordFlow = Annotated[ResetPassword, Depends(_flow(lambda flows: flows.reset_password))]
ChangePasswordFlow = Annotated[ChangePassword, Depends(_flow(lambda flows: flows.change_password))]
ChangeEmailFlow = Annotated[ChangeEmail, Depends(_flow(lambda flows: flows.change_email))]
ManageSessionsFlow = Annotated[ManageSessions, Depends(_flow(lambda flows: flows.manage_sessions))]
SecondFactorFlow = Annotated[SecondFactor, Depends(_flow(lambda flows: flows.second_factor))]
ReauthenticateFlow = Annotated[Reauthenticate, Depends(_flow(lambda flows: flows.reauthenticate))]
ManageFactorsFlow = Annotated[ManageFactors, Depends(_flow(lambda flows: flows.manage_factors))]
ManageKeysFlow = Annotated[ManageKeys, Depends(_flow(lambda flows: flows.manage_keys))]
LeakedKeysFlow = Annotated[LeakedKeys, Depends(_flow(lambda flows: flows.leaked_keys))]
MagicFlow = Annotated[Magic, Depends(_flow(lambda flows: flows.magic))]
ConfirmDeviceFlow = Annotated[ConfirmDevice, Depends(_flow(lambda flows: flows.confirm_device))]
ChooseUsernameFlow = Annotated[ChooseUsername, Depends(_flow(lambda flows: flows.choose_username))]
ExportDataFlow = Annotated[ExportData, Depends(_flow(lambda flows: flows.export_data))]
RestoreAccountFlow = Annotated[RestoreAccount, Depends(_flow(lambda flows: flows.restore_account))]
PasskeyLoginFlow = Annotated[PasskeyLogin, Depends(_flow(lambda flows: flows.passkey_login))]
ManagePasskeysFlow = Annotated[ManagePasskeys, Depends(_flow(lambda flows: flows.manage_passkeys))]
HistoryFlow = Annotated[History, Depends(_flow(lambda flows: flows.history))]
