"""What the operator may choose about passwords, and which choices stop the start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from fastness.core.errors import UnsafeConfiguration

OWASP_ARGON2ID = ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5))
"""The least Argon2id costs as (KiB, passes), one lane each: OWASP Password Storage cheat sheet, ASVS 5.0 Appendix C."""


def cores() -> int:
    """How many processor cores this process may use; container CPU quotas are not seen."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PasswordSettings(BaseModel, frozen=True):
    """FASTNESS_PASSWORDS__*

    The defaults are the OWASP minimum for Argon2id, and NIST SP 800-63B-4 for length. `fastness tune` proposes costs.
    """

    memory_kib: int = Field(default=19_456, ge=8, le=4_194_304, description="Argon2id memory of one hash, in KiB.")
    time_cost: int = Field(default=2, ge=1, le=64, description="Argon2id passes over the memory.")
    parallelism: int = Field(
        default=1, ge=1, le=16, description="Argon2id lanes. More than one gains nothing on a busy server."
    )
    threads: int = Field(default_factory=cores, ge=1, le=256, description="Threads that hash. Default: one per core.")
    waiting_per_thread: int = Field(
        default=64,
        ge=1,
        le=10_000,
        description="Hashes that may wait for each thread; beyond that the answer is 503 with Retry-After.",
    )
    niceness: int = Field(
        default=15, ge=0, le=19, description="How far the hashing threads give way to the event loop. Linux only."
    )
    floor_seconds: float = Field(
        default=0.0,
        ge=0.0,
        le=10.0,
        description="A refused check answers no sooner than this many seconds after it began. Set it above the time "
        "of the slowest old hash while old hashes remain; 0 turns it off.",
    )
    normalize: bool = Field(
        default=True,
        description="Hash the NFC form (NIST SP 800-63B-4), so one password typed on two keyboards is one password.",
    )
    min_length: int = Field(default=15, ge=8, le=64, description="Fewest code points where the password stands alone.")
    min_length_with_mfa: int = Field(
        default=8, ge=8, le=64, description="Fewest code points where a second factor is always required."
    )
    max_length: int = Field(default=256, ge=64, le=1024, description="Most code points of a password.")
    max_bytes: int = Field(default=4096, ge=256, le=65_536, description="Most UTF-8 bytes of a password.")
    context_words: tuple[str, ...] = Field(
        default=(),
        description="Words that an attacker tries here first: the names of the service, the company, the product.",
    )
    breached: Literal["off", "online", "files"] = Field(
        default="off",
        description="Refuse new passwords that leaked before: ask `breached_url` (five digits of a hash leave the house), "
        "or read `breached_folder`.",
    )
    breached_url: str = Field(
        default="https://api.pwnedpasswords.com/range/",
        pattern=r"^https://[^\s?#]+/$",
        description="A server that speaks the range format of haveibeenpwned.com.",
    )
    breached_folder: Path | None = Field(
        default=None, description="A folder of range files of the same format, named 00000.txt to FFFFF.txt."
    )
    unsafe_cheap_hashing: bool = Field(
        default=False, description="Allow Argon2id below the OWASP minimum, for tests. Production refuses it."
    )

    @classmethod
    def unsafe_for_tests(cls) -> PasswordSettings:
        """The cheapest real Argon2id (microseconds). Never for passwords of people."""
        return cls(memory_kib=8, time_cost=1, unsafe_cheap_hashing=True)

    def problems(self, *, production: bool) -> list[UnsafeConfiguration]:
        """Costs below the OWASP minimum: everywhere unless allowed by name, in production always."""
        found: list[UnsafeConfiguration] = []
        enough = any(self.memory_kib >= kib and self.time_cost >= passes for kib, passes in OWASP_ARGON2ID)
        if not enough and (production or not self.unsafe_cheap_hashing):
            found.append(
                UnsafeConfiguration(
                    "Argon2id is set below the OWASP minimum",
                    where="FASTNESS_PASSWORDS__MEMORY_KIB, FASTNESS_PASSWORDS__TIME_COST",
                    why="a stolen table of such hashes is guessed quickly (OWASP Password Storage, ASVS 11.4.2)",
                    fix="remove both settings, or take those that `fastness tune` proposes",
                )
            )
        if self.breached == "files" and (self.breached_folder is None or not self.breached_folder.is_dir()):
            found.append(
                UnsafeConfiguration(
                    "leaked passwords are to be read from files, and there is no such folder",
                    where="FASTNESS_PASSWORDS__BREACHED_FOLDER",
                    why="no leaked password would be refused",
                    fix="name the folder with the files 00000.txt to FFFFF.txt, or remove FASTNESS_PASSWORDS__BREACHED",
                )
            )
        if self.unsafe_cheap_hashing and production:
            found.append(
                UnsafeConfiguration(
                    "cheap password hashing is allowed in production",
                    where="FASTNESS_PASSWORDS__UNSAFE_CHEAP_HASHING",
                    why="it exists for tests only",
                    fix="remove the setting",
                )
            )
        return found
