"""Experiment 25: four workers write to one SQLite file while somebody reads for half a minute and a backup runs."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import statistics
from pathlib import Path

from sqlalchemy import make_url

from cells import served
from proof.faults.callers import OPEN, Callers
from proof.faults.experiment import Figure, Trial, at_least, none, only, within


async def run(trial: Trial) -> list[Figure]:
    """200 writes a second for the whole time."""
    async with served(trial.cell, trial.folder, **OPEN) as serving:
        file = Path(str(make_url(serving.database).database))
        callers = Callers(
            serving.url, trial.sized(short=6, full=40), trial.seed, pause=trial.sized(short=0.01, full=0.2)
        )
        callers.kinds = {"rename": 90, "refresh": 10}
        broken = list[str]()
        async with callers.asking():
            with contextlib.closing(sqlite3.connect(file)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM users").fetchone()
                for n in range(trial.sized(short=2, full=30)):
                    copy = trial.folder / f"backup-{n}.db"
                    broken += await asyncio.to_thread(_backed_up, file, copy)
                    await asyncio.sleep(trial.sized(short=0.2, full=1.0))
                reader.execute("ROLLBACK")
    took = sorted(one.took for one in callers.answers)
    rate = len(took) / (callers.answers[-1].ended - callers.answers[0].began)
    return [
        at_least("writes", len(took), trial.sized(short=20, full=2_000)),
        only("answers", callers.statuses(), {200}),
        none("complaints of the copies about themselves", broken),
        within(f"99 of 100 answers, at {rate:.0f} writes a second", statistics.quantiles(took, n=100)[98], 1.0),
    ]


def _backed_up(file: Path, copy: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target, pages=16, sleep=0.001)
        found = [str(row[0]) for row in target.execute("PRAGMA integrity_check")]
    return [line for line in found if line != "ok"]
