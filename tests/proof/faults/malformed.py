"""Experiment 23: bodies that are compressed, are no JSON, or are made to collide. Refused, never unpacked, never a 5xx."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections import Counter
from pathlib import Path

import httpx2
from fastapi import FastAPI

from by_hand import LOCAL, Reply, ask
from cells import served
from fastness import Settings, public, secure
from fastness.controls.fields import Int64, StrictModel
from journeys.one_per_worker import one_per_worker
from proof.compressed import CODINGS, compressed
from proof.faults.callers import OPEN, PASSWORD, person
from proof.faults.experiment import Figure, Trial, at_least, at_most, only, within
from proof.faults.memory import grown
from proof.places import JSON

CORPUS = json.loads((Path(__file__).parents[2] / "data" / "attacks" / "json_parsing.json").read_text())
NUMBERS = 40_000
"""As many as a body of one MiB holds."""
GROWTH = 16


class Numbers(StrictModel):
    """What an application takes that keeps numbers apart."""

    numbers: set[Int64]


async def run(trial: Trial) -> list[Figure]:
    """The right password for whoever unpacks it, alone and behind a gigabyte of blanks; then each text that is no JSON."""
    bombs, texts, plain = Counter[int](), Counter[int](), Counter[int]()
    email, sizes = "ada@example.com", trial.sized(short=(0, 100), full=(0, 1, 100, 1000))
    # Made before the watch begins: it is the server's memory that is looked at, and its time.
    bodies = [(coding, compressed(coding, email, PASSWORD, mib)) for coding in CODINGS for mib in sizes]
    async with served(trial.cell, trial.folder, **OPEN) as serving:
        await person(serving.url, email)
        async with one_per_worker(serving.url, serving.workers()) as clients:

            async def sent(http: httpx2.AsyncClient, body: bytes, **more: str) -> int:
                headers = {"Content-Type": "application/json", **more}
                return (await http.post("/auth/login", content=body, headers=headers)).status_code

            with grown(serving) as watched:
                slowest = 0.0
                for http, (coding, body) in itertools.product(clients, bodies):
                    began = time.monotonic()
                    bombs[await sent(http, body, **{"Content-Encoding": coding})] += 1
                    slowest = max(slowest, time.monotonic() - began)
            for http, case in zip(itertools.cycle(clients), CORPUS, strict=False):
                texts[await sent(http, base64.b64decode(case["b64"]))] += 1
            plain[await sent(clients[0], json.dumps({"email": email, "password": PASSWORD}).encode())] += 1
    return [
        only("the same body, not compressed", plain, {200}),
        at_least("compressed bodies", bombs.total(), trial.cell.workers * len(bodies)),
        only("compressed bodies: answers", bombs, {400, 415}),
        within("compressed bodies: slowest answer", slowest, 1.0),
        at_most("compressed bodies: peak of one worker grew by", watched.most, GROWTH, " MiB"),
        only("texts that are no JSON or no sign-in: answers", texts, {400, 422}),
        *await _colliding(),
    ]


async def _colliding() -> list[Figure]:
    """Whole numbers that all have one hash, for a set: each would be compared with every other."""
    app = FastAPI()

    @app.post("/numbers")
    @public("whoever has numbers may have them kept apart")
    async def apart(given: Numbers) -> int:
        return len(given.numbers)

    secure(app, Settings(environment="development"))
    one_hash = [n * (2**61 - 1) for n in range(NUMBERS)]
    began = time.monotonic()
    reply = await _posted(app, one_hash)
    took = time.monotonic() - began
    few = await _posted(app, [1, 2, 2])
    return [
        only(f"{NUMBERS} numbers of one hash: answer", Counter([reply.status]), {422}),
        within(f"{NUMBERS} numbers of one hash: answered after", took, 1.0),
        only("three numbers: answer", Counter([few.status]), {200}),
    ]


async def _posted(app: FastAPI, numbers: list[int]) -> Reply:
    body = json.dumps({"numbers": numbers}, separators=(",", ":")).encode()
    assert len(body) <= 2**20, "the limit of a body would answer in its place"
    return await ask(app, "POST", "/numbers", headers=[LOCAL, JSON], body=[body])
