"""Experiment 28: the signing key is rotated and the former one taken away, ten times, while everybody asks."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from cells import Serving, served
from fastness.accounts.db import Database
from fastness.accounts.models import default_models
from fastness.accounts.signing import SigningKeys
from fastness.controls.tokens import SigningKey
from fastness.core.keys import KeyRing
from journeys.one_per_worker import one_per_worker
from journeys.test_cells import retire, rotate, signed_again, statuses
from proof.faults.callers import OPEN, Answer, Callers, person
from proof.faults.experiment import Figure, Trial, at_least, none, only

ROTATIONS = 10
WITHIN = 1.0
"""Seconds in which every worker knows a new key, and has forgotten one that was taken away."""


_BY_ACCESS_TOKEN = {"profile", "rename"}


async def run(trial: Trial) -> list[Figure]:
    """Tokens of the key in force and of the one before it are asked about at every worker, all the time."""
    refused, alive, turns = list[str](), list[str](), list[Turn]()
    async with served(trial.cell, trial.folder, **OPEN) as serving:
        first = (await person(serving.url, "ada@example.com")).access
        callers = Callers(serving.url, 8, trial.seed)
        async with one_per_worker(serving.url, serving.workers()) as clients, callers.asking():
            held = first
            for _ in range(ROTATIONS):
                rotated = await asyncio.to_thread(rotate, serving)
                assert rotated.returncode == 0, rotated.stderr
                key, former = await _keys(serving, rotated.stdout)
                await asyncio.sleep(WITHIN)
                new = signed_again(first, key)
                # The overlap: both are good everywhere.
                for _ in range(10):
                    for name, token in (("new", new), ("former", held)):
                        seen = await statuses(clients, token)
                        refused += [f"{name} key: {seen}"] if set(seen) != {200} else []
                going = time.monotonic()
                await retire(serving, former)
                await asyncio.sleep(WITHIN)
                gone = await statuses(clients, held)
                alive += [f"after the overlap: {gone}"] if set(gone) != {401} else []
                # Their tokens were the former key's too; a sign-in gives them new ones, and so does this.
                for who in callers.people:
                    who.access = signed_again(who.access, key)
                turns.append(Turn(going, time.monotonic()))
                held = new
                await asyncio.sleep(0.5)
    asked_by_it = Counter(one.status for one in callers.answers if _goes(one, turns))
    others = Counter(one.status for one in callers.answers if not _goes(one, turns))
    return [
        at_least("rotations", len(turns), ROTATIONS),
        none("valid tokens refused", refused),
        none("tokens of a removed key accepted", alive),
        only("answers to everybody else", others, {200, 202}),
        # Refused, as it should be, or not yet; nothing else.
        only("answers to tokens of a key that goes", asked_by_it, {200, 401}),
    ]


@dataclass(frozen=True, slots=True)
class Turn:
    """When a former key was about to be taken away, when everybody had tokens of the new one."""

    going: float
    renewed: float


def _goes(one: Answer, turns: list[Turn]) -> bool:
    """Whether it may have been asked by a token whose key was being taken away."""
    during = any(one.began < turn.renewed and one.ended >= turn.going for turn in turns)
    return during and one.kind in _BY_ACCESS_TOKEN


async def _keys(serving: Serving, said: str) -> tuple[SigningKey, str]:
    """The key that was added, whose name the command said, and the name of the only other one."""
    database = Database(serving.database, default_models())
    stored = list(await SigningKeys(database, KeyRing([serving.environment["FASTNESS_SECRET"]])).load())
    await database.close()
    # The name of the second key of a day begins with that of the first.
    added = max((key for key in stored if key.kid in said), key=lambda key: len(key.kid))
    [former] = [key.kid for key in stored if key.kid != added.kid]
    return added, former
