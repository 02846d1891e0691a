"""People and their notes."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastness.accounts import AccountMixin

from .database import Base


class Person(AccountMixin, Base):
    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    motto: Mapped[str] = mapped_column(default="", server_default="")
    notes: Mapped[list[Note]] = relationship(back_populates="author", passive_deletes=True)


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("people.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]
    author: Mapped[Person] = relationship(back_populates="notes")
