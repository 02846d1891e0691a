"""Experiment 8: clocks jump, forward and back, and those of two workers differ.

What a token says of its end is a time on the wall, which each worker reads from its own clock. So its true age, by a clock
that nobody sets, is at most its life and what the clock that is asked lies behind the one that issued it. Clocks that are
right to within `APART`, even when one leaps back by five seconds, add less than the minute that the plan allows; one that
is an hour wrong adds its hour, and no more. Nobody is locked out for longer, whatever the clock on the wall says.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from accounts.serving import PASSWORD, Clock, Served, bearer, serving
from cells import PATIENT
from fresh_database import fresh_url
from proof.faults.experiment import Figure, Trial, at_least, at_most, none, only
from redis_server import redis_server

LIFE, LEEWAY, APART = 600.0, 30.0, 30.0
"""Seconds: how long an access token lives, how far ahead it may have been issued, how far apart two workers are."""
WRONG = 60.0
"""Seconds by which a clock may be wrong before it is called that; so much may a token outlive its life, too."""


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
    async with contextlib.AsyncExitStack() as stack:
        redis, counted = None, dict[str, Any]()
        if trial.cell.counters == "redis":
            redis = stack.enter_context(redis_server(trial.folder))
            counted = {"redis_url": redis.url, "redis_timeout": PATIENT}
        url = await stack.enter_async_context(fresh_url(trial.cell.database, trial.folder))
        figures = await _two_workers(url, counted, random.Random(trial.seed), trial.sized(short=60, full=2_000))
        url = await stack.enter_async_context(fresh_url(trial.cell.database, trial.folder))
        figures += await _lock_outs(url, counted)
        return figures if redis is None else [*figures, at_least("keys in Redis", redis.tell("DBSIZE"), 1)]


@dataclass(frozen=True)
class Issued:
    """A token, the true time at which it was issued, and how wrong the clock was that issued it."""

    headers: dict[str, str]
    at: float
    wrong: float


async def _two_workers(url: str, counted: dict[str, Any], chance: random.Random, steps: int) -> list[Figure]:
    """The true age of every token is known; two workers whose clocks leap are asked about them."""
    clocks = [Leaping(), Leaping(set_by=APART)]
    beyond, refused, statuses = list[str](), list[str](), Counter[int]()
    right, wrong = [0.0], [0.0]
    async with contextlib.AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(
                serving(url, clock=clock, session_idle=86_400, unsafe_allow_unverified=True, settings=counted)
            )
            for clock in clocks
        ]
        await workers[0].account()
        tokens: list[Issued] = []
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
                tokens = [*tokens[-3:], Issued(headers, clocks[n].ahead, clocks[n].set_by)]
                # The other worker, whose clock is apart, takes a new token at once.
                refused += await _refused(workers, headers)
            for told in (leap, 0.0):
                _set(clocks, told)  # at last set right again
                for token in tokens:
                    for clock, worker in zip(clocks, workers, strict=True):
                        answer = await worker.client.get("/profile", headers=token.headers)
                        statuses[answer.status_code] += 1
                        age, behind = clock.ahead - token.at, token.wrong - clock.set_by
                        if answer.status_code != 200:
                            continue
                        (right if max(abs(token.wrong), abs(clock.set_by)) < WRONG else wrong).append(age)
                        if not behind - LEEWAY <= age <= behind + LIFE:
                            beyond.append(f"{age:.0f} s old, the clock {behind:.0f} s behind")
    return [
        at_least("tokens asked about", statuses.total(), steps),
        only("answers", statuses, {200, 401}),
        at_most("true age of a token taken, clocks right to a minute", max(right), LIFE + WRONG, " s"),
        # Issued by one that is an hour ahead, asked of one that is an hour behind.
        at_most("true age of a token taken, a clock an hour wrong", max(wrong), LIFE + 7200 + APART, " s"),
        none("tokens taken beyond their life and what the clock was behind, or before it", beyond),
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


async def _lock_outs(url: str, counted: dict[str, Any]) -> list[Figure]:
    """Five sign-ins, and the sixth waits: how long does not hang on the clock on the wall."""
    clock, seen = Leaping(), list[int]()
    # Redis has a clock of its own, which no test sets: there the time is waited for, and is shorter.
    rate, one, all_ = ("5/10 seconds", 2.2, 10.2) if counted else ("5/minute", 13.0, 61.0)

    async def pass_(seconds: float) -> None:
        clock.ahead += seconds
        await asyncio.sleep(seconds if counted else 0)

    async with serving(url, clock=clock, throttle={"account": rate}, settings=counted) as served:
        await served.account()

        async def wrong() -> int:
            given = {"email": "ada@example.com", "password": "not the right one"}
            return (await served.client.post("/auth/login", json=given)).status_code

        for leap in (3600.0, -3600.0, -5.0):
            first = [await wrong() for _ in range(6)]
            clock.set_by += leap
            leapt = await wrong()
            await pass_(one)
            seen += [*first, leapt, await wrong()]
            await pass_(all_)
    expected = 3 * [401, 401, 401, 401, 401, 429, 429, 401]
    return [
        Figure("lock-outs", "as without leaps" if seen == expected else f"{seen}", "as without leaps", seen == expected)
    ]
