"""Every flow of one service, made from its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastness.accounts.breached import breached_for
from fastness.accounts.courier import Courier
from fastness.accounts.db import Database
from fastness.accounts.flows.browser_session import BrowserSession
from fastness.accounts.flows.change_email import ChangeEmail
from fastness.accounts.flows.change_password import ChangePassword
from fastness.accounts.flows.choose_username import ChooseUsername
from fastness.accounts.flows.confirm_device import ConfirmDevice
from fastness.accounts.flows.delete_account import DeleteAccount
from fastness.accounts.flows.endings import Endings
from fastness.accounts.flows.export_data import ExportData
from fastness.accounts.flows.factor_proof import FactorProof
from fastness.accounts.flows.history import PURPOSE as HISTORY
from fastness.accounts.flows.history import History
from fastness.accounts.flows.issue import Issue
from fastness.accounts.flows.leaked_keys import LeakedKeys
from fastness.accounts.flows.login import Login
from fastness.accounts.flows.logout import Logout
from fastness.accounts.flows.magic import Magic
from fastness.accounts.flows.manage_factors import ManageFactors
from fastness.accounts.flows.manage_keys import ManageKeys
from fastness.accounts.flows.manage_passkeys import ManagePasskeys
from fastness.accounts.flows.manage_sessions import ManageSessions
from fastness.accounts.flows.manage_users import ManageUsers
from fastness.accounts.flows.new_password import NewPasswords
from fastness.accounts.flows.open_session import OpenSession
from fastness.accounts.flows.passkey_login import PasskeyLogin
from fastness.accounts.flows.passkey_proof import PasskeyProof
from fastness.accounts.flows.profile import Profile
from fastness.accounts.flows.prove_again import ProveAgain
from fastness.accounts.flows.reauthenticate import Reauthenticate
from fastness.accounts.flows.recently import Recently
from fastness.accounts.flows.refresh import Refresh
from fastness.accounts.flows.register import Register
from fastness.accounts.flows.reset_password import ResetPassword
from fastness.accounts.flows.restore_account import RestoreAccount
from fastness.accounts.flows.second_factor import SecondFactor
from fastness.accounts.flows.verify_email import VerifyEmail
from fastness.accounts.letters import Letters
from fastness.accounts.models import Work
from fastness.accounts.revocation import RevocationFeed
from fastness.accounts.settings import AccountSettings, ServiceSettings
from fastness.accounts.throttle import Throttle
from fastness.controls.apikeys import ApiKeys
from fastness.controls.passkeys import Passkeys
from fastness.controls.passwords import PasswordPolicy, Passwords
from fastness.controls.sealing import Sealer
from fastness.controls.tokens import Tokens
from fastness.core.clock import Clock
from fastness.core.events import Sink
from fastness.core.keys import KeyRing

_HOUR, _DAY = 3600, 86_400


@dataclass(frozen=True, slots=True)
class Flows:
    """Every verb, ready to be called."""

    register: Register
    verify_email: VerifyEmail
    login: Login
    second_factor: SecondFactor
    reauthenticate: Reauthenticate
    manage_factors: ManageFactors
    passkey_login: PasskeyLogin
    manage_passkeys: ManagePasskeys
    refresh: Refresh
    logout: Logout
    profile: Profile
    reset_password: ResetPassword
    change_password: ChangePassword
    change_email: ChangeEmail
    manage_sessions: ManageSessions
    delete_account: DeleteAccount
    manage_users: ManageUsers
    browser_session: BrowserSession
    history: History
    manage_keys: ManageKeys
    leaked_keys: LeakedKeys
    magic: Magic
    confirm_device: ConfirmDevice
    choose_username: ChooseUsername
    export_data: ExportData
    restore_account: RestoreAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What flows are made of."""

    db: Database[Work]
    settings: ServiceSettings
    passwords: Passwords
    throttle: Throttle
    revocation: RevocationFeed
    tokens: Tokens
    ring: KeyRing
    mail: Courier
    letters: Letters
    keys: ApiKeys
    roles: Mapping[str, Iterable[str]]
    """Role -> permissions, those that the application gave included."""
    service: str
    """What people call it."""
    emit: Sink
    now: Clock

    def flows(self) -> Flows:
        """Every flow. The courier learns here what it may be asked for."""
        db, throttle, feed, mail, letters = self.db, self.throttle, self.revocation, self.mail, self.letters
        emit, now, settings = self.emit, self.now, self._accounts()
        issue = Issue(self.tokens, settings.roles, self.tokens.settings.lifetime)
        policy = PasswordPolicy(self.settings.passwords, mfa_required=settings.mfa.required == "everyone")
        new = NewPasswords(self.passwords, policy, breached_for(self.settings.passwords, emit))
        prove, endings = ProveAgain(db, self.passwords, throttle, emit, now), Endings(feed, now)
        opens = OpenSession(issue, feed, mail, letters, settings, emit, now)
        site = self.settings.passkeys.at(self.settings.public_url, name=self.service)
        passkeys = Passkeys(site, self.ring, emit=emit, now=now)
        keyed, recently = PasskeyProof(passkeys, now), Recently(settings.mfa.fresh_seconds, now)
        sealer = Sealer(self.ring, "accounts.totp")
        proof = FactorProof(sealer, keyed, mail, letters, settings, self.service, emit, now)
        factors = ManageFactors(db, proof, throttle, endings, mail, letters, recently, emit, now)
        verify_email = VerifyEmail(db, throttle, mail, letters, settings, emit, now)
        reset_password = ResetPassword(db, new, throttle, endings, mail, letters, settings, emit, now)
        change_email = ChangeEmail(db, prove, throttle, endings, mail, letters, settings, emit, now)
        login = Login(db, self.passwords, throttle, opens, mail, settings, emit, now)
        history = History(db, Sealer(self.ring, HISTORY), emit)
        magic = Magic(db, throttle, login, endings, mail, letters, settings, emit, now)
        restore_account = RestoreAccount(db, throttle, mail, letters, settings, emit, now)
        mail.tasks |= {
            "verify_email": verify_email.code_for,
            "known_device": verify_email.device_code_for,
            "reset_password": reset_password.code_for,
            "change_email": change_email.code_for,
            "magic": magic.code_for,
            "restore_account": restore_account.code_for,
        }
        life = float(self.tokens.settings.lifetime)
        return Flows(
            register=Register(db, new, throttle, mail, letters, settings, emit, now),
            verify_email=verify_email,
            login=login,
            second_factor=SecondFactor(db, proof, throttle, opens, mail, letters, settings, emit, now),
            reauthenticate=Reauthenticate(db, prove, proof, throttle, issue, settings.mfa.fresh_seconds, emit, now),
            manage_factors=factors,
            passkey_login=PasskeyLogin(db, keyed, throttle, opens, settings, emit, now),
            manage_passkeys=ManagePasskeys(db, passkeys, factors, recently, endings, mail, letters, emit, now),
            refresh=Refresh(db, throttle, issue, feed, mail, letters, settings, emit, now),
            logout=Logout(db, feed, emit, now),
            profile=Profile(db, emit),
            reset_password=reset_password,
            change_password=ChangePassword(db, prove, new, endings, mail, letters, emit, now),
            change_email=change_email,
            manage_sessions=ManageSessions(db, endings, emit, now),
            delete_account=DeleteAccount(db, prove, recently, feed, settings.deletion_days, mail, letters, emit, now),
            restore_account=restore_account,
            export_data=ExportData(db, recently, history, mail, letters, emit, now),
            manage_users=ManageUsers(
                db, feed, endings, mail, letters, settings.roles, settings.reset_ends_keys, emit, now
            ),
            browser_session=BrowserSession(
                db, throttle, feed, mail, letters, settings, settings.roles, life, emit, now
            ),
            history=history,
            manage_keys=ManageKeys(
                db, self.keys, recently, self.roles, settings.keys_per_user, mail, letters, emit, now
            ),
            magic=magic,
            choose_username=ChooseUsername(db, recently, throttle, mail, letters, settings, emit, now),
            confirm_device=ConfirmDevice(db, throttle, opens, emit, now),
            leaked_keys=LeakedKeys(db, self.keys, throttle, mail, letters, settings.leaks, emit, now),
        )

    def _accounts(self) -> AccountSettings:
        accounts = self.settings.accounts
        strict = self.settings.profile == "strict"
        required = accounts.mfa.required or ("everyone" if strict else "nobody")
        mfa = accounts.mfa.model_copy(update={"required": required})
        if not strict:
            return accounts.model_copy(update={"mfa": mfa})
        # NIST SP 800-63B-4 section 2.2.3, AAL2: an hour without use, a day in all.
        shorter = {
            "session_idle": min(accounts.session_idle, _HOUR),
            "session_absolute": min(accounts.session_absolute, _DAY),
            "mfa": mfa.model_copy(update={"remember_days": 0}),
        }
        return accounts.model_copy(update=shorter)
