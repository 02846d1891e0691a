import os

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy import ForeignKey
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


from pydantic import BaseModel

app = FastAPI()


class UserUpdate(BaseModel):
    email: str | None = None
    role: str | None = None


@app.patch("/users/me")
def change(given: UserUpdate, user: User = Depends(current_user), db: Session = Depends(database)) -> None:
    for key, value in given.model_dump(exclude_unset=True).items():
        setattr(user, key, value)
    db.commit()
