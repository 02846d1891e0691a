"""Experiment 8: clocks jump, forward and back, and those of two workers differ. No token lives longer, nobody is locked out."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from dataclasses import dataclass

from accounts.serving import PASSWORD, Clock, Served, bearer, serving
from fresh_database import fresh_url
from proof.faults.experiment import Figure, Trial, at_least, none, only

LIFE, LEEWAY, APART = 600.0, 30.0, 20.0
"""Seconds: how long an access token lives, how far ahead it may have been issued, how far apart two workers are."""


@dataclass
class Leaping(Clock):
    """A clock on the wall that somebody sets, beside one that only ever goes on. Both stand still by themselves."""

    set_by: float = 0.0
    start: float = 1_900_000_000.0

    def wall(self) -> float:
        return self.start + self.ahead + self.set_by

    def ticks(self) -> float:
        return 1000.0 + self.ahead


async def run(trial: Trial) -> list[Figure]:
    """Everything runs under injected clocks, so the short form is the long one with fewer random leaps."""
    async with fresh_url(trial.cell.database, trial.folder) as url:
        figures = await _two_workers(url, random.Random(trial.seed), trial.sized(short=60, full=2_000))
    async with fresh_url(trial.cell.database, trial.folder) as url:
        return [*figures, *await _lock_outs(url)]


async def _two_workers(url: str, chance: random.Random, steps: int) -> list[Figure]:
    """A model knows the true age of every token; two workers whose clocks leap are asked about them."""
    clocks = [Leaping(), Leaping(set_by=APART)]
    outlived, refused, statuses, asked = list[str](), list[str](), Counter[int](), 0
    async with contextlib.AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(
                serving(url, clock=clock, session_idle=86_400, unsafe_allow_unverified=True)
            )
            for clock in clocks
        ]
        await workers[0].account()
        tokens: list[tuple[float, dict[str, str]]] = []
        for _ in range(steps):
            passed = chance.choice([0.0, 1.0, 60.0, 300.0, 700.0, 3000.0])
            leap = chance.choice([0.0, 0.0, 0.0, -5.0, 5.0, 3600.0, -3600.0])
            for clock in clocks:
                clock.ahead += passed
            _set(clocks, leap)
            for worker in workers:
                await worker.service.feed.poll()
            n = chance.randrange(2)
            status, headers = await _login(workers[n])
            statuses[status] += 1
            if headers:
                tokens = [*tokens[-3:], (clocks[n].wall(), headers)]
                # The other worker, whose clock is apart, takes a new token at once.
                refused += await _refused(workers, headers)
            for told in (leap, 0.0):
                _set(clocks, told)  # at last set right again
                for issued, known in tokens:
                    for clock, worker in zip(clocks, workers, strict=True):
                        answer = await worker.client.get("/profile", headers=known)
                        statuses[answer.status_code] += 1
                        asked += 1
                        age = clock.wall() - issued
                        if answer.status_code == 200 and not -LEEWAY - 1 <= age <= LIFE:
                            outlived.append(f"{age:.0f} s old")
    return [
        at_least("tokens asked about", asked, steps),
        only("answers", statuses, {200, 401}),
        none("tokens taken beyond their life, or before it", outlived),
        none("new tokens that the other worker refused", refused),
    ]


def _set(clocks: list[Leaping], leap: float) -> None:
    for clock, apart in zip(clocks, (0.0, APART), strict=True):
        clock.set_by = leap + apart


async def _refused(workers: list[Served], headers: dict[str, str]) -> list[str]:
    answers = [(await worker.client.get("/profile", headers=headers)).status_code for worker in workers]
    return [f"{answers}"] if 401 in answers else []


async def _login(worker: Served) -> tuple[int, dict[str, str] | None]:
    answer = await worker.client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    return answer.status_code, bearer(answer.json()) if answer.status_code == 200 else None


async def _lock_outs(url: str) -> list[Figure]:
    """Five sign-ins in a minute: the sixth waits, and how long does not hang on the clock on the wall."""
    clock, seen = Leaping(), list[int]()
    async with serving(url, clock=clock, throttle={"account": "5/minute"}) as served:
        await served.account()

        async def wrong() -> int:
            given = {"email": "ada@example.com", "password": "not the right one"}
            return (await served.client.post("/auth/login", json=given)).status_code

        for leap in (3600.0, -3600.0, -5.0):
            first = [await wrong() for _ in range(6)]
            clock.set_by += leap
            leapt = await wrong()
            clock.ahead += 13
            seen += [*first, leapt, await wrong()]
            clock.ahead += 61
    expected = 3 * [401, 401, 401, 401, 401, 429, 429, 401]
    return [
        Figure("lock-outs", "as without leaps" if seen == expected else f"{seen}", "as without leaps", seen == expected)
    ]
