"""Experiment 6: everybody changes the same rows of a PostgreSQL that is SERIALIZABLE, alone and beside somebody else.

Alone, on a database whose default that is: our transactions oppose each other nowhere, and what PostgreSQL undoes is done
again. Beside transactions of somebody's own, which lock the same rows in another order, PostgreSQL ends one or the other:
on that database, and on an application's own table and engine. Then a caller reads a 503 at worst that says when to come
back, and is answered when he does; what may happen once happens once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import httpx2
from sqlalchemy import Engine, event, make_url

from accounts.mounted import mounted, settings
from accounts.serving import PASSWORD, digits, serving
from cells import PATIENT
from fastness.accounts.db import Database
from fastness.accounts.mail import MemoryMailer
from fastness.accounts.models import Work
from fresh_database import fresh_url, on_server, strict
from proof.faults.callers import counted
from proof.faults.experiment import Figure, Trial, at_least, none, only
from redis_server import redis_server

CALLERS, STRANGERS, PEOPLE = 25, 3, 4
DONE = {200, 202, 204}
LOST = {400, 401, 404, 409}
"""What the loser of a race may read: a code was spent, a session or an account is over."""
AGAIN = 8
"""Times that somebody comes back who read a 503."""
MOST_GOES = 3
"""Who meets whom is chance: when too few did, all act once more."""
HASTY = "20ms"
"""After which PostgreSQL looks for a deadlock: ours look first, so that it is ours which are ended."""


async def run(trial: Trial) -> list[Figure]:
    """Alone, then beside strangers on a database of ours, then beside them on one of theirs."""
    with contextlib.ExitStack() as stack:
        redis, where = None, dict[str, Any]()
        if trial.cell.counters == "redis":
            redis = stack.enter_context(redis_server(trial.folder))
            where = {"redis_url": redis.url, "redis_timeout": PATIENT}
        figures = [
            *await _on_ours(trial, where, "alone", strangers=0),
            *await _on_ours(trial, where, "beside others", strangers=STRANGERS),
            *await _on_theirs(trial, where),
        ]
        return figures if redis is None else [*figures, at_least("keys in Redis", redis.tell("DBSIZE"), 1)]


async def _on_ours(trial: Trial, where: dict[str, Any], what: str, *, strangers: int) -> list[Figure]:
    counters: dict[str, Any] = {} if where else {"counters": "database"}
    async with fresh_url("postgresql", trial.folder) as url:
        await strict(url)
        await on_server(f"ALTER DATABASE \"{make_url(url).database}\" SET deadlock_timeout = '{HASTY}'")
        async with serving(url, sessions_per_user=5, settings=where, **counters) as served:
            world = _World(served.client, served.mailer, served.service.db, url, "users")
            return await world.seen(trial, what, strangers)


async def _on_theirs(trial: Trial, where: dict[str, Any]) -> list[Figure]:
    engine = {
        "isolation_level": "SERIALIZABLE",
        "pool_size": 20,
        "connect_args": {"server_settings": {"deadlock_timeout": HASTY}},
    }
    chosen = settings(accounts={"sessions_per_user": 5}, **where)
    async with mounted("postgresql-async", trial.folder, routes=_theirs, chosen=chosen, engine=engine) as there:
        db = there.accounts.service.db
        url = db.url.render_as_string(hide_password=False)
        world = _World(there.client, there.mailer, db, url, "people", own="/own")
        return await world.seen(trial, "beside others, on their engine", STRANGERS)


def _theirs(app: Any, accounts: Any, _factory: Any) -> None:
    async def own(person: Any) -> dict[str, str]:
        return {"email": person.email}

    own.__annotations__ = {"person": Annotated[Any, accounts.user()], "return": dict[str, str]}
    app.get("/own")(own)


@dataclass
class _World:
    """Four people whom everybody is at once, and an administrator who changes them."""

    http: httpx2.AsyncClient
    mailer: Any
    db: Database[Work]
    url: str
    table: str
    own: str = "/profile"
    ids: list[str] = field(default_factory=list)
    root: dict[str, str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)

    async def seen(self, trial: Trial, what: str, strangers: int) -> list[Figure]:
        """What all of them met."""
        number = trial.sized(short=100, full=2_500 if strangers else 5_000)
        for email in (*map(_address, range(PEOPLE)), "root@example.com"):
            await self._account(email)
        self.ids = [await self._id(_address(n)) for n in range(PEOPLE)]
        root = await self._id("root@example.com")
        async with self.db.write() as work:
            await work.users.set_role(root, "admin", now=0.0)
        self.root = _bearer((await self._post("/auth/login", _credentials("root@example.com"))).json())
        self.statuses.clear()
        least = trial.sized(short=0, full=number // 250) if strangers else 0
        with _conflicts() as met:
            async with _Strangers(self.url, self.table, trial.seed).going_on(strangers):
                for go in range(MOST_GOES):
                    await asyncio.gather(
                        *(self._acts(f"{trial.seed}.{go}.{n}", number // CALLERS) for n in range(CALLERS))
                    )
                    if met.total() >= least:
                        break
            after = [await self._status("POST", "/auth/login", json=_credentials(_address(n))) for n in range(PEOPLE)]
        found = await self._deadlocks()
        # Where nobody opposes us, whatever PostgreSQL undid was done again unseen.
        allowed = DONE | LOST | ({503} if strangers else set())
        undone = ", ".join(f"{count} x {state}" for state, count in sorted(met.items())) or "0"
        return [
            at_least(f"{what}: operations", self.statuses.total(), number),
            only(f"{what}: answers", self.statuses, allowed),
            Figure(f"{what}: our statements that PostgreSQL undid", undone, f">= {least}", met.total() >= least),
            *([] if strangers else [none(f"{what}: deadlocks", range(found))]),
            none(f"{what}: questions asked {AGAIN} times without an answer", self.unanswered),
            none(f"{what}: codes and tokens that were good twice", self.twice),
            only(f"{what}: sign-ins afterwards", Counter(after), {200, 401}),
        ]

    async def _acts(self, seed: str, times: int) -> None:
        chance = random.Random(seed)
        for turn in range(times):
            await self._act(chance, f"{seed}-{turn}")

    async def _act(self, chance: random.Random, word: str) -> None:
        n = chance.randrange(PEOPLE)
        email, user = _address(n), f"/users/{self.ids[n]}"
        match chance.choices(
            ["login", "refresh", "rename", "role", "suspend", "register", "own", "logout"], [6, 3, 4, 2, 1, 2, 1, 1]
        ):
            case ["login"]:
                answer = await self._post("/auth/login", _credentials(email))
                if answer.status_code == 200:
                    self.tokens[email] = answer.json()
            case ["refresh"]:
                await self._refresh(email)
            case ["rename"]:
                await self._asked("PATCH", user, json={"name": f"N {chance.random()}"}, headers=self.root)
            case ["role"]:
                role = chance.choice(["user", "editor"])
                await self._asked("PATCH", user, json={"role": role}, headers=self.root)
            case ["suspend"]:
                await self._asked("POST", f"{user}/suspend", headers=self.root)
                await self._asked("POST", f"{user}/unsuspend", headers=self.root)
            case ["register"]:
                await self._account(f"new-{word}@example.com", at_once=3)
            case ["own"]:
                await self._asked("GET", self.own, headers=_bearer(self.tokens.get(email, {"access_token": "none"})))
            case _:
                login = await self._post("/auth/login", _credentials(email))
                if login.status_code == 200:
                    await self._asked("POST", "/auth/logout", headers=_bearer(login.json()), json={})

    async def _refresh(self, email: str) -> None:
        """One token by two at once: both get the same successor, or none."""
        given = {"refresh_token": self.tokens.get(email, {"refresh_token": "A" * 43})["refresh_token"]}
        answers = await asyncio.gather(*(self._post("/auth/refresh", given) for _ in range(2)))
        got = [answer.json() for answer in answers if answer.status_code == 200]
        if len({each["refresh_token"] for each in got}) > 1:
            self.twice.append(f"a refresh token of {email}")
        if got:
            self.tokens[email] = got[0]

    async def _account(self, email: str, *, at_once: int = 1) -> None:
        """A new account, whose code is entered so often at once."""
        new = {"email": email, "password": PASSWORD, "name": "Ada"}
        flow = (await self._post("/auth/register", new)).json()["flow"]
        given = {"code": digits(await self._mailed(email)), "flow": flow}
        answers = await asyncio.gather(*(self._post("/auth/verify-email", given) for _ in range(at_once)))
        if [answer.status_code for answer in answers].count(200) != 1:
            self.twice.append(f"a code of {email}: {[answer.status_code for answer in answers]}")

    async def _id(self, email: str) -> str:
        async with self.db.read() as work:
            account = await work.users.by_email(email)
        assert account is not None
        return account.id

    async def _mailed(self, email: str) -> Any:
        assert isinstance(self.mailer, MemoryMailer)
        async with asyncio.timeout(60):
            while True:
                for mail in self.mailer.outbox:
                    if mail.to == email and "Your code: " in mail.text:
                        return mail
                await asyncio.sleep(0.02)

    async def _post(self, path: str, given: dict[str, Any]) -> httpx2.Response:
        return await self._asked("POST", path, json=given)

    async def _status(self, method: str, path: str, **how: Any) -> int:
        return (await self._asked(method, path, **how)).status_code

    async def _asked(self, method: str, path: str, **how: Any) -> httpx2.Response:
        """Ask, and come back after as long as a 503 says."""
        for _ in range(AGAIN):
            answer = await self.http.request(method, path, **how)
            self.statuses[counted(answer.status_code, answer.headers.get("retry-after"))] += 1
            if answer.status_code != 503:
                return answer
            await asyncio.sleep(int(answer.headers.get("retry-after", 1)))
        self.unanswered.append(f"{method} {path}")
        return answer

    async def _deadlocks(self) -> int:
        async with self.db.transaction() as connection:
            found = await connection.exec_driver_sql(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
            return int(found.scalar_one())


class _Strangers:
    """Somebody's own SERIALIZABLE transactions, which lock rows of ours in whatever order."""

    def __init__(self, url: str, table: str, seed: int) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._of = {table: "id", "fastness_sessions": "user_id", "fastness_codes": "user_id"}
        self._table, self._seed, self._over = table, seed, False

    @contextlib.asynccontextmanager
    async def going_on(self, number: int) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for n in range(number):
                group.create_task(self._locks(random.Random(f"{self._seed}.{n}")))
            try:
                yield
            finally:
                self._over = True

    async def _locks(self, chance: random.Random) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            # Superusers may say so: more patient than ours, so that PostgreSQL ends ours, and no longer than among themselves.
            await connection.execute("SET deadlock_timeout = '300ms'")
            while not self._over:
                with contextlib.suppress(asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                    await self._transaction(connection, chance)
                await asyncio.sleep(chance.uniform(0, 0.1))
        finally:
            await connection.close()

    async def _transaction(self, connection: Any, chance: random.Random) -> None:
        # Of the newest, who is about to prove the address, or of those whom everybody is.
        newest = chance.random() < 0.5
        order = "DESC" if newest else "ASC"
        found = await connection.fetch(f"SELECT id FROM {self._table} ORDER BY created_at {order} LIMIT {PEOPLE}")
        who = chance.choice(found)["id"]
        async with connection.transaction(isolation="serializable"):
            for table in chance.sample([*self._of], 2):
                await connection.execute(f"SELECT 1 FROM {table} WHERE {self._of[table]} = $1 FOR UPDATE", who)
                await asyncio.sleep(chance.uniform(0, 0.02))


@contextlib.contextmanager
def _conflicts() -> Iterator[Counter[str]]:
    """The serialisation failures and deadlocks that our own statements meet, on every engine of this process."""
    met = Counter[str]()

    def seen(context: Any) -> None:
        state = getattr(context.original_exception, "sqlstate", None)
        if state in {"40001", "40P01"}:
            met[state] += 1

    event.listen(Engine, "handle_error", seen)
    try:
        yield met
    finally:
        event.remove(Engine, "handle_error", seen)


def _address(n: int) -> str:
    return f"person{n}@example.com"


def _credentials(email: str) -> dict[str, str]:
    return {"email": email, "password": PASSWORD}


def _bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}
