"""Makes an attacker of a loaded application: its lifespan is run, its database judged, its host learned, accounts made."""

from __future__ import annotations

from typing import Any

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.identities import seed
from fastness.checker.evidence.loaded import Loaded
from fastness.checker.evidence.model import Application
from fastness.checker.evidence.operations import operations

_DRIVERS = ("psycopg2", "psycopg", "asyncpg", "MySQLdb", "pymysql", "aiomysql", "asyncmy", "pymongo", "oracledb", "pyodbc",
            "cassandra", "neo4j", "elasticsearch", "boto3", "google.cloud.firestore")  # fmt: skip
_STARTUP = 20.0
_ASKED = 5


async def attacker_of(
    loaded: Loaded, application: Application, *, budget: int = 2_000, gateway: frozenset[str] = frozenset()
) -> Attacker:
    """An attacker with two accounts where the application lets anybody register; `notes` says what it lacks.

    Raises:
        Ended: the application ended while it started.
    """
    loaded.ask({"do": "tables"})
    started = loaded.ask({"do": "start", "seconds": _STARTUP}, seconds=_STARTUP + 10)
    writes, why = _writes(loaded)
    attacker = Attacker(loaded, application, writes, left=budget, secrets=set(loaded.values), gateway=gateway)
    failed = "" if started.get("started", False) else str(started.get("text", "")).strip() or "without a message"
    failed = failed.splitlines()[-1][-300:] if "Traceback" in failed else failed
    if failed:
        attacker.unstarted = failed
        attacker.notes.append(f"its startup failed: {failed}")
    if not writes:
        attacker.notes.append(f"only safe methods are sent: {why}")
    documents = loaded.ask({"do": "openapi"}).get("documents", [])
    attacker.operations = tuple(operations(documents))
    attacker.host = await _host(attacker)
    if failed and await _silent(attacker):
        attacker.silent = f"its startup failed, and it answers every request with a server error: {failed}"
        return attacker
    attacker.identities = await seed(attacker)
    return attacker


async def _silent(attacker: Attacker) -> bool:
    asked = [route for route in attacker.routes if route.kind == "http" and "GET" in route.methods][:_ASKED]
    answers = [await attacker.attempt(route, "GET") for route in asked]
    return all(answer.status >= 500 or not answer.status for answer in answers)  # noqa: PLR2004 - server errors


def _writes(loaded: Loaded) -> tuple[bool, str]:
    state = loaded.ask({"do": "state", "drivers": _DRIVERS})
    scratch = str(loaded.scratch.folder)
    for store in state["stores"]:
        if store["kind"] != "sqlite":
            return False, f"its database is {store['kind']}"
        if store["what"] not in {"", ":memory:"} and store["what"].startswith("/") and scratch not in store["what"]:
            return False, f"its database is {store['what']}"
    if state["drivers"] and not loaded.offline:
        return False, f"it loads {', '.join(state['drivers'])}"
    return True, ""


async def _host(attacker: Attacker) -> str:
    """A host that the application answers to."""
    names = [name for middleware in attacker.application.middleware for name in _allowed(dict(middleware.options))]
    for name in [*names, "checked.example", "localhost", "127.0.0.1", "testserver"]:
        attacker.host = name
        answer = await attacker.send("GET", "/")
        if answer.status not in {400, 421}:
            return name
    return "checked.example"


def _allowed(options: dict[str, Any]) -> list[str]:
    hosts = options.get("allowed_hosts")
    if not isinstance(hosts, list):
        return []
    return [
        f"checked{host[1:]}" if host.startswith("*.") else host
        for host in hosts
        if isinstance(host, str) and host != "*"
    ]
