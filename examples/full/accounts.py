"""The integration: where accounts live, who is asking, and what happens at a registration."""

from __future__ import annotations

from typing import Annotated

from fastness.accounts import Accounts

from .database import get_session, session_factory
from .models import Note, Person

accounts = Accounts(Person, session_factory, api="/accounts")

Me = Annotated[Person, accounts.user()]
Mine = Annotated[Person, accounts.user(session=get_session)]
Admin = Annotated[Person, accounts.user(role=["admin", "super_admin"])]


@accounts.on_verified
async def welcome(person: Person) -> None:
    async with session_factory.begin() as session:
        session.add(Note(author_id=person.id, text=f"Welcome, {person.name}"))
