"""
## What it looks for
One account that reads, changes or deletes the object of another, by its id.

## Why it matters
It is the first entry of the OWASP API Security Top 10: whoever counts through ids reads everybody's data.

## Bad
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
    from pydantic import BaseModel

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="login")
    users: dict[str, str] = {}
    notes: list[dict[str, str | int]] = []

    class Account(BaseModel):
        email: str
        password: str

    class Note(BaseModel):
        text: str

    @app.post("/register")
    async def register(given: Account) -> dict[str, str]:
        users[given.email] = given.password
        return {"email": given.email}

    @app.post("/login")
    async def login(form: OAuth2PasswordRequestForm = Depends()) -> dict[str, str]:
        if users.get(form.username) != form.password:
            raise HTTPException(401)
        return {"access_token": "for " + form.username}

    def caller(token: str = Depends(bearer)) -> str:
        if token[4:] not in users:
            raise HTTPException(401)
        return token[4:]

    @app.get("/notes")
    async def mine(who: str = Depends(caller)) -> list[dict[str, str | int]]:
        return [note for note in notes if note["owner"] == who]

    @app.post("/notes")
    async def write(given: Note, who: str = Depends(caller)) -> dict[str, str | int]:
        notes.append({"id": len(notes), "owner": who, "text": given.text})
        return notes[-1]

    @app.get("/notes/{note_id}")
    async def read(note_id: int, who: str = Depends(caller)) -> dict[str, str | int]:
        return notes[note_id]

## Good
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
    from pydantic import BaseModel

    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="login")
    users: dict[str, str] = {}
    notes: list[dict[str, str | int]] = []

    class Account(BaseModel):
        email: str
        password: str

    class Note(BaseModel):
        text: str

    @app.post("/register")
    async def register(given: Account) -> dict[str, str]:
        users[given.email] = given.password
        return {"email": given.email}

    @app.post("/login")
    async def login(form: OAuth2PasswordRequestForm = Depends()) -> dict[str, str]:
        if users.get(form.username) != form.password:
            raise HTTPException(401)
        return {"access_token": "for " + form.username}

    def caller(token: str = Depends(bearer)) -> str:
        if token[4:] not in users:
            raise HTTPException(401)
        return token[4:]

    @app.get("/notes")
    async def mine(who: str = Depends(caller)) -> list[dict[str, str | int]]:
        return [note for note in notes if note["owner"] == who]

    @app.post("/notes")
    async def write(given: Note, who: str = Depends(caller)) -> dict[str, str | int]:
        notes.append({"id": len(notes), "owner": who, "text": given.text})
        return notes[-1]

    @app.get("/notes/{note_id}")
    async def read(note_id: int, who: str = Depends(caller)) -> dict[str, str | int]:
        if note_id >= len(notes) or notes[note_id]["owner"] != who:
            raise HTTPException(404)
        return notes[note_id]

## How it is found
Two accounts register and sign in. The first makes an object with one POST; the second asks for it, changes it and deletes
it. Reading counts only where the list of such objects shows it to the first account and not to the second, so that a
feed or a catalogue which everybody reads is no finding. Changing and deleting count where that holds, or where the object
names its owner.

## What it cannot see
Objects that need other objects first, applications without a registration, and objects that nothing says an owner of.

## How to tell the checker
Ignore the finding with a comment that says who shares the object.

## References
OWASP API1:2023, ASVS 8.2.2, CWE-639
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastness.checker.evidence.attacker import Attacker
from fastness.checker.evidence.exchange import Answer
from fastness.checker.evidence.objects import Owned, belongs, mentions, owned
from fastness.checker.finding import Confidence, Finding, Severity
from fastness.checker.rule import Rule

_VERBS = {"GET": "reads", "PUT": "changes", "PATCH": "changes", "DELETE": "deletes"}


class ForeignObject(Rule):
    """Another account's object answers to its id alone."""

    id, name, control, severity = "FN204", "foreign-object", "access", Severity.CRITICAL
    owasp, asvs, cwe, guide = ("API1:2023",), ("8.2.2",), (639,), (2,)
    why = "whoever counts through the ids reads or changes everybody's data"
    fix = "look the object up together with its owner, and answer 404 when it belongs to somebody else"

    async def attack(self, attacker: Attacker) -> AsyncIterator[Finding]:
        if len(attacker.identities) < 2 or not attacker.writes:  # noqa: PLR2004 - an owner and another one
            return
        owner, other = attacker.identities[:2]
        async for thing in owned(attacker, owner):
            private = await self._private(attacker, thing)
            if not private and not belongs(thing.made.value, owner):
                continue
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                route = next((r for r in thing.items if method in r.methods), None)
                if route is None or (method == "GET" and not private):
                    continue
                values = {thing.name: thing.value}
                if method == "GET" and not (await attacker.attempt(route, method, values=values, by=owner)).ok:
                    continue
                stranger = await attacker.attempt(route, method, values=values)
                answer = await attacker.attempt(route, method, values=values, by=other)
                if answer.ok and not stranger.ok and self._same(thing, answer, method):
                    text = f"{route}: another account {_VERBS[method]} the object of its owner"
                    yield self.found(
                        attacker.place(route),
                        text,
                        confidence=Confidence.PROVED,
                        route=route,
                        subject=f"{method} by another account",
                        proof=attacker.proof(text, thing.made, stranger, answer),
                    )

    async def _private(self, attacker: Attacker, thing: Owned) -> bool:
        """Whether the list shows the object to its owner and not to the other one."""
        if thing.listing is None:
            return False
        own, others = [await attacker.attempt(thing.listing, "GET", by=who) for who in attacker.identities[:2]]
        return own.ok and others.ok and mentions(own, thing.value) and not mentions(others, thing.value)

    def _same(self, thing: Owned, answer: Answer, method: str) -> bool:
        """Whether a read answer is that object, and no empty or neutral one."""
        return method != "GET" or mentions(answer, thing.value)
