import os

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer

bearer = OAuth2PasswordBearer(tokenUrl="token")


def current_user(token: str = Depends(bearer)) -> dict:
    return jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])


from fastapi import Request
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

app = FastAPI()


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column()


def database() -> Session:
    return Session()


@app.post("/accounts")
async def make(request: Request, user: dict = Depends(current_user), db: Session = Depends(database)) -> None:
    data = await request.json()
    db.add(Account(**data))
    db.commit()
