"""Experiment 24: what a stranger sends is in the log of a real server as data. One event is one line, and no secret is in it."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from cells import Serving, served
from proof.faults.callers import OPEN, PASSWORD, Person, person
from proof.faults.experiment import Figure, Trial, at_least, none

CORPUS: list[dict[str, str]] = json.loads(
    (Path(__file__).parents[2] / "data" / "attacks" / "log_injection.json").read_text()
)
LONGEST = 1024
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
_NO_HTTP = "WARNING:  Invalid HTTP request received."
"""uvicorn's word for what is none, the same for every caller."""
_OF_NOBODY = {"sys_events_checkpoint"}
"""Events that no request makes."""
_TOLD = {401, 414, 422}
"""Refusals that each have an event. Not each 400 or 404 has one: a body may be no JSON, a path may be unknown."""
CANARY = "canary in the attic 7Q"


async def run(trial: Trial) -> list[Figure]:
    """Send each value in seven places, then read everything that the server wrote."""
    values = list(dict.fromkeys(entry["value"] for entry in CORPUS))[:: trial.sized(short=6, full=1)]
    # Every line is wanted, however many there are.
    settings = {**OPEN, "FASTNESS_SECURITY_EVENTS__PER_MINUTE": "1000000"}
    answers = dict[str, int]()
    async with served(trial.cell, trial.folder, **settings) as serving:
        await _started(serving)
        ada = await person(serving.url, "ada@example.com")
        before = _written(serving)
        async with httpx2.AsyncClient(base_url=serving.url, timeout=60) as http:
            for value in values:
                await _by_fields(http, ada, value, answers)
                await asyncio.gather(*(_by_hand(serving.url, lines, answers) for lines in _heads(value)))
        secrets = [CANARY, PASSWORD, ada.access, ada.refresh, serving.environment["FASTNESS_SECRET"]]
        written = [line for old, now in zip(before, _written(serving), strict=True) for line in now[len(old) :]]
        everything = serving.server.err + serving.server.out
    # Whatever it says of itself, it has said before the first request: nothing that comes after is passed over.
    lines = [line for line in written if line != _NO_HTTP]
    events = [_event(line) for line in lines]
    told = Counter(str(event.get("request_id", event["event"])) for event in events if event)
    refused = [request for request, status in answers.items() if status in _TOLD]
    return [
        at_least("lines written", len(lines), len(values)),
        none("lines that are no event in JSON", (line for line, event in zip(lines, events, strict=True) if not event)),
        # A line that somebody forged belongs to no request, or is one too many of its own.
        none("events of no request", told.keys() - answers.keys() - _OF_NOBODY),
        none("refusals without their event", (request for request in refused if not told[request])),
        none("requests of more than one", (request for request in answers if told[request] > 1)),
        none("control characters", (line for line in lines if _CONTROL.search(line))),
        none("values over 1 KiB", (text for event in events for text in _texts(event) if len(text.encode()) > LONGEST)),
        none("secrets", (secret[:8] for secret in secrets if secret in everything)),
    ]


def _written(serving: Serving) -> tuple[list[str], list[str]]:
    """The whole lines of its two outputs. What else ends a line somewhere (U+0085, U+2028) is looked for in them."""
    return serving.server.err.split("\n")[:-1], serving.server.out.split("\n")[:-1]


async def _started(serving: Serving) -> None:
    """Each worker has said that it is there, and what it has."""
    async with asyncio.timeout(60):
        while True:
            lines, _ = _written(serving)
            if all(
                sum(word in line for line in lines) >= serving.cell.workers
                for word in ('"sys_startup"', "fastness: development; on: ")
            ):
                return
            await asyncio.sleep(0.05)


async def _by_fields(http: httpx2.AsyncClient, ada: Person, value: str, answers: dict[str, int]) -> None:
    clean = value.encode("utf-8", "replace").decode()
    sent = json.dumps({"email": value, "password": f"{CANARY} {value}"})
    login = await http.post(
        "/auth/login", content=sent.encode("utf-8", "replace"), headers={"Content-Type": "application/json"}
    )
    new = json.dumps({"email": "x@example.com", "password": f"{CANARY} {clean}"[:100], "name": clean})
    registered = await http.post("/auth/register", content=new, headers={"Content-Type": "application/json"})
    renamed = await http.patch("/profile", headers=ada.headers, json={"name": clean})
    for answer in (login, registered, renamed):
        answers[answer.headers["x-request-id"]] = answer.status_code


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


async def _by_hand(url: str, head: str, answers: dict[str, int]) -> None:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"{head}Connection: close\r\n\r\n".encode("utf-8", "replace"))
    answer = await reader.read()
    writer.close()
    for found in re.findall(rb"(?i)^x-request-id: (\S+)\r$", answer, re.MULTILINE):
        answers[found.decode()] = int(answer[9:12])


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
