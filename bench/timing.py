"""Whether the time of an answer tells if an address, or a key, is known: over real HTTP, known and unknown in turns."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

# This folder's names (requests) would hide other people's modules.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import report
from bench.load import Connection, quantile, written
from bench.server import Server, free_port, serving

from fastness.controls.passwords import Passwords, PasswordSettings
from fastness.controls.secrets import generate

PASSWORD = "violet teapot under the stairs"
WRONG = "violet teapot under the chairs"
PEOPLE = 200
_PLENTY = "1000000000/hour"
_THROTTLE = (
    "ACCOUNT", "ADDRESS", "EVERYONE", "REGISTER_ADDRESS", "RESEND_ADDRESS", "RESET_MAIL", "MAGIC_MAIL", "MAIL",
)  # fmt: skip
RAISED = {
    "FASTNESS_LIMITS__PER_ADDRESS": _PLENTY,
    **{f"FASTNESS_ACCOUNTS__THROTTLE__{name}": _PLENTY for name in _THROTTLE},
}
"""The limits that the probe runs into; every other setting is the default, but that magic links are on."""
CHEAP = {
    "FASTNESS_PASSWORDS__MEMORY_KIB": "8",
    "FASTNESS_PASSWORDS__TIME_COST": "1",
    "FASTNESS_PASSWORDS__UNSAFE_CHEAP_HASHING": "true",
}
"""Hashes of microseconds, beside which any other difference shows."""
ROUTES = {
    "register": ("POST", "/auth/register", 202),
    "login": ("POST", "/auth/login", 401),
    "forgot": ("POST", "/auth/password/forgot", 202),
    "resend": ("POST", "/auth/verify-email/resend", 202),
    "magic": ("POST", "/auth/magic", 202),
    "api key": ("GET", "/profile", 401),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What the times of one route tell: the area under the curve of the best guess by a limit, and its 95 % interval."""

    route: str
    each: int
    known: float
    unknown: float
    auc: float
    half: float

    @property
    def away(self) -> float:
        return abs(self.auc - 0.5)


def auc(known: Sequence[float], unknown: Sequence[float]) -> tuple[float, float]:
    """How often a known one takes longer than an unknown one, equal times half; and half of the 95 % interval.

    Mann-Whitney's U over all pairs; the standard error is Hanley's and McNeil's (Radiology 143, 1982).
    """
    ordered = sorted([(one, True) for one in known] + [(one, False) for one in unknown])
    ranks, place = 0.0, 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end][0] == ordered[place][0]:
            end += 1
        ranks += sum(is_known for _, is_known in ordered[place:end]) * (place + 1 + end) / 2
        place = end
    m, n = len(known), len(unknown)
    area = (ranks - m * (m + 1) / 2) / (m * n)
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    variance = (area * (1 - area) + (m - 1) * (q1 - area * area) + (n - 1) * (q2 - area * area)) / (m * n)
    return area, 1.96 * math.sqrt(max(variance, 0.0))


async def prepared(url: str, settings: PasswordSettings) -> None:
    """Make the tables and the accounts: people with one password, somebody with a key, an administrator."""
    from fastness.accounts.db import Database
    from fastness.accounts.models import default_models

    passwords, database = Passwords(settings), Database(url, default_models())
    names = [(f"known{number:07d}", "user") for number in range(PEOPLE)]
    try:
        await database.create_tables()
        stored = await passwords.hash(PASSWORD)
        async with database.write() as work:
            for name, role in [*names, ("keeper", "user"), ("root", "super_admin")]:
                email = f"{name}@example.com"
                await work.users.add(
                    email=email, canonical=email, name="Somebody", password_hash=stored, role=role, verified=True,
                    now=time.time(),
                )  # fmt: skip
    finally:
        passwords.close()
        await database.close()


