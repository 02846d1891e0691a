"""Argon2id (RFC 9106): hash, verify, and tell whether a stored hash has today's cost."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass

from fastness.controls.passwords.errors import OutOfMemory, Unreadable
from fastness.controls.passwords.settings import PasswordSettings

_SALT_BYTES = 16
_HASH_BYTES = 32
_MOST_MEMORY_KIB = 262_144
_MOST_WORK_KIB = 1_048_576
_MOST_LANES = 16
_PHC = re.compile(
    r"\$argon2(?P<type>id|i|d)\$(?:v=(?P<v>16|19)\$)?m=(?P<m>[0-9]{1,9}),t=(?P<t>[0-9]{1,6}),p=(?P<p>[0-9]{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,128})\$(?P<hash>[A-Za-z0-9+/]{16,172})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash costs: `memory_kib` read `time_cost` times, in `parallelism` lanes."""

    memory_kib: int
    time_cost: int
    parallelism: int


class Argon2id:
    """Makes and verifies hashes in PHC form. Every method is slow: call it in the pool."""

    def __init__(self, settings: PasswordSettings) -> None:
        self.cost = Cost(settings.memory_kib, settings.time_cost, settings.parallelism)
        # A hash of nobody's password needs no hashing: random bytes cost as much to verify, and match nothing.
        self.decoy = (
            f"$argon2id$v=19$m={settings.memory_kib},t={settings.time_cost},p={settings.parallelism}"
            f"${_b64(os.urandom(_SALT_BYTES))}${_b64(os.urandom(_HASH_BYTES))}"
        )

    def hash(self, password: bytes) -> str:
        """A new hash with a random 128-bit salt.

        Raises:
            OutOfMemory: the machine has not `memory_kib` to give.
        """
        from argon2.exceptions import HashingError
        from argon2.low_level import Type, hash_secret

        try:
            encoded = hash_secret(
                password,
                os.urandom(_SALT_BYTES),
                time_cost=self.cost.time_cost,
                memory_cost=self.cost.memory_kib,
                parallelism=self.cost.parallelism,
                hash_len=_HASH_BYTES,
                type=Type.ID,
            )
        except HashingError as error:
            raise OutOfMemory from error
        return encoded.decode("ascii")

    def verify(self, password: bytes, stored: str) -> bool:
        """Whether `password` made `stored`, an Argon2 hash of any type and cost within the caps.

        Raises:
            Unreadable: `stored` is malformed, or asks for more memory or work than any honest hash.
            OutOfMemory: as for `hash`.
        """
        from argon2.exceptions import VerificationError, VerifyMismatchError
        from argon2.low_level import Type, verify_secret

        found = self._parsed(stored)
        try:
            return verify_secret(stored.encode("ascii"), password, Type[found["type"].upper()])
        except VerifyMismatchError:
            return False
        except VerificationError as error:
            if "allocation" in str(error):
                raise OutOfMemory from error
            raise Unreadable("malformed argon2 hash") from error

    def outdated(self, stored: str) -> bool:
        """Whether `stored` should be replaced: another type, version, cost or length than a new hash has."""
        found = _PHC.fullmatch(stored)
        return (
            found is None
            or (found["type"], found["v"]) != ("id", "19")
            or _cost(found) != self.cost
            or _size(found["hash"]) != _HASH_BYTES
            or _size(found["salt"]) < _SALT_BYTES
        )

    def work(self, share: float) -> None:
        """Spend `share` (0 to 1) of the time of one verify, to make a cheaper check as slow as a current one."""
        from argon2.exceptions import HashingError
        from argon2.low_level import Type, hash_secret_raw

        memory = max(8 * self.cost.parallelism, int(self.cost.memory_kib * share))
        try:
            hash_secret_raw(
                b"",
                bytes(_SALT_BYTES),
                time_cost=self.cost.time_cost,
                memory_cost=memory,
                parallelism=self.cost.parallelism,
                hash_len=_HASH_BYTES,
                type=Type.ID,
            )
        except HashingError as error:
            raise OutOfMemory from error

    def _parsed(self, stored: str) -> re.Match[str]:
        found = _PHC.fullmatch(stored)
        if found is None:
            raise Unreadable("malformed argon2 hash")
        cost, own = _cost(found), self.cost
        # The owner of the database chooses these numbers; a planted hash must not take the machine's memory.
        if cost.memory_kib > max(_MOST_MEMORY_KIB, own.memory_kib) or cost.memory_kib * cost.time_cost > max(
            _MOST_WORK_KIB, own.memory_kib * own.time_cost
        ):
            raise Unreadable("argon2 hash asks for too much memory or time")
        if not 1 <= cost.parallelism <= max(_MOST_LANES, own.parallelism) or cost.memory_kib < 8 * cost.parallelism:
            raise Unreadable("argon2 hash asks for an impossible number of lanes")
        return found


def _cost(found: re.Match[str]) -> Cost:
    return Cost(int(found["m"]), int(found["t"]), int(found["p"]))


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii").rstrip("=")


def _size(text: str) -> int:
    return len(text) * 3 // 4
