"""Passkeys: WebAuthn registration and proof, bound to this site by the browser, so that no page elsewhere can use them.

Web Authentication Level 3, sections 7.1 and 7.2; ASVS 5.0 6.3.3, 6.7.1 and 6.7.2; NIST SP 800-63B-4 section 3.2.5.
"""

from fastness.controls.passkeys.challenges import Challenges, Once
from fastness.controls.passkeys.passkey import CounterRegressed, InvalidPasskey, Passkey, PasskeyUser, Proved
from fastness.controls.passkeys.passkeys import Passkeys
from fastness.controls.passkeys.settings import PasskeySettings

__all__ = [
    "Challenges",
    "CounterRegressed",
    "InvalidPasskey",
    "Once",
    "Passkey",
    "PasskeySettings",
    "PasskeyUser",
    "Passkeys",
    "Proved",
]
