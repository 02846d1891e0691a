import os

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

bearer = OAuth2PasswordBearer(tokenUrl="token")
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column()
    text: Mapped[str] = mapped_column()


def database() -> Session:
    return Session()


def current_user(token: str = Depends(bearer)) -> int:
    return int(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


@app.put("/notes/{note_id}")
def change(note_id: int, text: str, user: int = Depends(current_user), db: Session = Depends(database)) -> None:
    note = db.get(Note, note_id)
    note.text = text
    db.commit()
    if note.owner_id != user:
        raise HTTPException(status_code=403)
