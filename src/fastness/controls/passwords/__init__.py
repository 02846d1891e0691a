"""Passwords: Argon2id in a bounded pool, upgrades of old hashes, and a policy of length and blocklist.

Importing this loads neither argon2 nor bcrypt; the first hash does.
"""

from fastness.controls.passwords.breached import Breached
from fastness.controls.passwords.errors import WeakPassword
from fastness.controls.passwords.matching import Match, Passwords
from fastness.controls.passwords.policy import PasswordPolicy
from fastness.controls.passwords.settings import PasswordSettings

__all__ = ["Breached", "Match", "PasswordPolicy", "PasswordSettings", "Passwords", "WeakPassword"]
