"""Why a flow says no. The class is what outsiders may read; the reason is for the log."""

from __future__ import annotations

from fastness.core.errors import Forbidden, Refused


class BadCredentials(Refused):
    """Unknown, unverified and suspended accounts and wrong passwords all look like this from outside."""

    code, status, public = "bad_credentials", 401, "E-mail or password is not right."

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})


class WrongPassword(Forbidden):
    """A signed-in caller must give the password again and gave another one. The access token stays good."""

    code, public = "wrong_password", "The password is not right."
    event = None  # the flow tells of a failed sign-in


class InvalidCode(Refused):
    """The code or link is wrong, used, expired or belongs to another browser; which one is for the log only."""

    code, public = "invalid_code", "The code or link is not valid. Ask for a new one."


class InvalidRefreshToken(Refused):
    """The refresh token is unknown, used, expired or revoked; which one is for the log only."""

    code, status, public = "invalid_refresh_token", 401, "The session has ended. Sign in again."

    def __init__(self, reason: str = "") -> None:
        super().__init__(
            reason, headers={"WWW-Authenticate": 'Bearer error="invalid_token"', "Cache-Control": "no-store"}
        )


class NoSuchUser(Refused):
    """There is no user with this id."""

    code, status, public = "not_found", 404, "There is no such user."


class NoSuchSession(Refused):
    """The caller has no session with this id."""

    code, status, public = "not_found", 404, "There is no such session."


class NoSuchDevice(Refused):
    """The caller has no device with this id."""

    code, status, public = "not_found", 404, "There is no such device."


class InvalidChallenge(Refused):
    """The sign-in that waited for a factor is unknown, over, spent or out of tries; which one is for the log only."""

    code, status, public = "invalid_mfa_token", 401, "This sign-in is over. Begin again with the password."

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})


class InvalidFactor(Forbidden):
    """The code or passkey is not right, or was used before. The challenge, or the access token, stays good."""

    code, public = "invalid_factor", "The code is not right, or was used before."
    event = None  # the flow tells of it


class NoSuchFactor(Refused):
    """The caller has no such factor."""

    code, status, public = "not_found", 404, "There is no such factor."


class TooManyFactors(Refused):
    """The account has as many factors as one may have."""

    code, status, public = "too_many_factors", 409, "Remove a factor first."


class NoSuchKey(Refused):
    """The caller has no API key with this id."""

    code, status, public = "not_found", 404, "There is no such key."


class TooManyKeys(Refused):
    """The account has as many API keys as one may have."""

    code, status, public = "too_many_keys", 409, "Remove a key first."


class UsernameNotAvailable(Refused):
    """Somebody has the name, or one that looks like it, or nobody may; which one is for the log only."""

    code, status, public = "username_not_available", 409, "This user name is not available. Choose another one."


class NoUsernames(Refused):
    """People sign in with their address alone."""

    code, status, public = "no_usernames", 422, "There are no user names here. Give the e-mail address."


class KeyLivesTooLong(Refused):
    """The key was to live longer than any may."""

    code, status, public = "too_many_days", 422, "A key may not live that long. Ask for fewer days."


class BadReport(Refused):
    """Nobody we know signed this report of leaked keys."""

    code, status, public = "invalid_signature", 401, "The report is not signed as it must be."

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason, headers={"WWW-Authenticate": "Signature", "Cache-Control": "no-store"})


class LastWayIn(Refused):
    """The account has no password, and this is its last passkey."""

    code, status, public = "last_way_in", 409, "Set a password or add another passkey first."


class PasskeyRefused(Refused):
    """An unknown passkey, a wrong signature, a used challenge and a suspended account all look like this from outside."""

    code, status, public = "invalid_passkey", 401, "The passkey was not accepted. Try again."

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})


class LastAdministrator(Refused):
    """The last active administrator cannot be removed, suspended or given another role."""

    code, status, public = "last_admin", 409, "This is the last administrator. Appoint another one first."


class UnknownRole(Refused):
    """The role is not one of the configured ones."""

    code, status, public = "unknown_role", 422, "There is no such role."


class AboveYou(Forbidden):
    """Only a super_admin may touch a super_admin, or make one."""

    code, public = "insufficient_role", "Only a super_admin may do this."