class Asking:
    """One client of the server: its host, its keys, its names."""

    def __init__(self, server: Server) -> None:
        self.server, self.host = server, f"127.0.0.1:{server.port}"
        self._fresh = count()
        self._shut, self._removed = "", ""

    def _json(self, method: str, path: str, body: Any = None, token: str = "") -> dict[str, Any]:
        headers = {"Host": self.host, "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        status, _, told = self.server.ask(method, path, headers, None if body is None else json.dumps(body).encode())
        if status >= 300:
            raise SystemExit(f"{method} {path} is {status}: {told.decode()[:300]}")
        return dict(json.loads(told)) if told else {}

    def _login(self, name: str) -> str:
        given = {"email": f"{name}@example.com", "password": PASSWORD}
        return str(self._json("POST", "/auth/login", given)["access_token"])

    def make_keys(self) -> None:
        """A key whose owner is suspended, and one that was taken back: the store knows the one and not the other."""
        token, root = self._login("keeper"), self._login("root")
        kept, removed = (self._json("POST", "/account/api-keys", {"name": name}, token) for name in ("one", "two"))
        self._json("DELETE", f"/account/api-keys/{removed['id']}", None, token)
        (owner,) = self._json("GET", "/users?search=keeper", None, root)["items"]
        self._json("POST", f"/users/{owner['id']}/suspend", None, root)
        self._shut, self._removed = kept["key"], removed["key"]

    def request(self, route: str, *, known: bool) -> bytes:
        """The request as it stands on the wire, of the same length for both."""
        method, path, _ = ROUTES[route]
        if route == "api key":
            return written(method, path, {"Host": self.host, "X-API-Key": self._shut if known else self._removed})
        number = next(self._fresh)
        email = f"known{number % PEOPLE:07d}@example.com" if known else f"other{number:07d}@example.com"
        given = {"email": email}
        if route == "login":
            given["password"] = WRONG
        if route == "register":
            given |= {"password": PASSWORD, "name": "Somebody"}
        return written(
            method, path, {"Host": self.host, "Content-Type": "application/json"}, json.dumps(given).encode()
        )

    async def times(self, route: str, each: int, pause: float) -> tuple[list[float], list[float]]:
        """Milliseconds of known and of unknown ones, in an order by chance.

        Not in pairs: then an unknown one would follow a known one, and wait for its mail, more often than the other way.
        """
        connection, found = await Connection.open(self.server.port), {True: list[float](), False: list[float]()}
        order = [True, False] * each
        random.shuffle(order)
        for known in order:
            request = self.request(route, known=known)
            begin = time.perf_counter()
            status = await connection.ask(request)
            found[known].append((time.perf_counter() - begin) * 1e3)
            if status != ROUTES[route][2]:
                raise SystemExit(f"{route} is {status}")
            await asyncio.sleep(pause)
        connection.close()
        return found[True], found[False]


def probe(url: str, folder: Path, extra: dict[str, str], settings: PasswordSettings, chosen: Any) -> list[Told]:
    """Start the server on this database and ask every route."""
    asyncio.run(prepared(url, settings))
    port = free_port()
    env = {
        "FASTNESS_ENVIRONMENT": "development", "FASTNESS_SECRET": generate(), "FASTNESS_DATABASE_URL": url,
        "FASTNESS_MAIL__BACKEND": "file", "FASTNESS_MAIL__FOLDER": f"{folder}/mails", "FASTNESS_ACCOUNTS__MAGIC": "true",
        **RAISED, **extra,
    }  # fmt: skip
    found = []
    with serving(
        [str(Path(sys.executable).parent / "fastness"), "serve", "--port", str(port)], port, env, folder
    ) as server:
        asking = Asking(server)
        asking.make_keys()
        for route in chosen.route or ROUTES:
            asyncio.run(asking.times(route, 10, chosen.pause / 1e3))
            known, unknown = asyncio.run(asking.times(route, chosen.each, chosen.pause / 1e3))
            told = Told(route, chosen.each, quantile(known, 0.5), quantile(unknown, 0.5), *auc(known, unknown))
            found.append(told)
            print(f"  {told}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50 of each, cheap hashes")
    parser.add_argument("--each", type=int, default=1000, help="known ones, and as many unknown ones")
    parser.add_argument("--route", action="append", choices=[*ROUTES])
    parser.add_argument("--hash", action="append", choices=["cheap", "real"], help="both when not given")
    parser.add_argument("--pause", type=float, default=5.0, help="milliseconds after each answer")
    parser.add_argument("--postgresql", metavar="URL", help="an empty database, used once, instead of a SQLite file")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.each, chosen.hash = 50, ["cheap"]
    elif chosen.postgresql and (chosen.hash is None or len(chosen.hash) > 1):
        parser.error("--postgresql is used once: choose one --hash")
    context = report.context()
    report.introduce(context)
    print(f"raised for this run: {', '.join(f'{name}={value}' for name, value in RAISED.items())}")
    figures, rows = {}, list[list[str]]()
    for cost in chosen.hash or ["cheap", "real"]:
        settings = PasswordSettings.unsafe_for_tests() if cost == "cheap" else PasswordSettings()
        with tempfile.TemporaryDirectory() as folder:
            url = chosen.postgresql or f"sqlite:///{folder}/accounts.db"
            found = probe(url, Path(folder), CHEAP if cost == "cheap" else {}, settings, chosen)
        figures[cost] = [asdict(told) for told in found]
        database = "PostgreSQL" if chosen.postgresql else "SQLite"
        rows += [
            [
                told.route, database, cost, str(told.each), f"{told.known:.2f}", f"{told.unknown:.2f}",
                f"{told.away:.3f}", f"{told.auc - told.half:.3f}-{told.auc + told.half:.3f}",
            ]
            for told in found
        ]  # fmt: skip
    report.table(("route", "database", "hash", "each", "known ms", "unknown ms", "|AUC - 0.5|", "AUC, 95 %"), rows)
    report.save("timing", context, {"figures": figures, "raised": RAISED})


if __name__ == "__main__":
    main()
