import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

bearer = OAuth2PasswordBearer(tokenUrl="token")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column()
    hashed_password: Mapped[str] = mapped_column()
    is_admin: Mapped[bool] = mapped_column(default=False)


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column()


def database() -> Session:
    return Session()


def current_user(token: str = Depends(bearer), db: Session = Depends(database)) -> User:
    claims = jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])
    user = db.get(User, claims["sub"])
    if user is None:
        raise HTTPException(401)
    return user


class Documents:
    def __init__(self, db: Session) -> None:
        self.db = db

    def of(self, user: User) -> list[Document]:
        return list(self.db.scalars(select(Document).where(Document.owner_id == user.id)))

    def by_id(self, document_id: int) -> Document | None:
        return self.db.scalars(select(Document).where(Document.id == document_id)).first()


def documents(db: Session = Depends(database)) -> Documents:
    return Documents(db)


router = APIRouter(prefix="/documents")


@router.get("/")
def mine(user: User = Depends(current_user), kept: Documents = Depends(documents)) -> list[int]:
    return [one.id for one in kept.of(user)]


@router.delete("/{document_id}")
def remove(document_id: int, user: User = Depends(current_user), kept: Documents = Depends(documents)) -> None:
    found = kept.by_id(document_id)
    kept.db.delete(found)
    kept.db.commit()


app = FastAPI()
app.include_router(router)
