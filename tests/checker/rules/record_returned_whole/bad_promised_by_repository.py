from abc import ABC, abstractmethod

from fastapi import Depends, FastAPI
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    password_hash: Mapped[str] = mapped_column()


class Repository(ABC):
    @abstractmethod
    async def everybody(self) -> list[Member]: ...


class Service:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    async def everybody(self):
        return await self.repository.everybody()


def service() -> Service: ...


app = FastAPI()


@app.get("/members")
async def members(members: Service = Depends(service)):
    return await members.everybody()
