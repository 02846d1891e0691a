"""Notes of people. Run: FASTNESS_ENVIRONMENT=development uvicorn examples.full.app:app."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from .accounts import Admin, Me, Mine, accounts
from .database import get_session
from .models import Note, Person

app = FastAPI(title="Notes")
accounts.install(app)

Session = Annotated[AsyncSession, Depends(get_session)]


class Motto(BaseModel):
    motto: str = Field(max_length=100)


class Text(BaseModel):
    text: str = Field(max_length=1000)


@app.get("/me")
async def me(person: Me) -> dict[str, str | int]:
    return {"id": person.id, "name": person.name, "motto": person.motto}


@app.put("/me/motto")
async def set_motto(given: Motto, person: Mine, session: Session) -> Motto:
    person.motto = given.motto
    await session.commit()
    return given


@app.get("/notes")
async def notes(person: Me, session: Session) -> list[str]:
    found = await session.scalars(select(Note.text).where(Note.author_id == person.id).order_by(Note.id))
    return list(found)


@app.post("/notes", status_code=201)
async def write(given: Text, person: Me, session: Session) -> Text:
    session.add(Note(author_id=person.id, text=given.text))
    await session.commit()
    return given


@app.get("/statistics")
async def statistics(_: Admin, session: Session) -> dict[str, int]:
    people = await session.scalar(select(func.count()).select_from(Person))
    return {"people": people or 0}
