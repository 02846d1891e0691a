"""Experiment 6: everybody changes the same rows, on a PostgreSQL that was set to SERIALIZABLE. Nobody sees a conflict."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from sqlalchemy import make_url

from accounts.serving import PASSWORD, Served, bearer, serving
from fresh_database import fresh_url, on_server
from proof.faults.experiment import Figure, Trial, at_least, none, only

CALLERS = 25
DONE = {200, 202, 204}
LOST = {400, 401, 404, 409}
"""What the loser of a race may read: a code was spent, a session or an account is over."""


async def run(trial: Trial) -> list[Figure]:
    """Sign-ins, renames, refreshes, roles, suspensions and registrations of four accounts, all at once."""
    number, statuses = trial.sized(short=200, full=10_000), Counter[int]()
    async with fresh_url("postgresql", trial.folder) as url:
        name = make_url(url).database
        await on_server(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'serializable'")
        async with serving(url, sessions_per_user=5) as served:
            world = await _World.made(served)
            await asyncio.gather(
                *(world.acts(f"{trial.seed}.{n}", number // CALLERS, statuses) for n in range(CALLERS))
            )
            deadlocks = await _deadlocks(served)
    conflicts = [status for status in statuses.elements() if status >= 500]
    return [
        at_least("operations", statuses.total(), number),
        only("answers", statuses, DONE | LOST),
        none("conflicts that somebody saw", conflicts),
        none("deadlocks in the database", range(deadlocks)),
    ]


class _World:
    """Four people whom everybody is at once, and an administrator who changes them."""

    def __init__(self, served: Served, ids: list[str], root: dict[str, str]) -> None:
        self._served, self._ids, self._root = served, ids, root
        self._tokens: dict[str, str] = {}

    @classmethod
    async def made(cls, served: Served) -> _World:
        root = await served.signed_in("root@example.com", role="admin")
        return cls(served, [await served.account(_address(n)) for n in range(4)], root)

    async def acts(self, seed: str, times: int, statuses: Counter[int]) -> None:
        chance = random.Random(seed)
        for _ in range(times):
            statuses[await self._act(chance)] += 1

    async def _act(self, chance: random.Random) -> int:
        http, n = self._served.client, chance.randrange(4)
        email, user = _address(n), f"/users/{self._ids[n]}"
        match chance.choices(
            ["login", "refresh", "rename", "role", "suspend", "register", "logout"], [6, 3, 4, 2, 1, 2, 1]
        ):
            case ["login"]:
                answer = await http.post("/auth/login", json={"email": email, "password": PASSWORD})
                if answer.status_code == 200:
                    self._tokens[email] = answer.json()["refresh_token"]
            case ["refresh"]:
                token = self._tokens.get(email, "A" * 43)
                answer = await http.post("/auth/refresh", json={"refresh_token": token})
            case ["rename"]:
                answer = await http.patch(user, json={"name": f"N {chance.random()}"}, headers=self._root)
            case ["role"]:
                answer = await http.patch(user, json={"role": chance.choice(["user", "editor"])}, headers=self._root)
            case ["suspend"]:
                answer = await http.post(f"{user}/suspend", headers=self._root)
                answer = await http.post(f"{user}/unsuspend", headers=self._root)
            case ["register"]:
                new = {"email": chance.choice([email, "new@example.com"]), "password": PASSWORD, "name": "N"}
                answer = await http.post("/auth/register", json=new)
            case _:
                login = await http.post("/auth/login", json={"email": email, "password": PASSWORD})
                if login.status_code != 200:
                    return login.status_code
                answer = await http.post("/auth/logout", headers=bearer(login.json()), json={})
        return answer.status_code


def _address(n: int) -> str:
    return f"person{n}@example.com"


async def _deadlocks(served: Served) -> int:
    async with served.service.db.transaction() as connection:
        found = await connection.exec_driver_sql(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return int(found.scalar_one())
