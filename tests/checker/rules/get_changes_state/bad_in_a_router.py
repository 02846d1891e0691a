import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

router = APIRouter(prefix="/notes", dependencies=[Depends(current_user)])


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)


def database() -> Session:
    return Session()


@router.get("/delete/{note_id}")
def drop(note_id: int, db: Session = Depends(database)) -> None:
    db.delete(db.get(Note, note_id))
    db.commit()


app = FastAPI()
app.include_router(router)
