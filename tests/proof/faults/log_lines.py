"""Experiment 24: what a stranger sends is in the log of a real server as data. One event is one line, and no secret is in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from cells import served
from proof.faults.callers import OPEN, PASSWORD, Person, person
from proof.faults.experiment import Figure, Trial, at_least, none

CORPUS: list[dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "data" / "attacks" / "log_injection.json").read_text()
)
LONGEST = 1024
_OWN_WORDS = ("fastness: ", "http://", "  ", "WARNING:  Invalid HTTP request received.")
CANARY = "canary in the attic 7Q"


async def run(trial: Trial) -> list[Figure]:
    """Send each value in seven places, then read everything that the server wrote."""
    values = list(dict.fromkeys(entry["value"] for entry in CORPUS))[:: trial.sized(short=6, full=1)]
    # Every line is wanted, however many there are.
    settings = {**OPEN, "FASTNESS_SECURITY_EVENTS__PER_MINUTE": "1000000"}
    async with served(trial.cell, trial.folder, **settings) as serving:
        ada = await person(serving.url, "ada@example.com")
        async with httpx2.AsyncClient(base_url=serving.url, timeout=60) as http:
            for value in values:
                await _by_fields(http, ada, value)
                await asyncio.gather(*(_by_hand(serving.url, lines) for lines in _heads(value)))
        secrets = [CANARY, PASSWORD, ada.access, ada.refresh, serving.environment["FASTNESS_SECRET"]]
        written = serving.server.err + serving.server.out
    # What it says of itself at the start, and uvicorn's word for what is no HTTP, are the same for every caller.
    lines = [line for line in written.split("\n") if line and not line.startswith(_OWN_WORDS)]
    events = [_event(line) for line in lines]
    return [
        at_least("lines written", len(lines), len(values)),
        none("lines that are no event in JSON", (line for line, event in zip(lines, events, strict=True) if not event)),
        none("control characters", (line for line in lines if any(ord(letter) < 32 for letter in line))),
        none("values over 1 KiB", (text for event in events for text in _texts(event) if len(text.encode()) > LONGEST)),
        none("secrets", (secret[:8] for secret in secrets if secret in written)),
    ]


async def _by_fields(http: httpx2.AsyncClient, ada: Person, value: str) -> None:
    clean = value.encode("utf-8", "replace").decode()
    sent = json.dumps({"email": value, "password": f"{CANARY} {value}"})
    await http.post(
        "/auth/login", content=sent.encode("utf-8", "replace"), headers={"Content-Type": "application/json"}
    )
    new = json.dumps({"email": "x@example.com", "password": f"{CANARY} {clean}"[:100], "name": clean})
    await http.post("/auth/register", content=new, headers={"Content-Type": "application/json"})
    await http.patch("/profile", headers=ada.headers, json={"name": clean})


def _heads(value: str) -> list[str]:
    """Heads with the value in the path, user agent, request id, origin and host; sent as they are."""
    whole = quote(value.encode("utf-8", "replace"))
    return [
        f"GET /{whole} HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        *(
            f"GET /profile HTTP/1.1\r\n{'' if name == 'Host' else 'Host: 127.0.0.1' + chr(13) + chr(10)}{name}: {value}\r\n"
            for name in ("User-Agent", "X-Request-Id", "Origin", "Host")
        ),
    ]


async def _by_hand(url: str, head: str) -> None:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"{head}Connection: close\r\n\r\n".encode("utf-8", "replace"))
    await reader.read()
    writer.close()


def _event(line: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return found if "event" in found and "datetime" in found else None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return []
