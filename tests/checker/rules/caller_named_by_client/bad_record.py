import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

app = FastAPI()


class Base(DeclarativeBase):
    pass


class Comment(Base):
    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column()
    text: Mapped[str] = mapped_column()


class NewComment(BaseModel):
    author_id: int
    text: str


def database() -> Session:
    return Session()


@app.post("/comments")
def write(given: NewComment, user: dict = Depends(current_user), db: Session = Depends(database)) -> None:
    db.add(Comment(**given.model_dump()))
    db.commit()
