"""One run: rounds over every operation as every caller, until the number of requests is spent."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

from by_hand import Reply
from proof.fuzz.cases import Case, Generator, attacks, places
from proof.fuzz.judge import Judge, Operation
from proof.fuzz.targets import CALLERS, ROLES, TARGETS, Caller, Target, address
from proof.places import CREDENTIALS, PLACES, Asked

GENERATED = 0.5
"""Part of the requests that Schemathesis makes; the rest carry the corpora."""
STALE = 120.0
"""Seconds after which a caller of whom a recent sign-in is wanted signs in again."""
_CREDENTIALS = {PLACES[name] for name in CREDENTIALS}


@dataclass
class Fuzz:
    """Requests to one target, and what was seen."""

    target: Target
    generator: Generator
    judge: Judge
    number: int
    seed: int
    sent: int = 0
    victim: Caller | None = None

    async def run(self, *, each: int, told: Callable[[str], None]) -> None:
        """Send them all. Each round makes `each` cases for each operation."""
        for caller in CALLERS:
            await self.target.renew(caller)
        self.victim = await self.target.victim()
        coming, turn = attacks(self.seed), cycle(CALLERS)
        round_ = 0
        while self.sent < self.number:
            for operation in self.generator.operations:
                # In a thread, so that the application's own tasks go on meanwhile.
                seed = self.seed + round_ * 1_009
                made = await asyncio.to_thread(self.generator.cases, operation, each, seed)
                await self._cases(made, random.Random(seed))
                await self._corpora(operation, coming, turn, 0 if not made else len(made) * len(CALLERS))
            round_ += 1
            told(f"{self.target.name}: {self.sent} of {self.number}, {len(self.judge.faults)} faults")
            if len(self.judge.faults) > 100:
                return

    async def _cases(self, made: list[Case], chance: random.Random) -> None:
        for case in made:
            alive = case.ordinary or chance.random() < 0.5
            for caller in CALLERS:
                who, victim = self.target.callers.get(caller), self.victim
                assert victim is not None
                asked = case.living(who or victim, victim) if alive else case.asked
                reply = await self._send(asked, caller, case.operation)
                if alive and case.operation.method == "DELETE" and reply.status < 300:
                    self.victim = await self.target.victim()

    async def _corpora(self, operation: Operation, coming: Any, turn: Any, number: int) -> None:
        if self.sent >= self.number:
            return
        here = places(operation, self.generator.document)
        if self.target.name == "accounts":
            here += PLACES.values()
        number = max(int(number * (1 - GENERATED) / GENERATED), len(here))
        for position in range(number):
            place = here[position % len(here)]
            asked, caller = place(next(coming), self.sent), next(turn)
            if place in _CREDENTIALS:
                # No attack on the header may sign anybody in.
                await self._send(asked, "anonymous", None)
            else:
                await self._send(asked, caller, None)

    async def _send(self, asked: Asked, caller: str, operation: Operation | None) -> Reply:
        who = self.target.callers.get(caller)
        if who is not None:
            asked = replace(asked, headers=[*asked.headers, (b"authorization", b"Bearer " + who.token.encode())])
        # A server refuses what is no header; so that each request reaches the chain, none is dropped here.
        reply = await asked.put(self.target.app, client=address())
        self.sent += 1
        self.judge.see(asked, reply, caller=caller, operation=operation)
        if (
            caller in ROLES
            and reply.status in {204, 401, 429}
            and (self._stale(caller, reply) or not await self._lives(caller))
        ):
            await self.target.renew(caller)
        return reply

    def _stale(self, caller: str, reply: Reply) -> bool:
        # In a long run a sign-in is recent no more. Who signed in just now is asked for something else.
        return (
            b"insufficient_user_authentication" in reply.body
            and time.time() - self.target.callers[caller].since > STALE
        )

    async def _lives(self, caller: str) -> bool:
        path = next(path for path in self.generator.document["paths"] if path.endswith("/profile"))
        token = self.target.callers[caller].token
        asked = Asked("GET", path, [(b"authorization", b"Bearer " + token.encode())])
        return (await asked.put(self.target.app, client=address())).status == 200


async def fuzz(name: str, folder: Path, *, number: int, seed: int, each: int, told: Callable[[str], None]) -> Fuzz:
    """Fuzz one target from the start of its lifespan to the end."""
    async with TARGETS[name](folder) as target:
        document = target.app.openapi()
        found = Fuzz(target, Generator(document), Judge(document, mistakes=target.mistakes), number, seed)
        await found.run(each=each, told=told)
        return found


# No one guesses a mailed code, an authenticator's code, what a passkey signs, a current password or an id that only its owner was told; the
# stories and the test of other people's ids go there.
_KNOWING = (
    "/verify-email", "/auth/mfa", "/auth/mfa/enrol", "/auth/password/reset", "/account/password", "/account/email/confirm",
    "/account/recovery-codes", "/auth/restore/redeem", "/auth/passkeys/login", "/account/passkeys",
    "/auth/reauthenticate/options",
)  # fmt: skip
_OWN_IDS = re.compile(r"\{(session|device|factor|passkey|key)_id\}")


def unreached(found: Fuzz) -> list[str]:
    """Operations that served nobody who may call them: what they would do was not seen."""
    served = {label for label, _ in found.judge.served}
    guarded = (o.label for o in found.generator.operations if o.path.endswith(_KNOWING) or _OWN_IDS.search(o.path))
    known = {*found.target.mistakes, *guarded}
    return [o.label for o in found.generator.operations if o.label not in served | known]
