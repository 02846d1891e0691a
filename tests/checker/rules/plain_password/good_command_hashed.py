from fastapi import FastAPI, Depends
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from pwdlib import PasswordHash

hasher = PasswordHash.recommended()


class Base(DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "members"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column()
    password: Mapped[str] = mapped_column()

    @classmethod
    def create(cls, *, email: str, password: str) -> "Member":
        return cls(email=email, password=password)


class NewMember(BaseModel):
    email: str
    password1: str
    password2: str


class CreateMember(BaseModel):
    email: str
    password1: str
    password2: str


class Members:
    def __init__(self, db: Session) -> None:
        self.db = db

    def add(self, command: CreateMember) -> None:
        if command.password1 != command.password2:
            raise ValueError
        self.db.add(Member.create(email=command.email, password=hasher.hash(command.password1)))


app = FastAPI()


@app.post("/members")
def add(given: NewMember, db: Session = Depends(Session)) -> None:
    Members(db).add(CreateMember(**given.model_dump()))
