import os
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from shop.users import service
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column()
    password: Mapped[str] = mapped_column()
    phone: Mapped[str] = mapped_column()
    role: Mapped[str] = mapped_column(default="guest")


class Drink(Base):
    __tablename__ = "drinks"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column()


def database() -> Session:
    return Session()


bearer = OAuth2PasswordBearer(tokenUrl="token")
app = FastAPI()


def by_name(db: Session, username: str) -> User | None:
    return db.query(User).filter(User.username == username).first()


def current_user(token: str = Depends(bearer), db: Session = Depends(database)) -> User:
    try:
        claims = jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])
    except JWTError:
        raise HTTPException(401) from None
    user = by_name(db, claims["sub"])
    if user is None:
        raise HTTPException(401)
    return user


class Allowed:
    def __init__(self, roles: list[str]) -> None:
        self.roles = roles

    def __call__(self, user: User = Depends(current_user)) -> User:
        if user.role not in self.roles:
            raise HTTPException(403)
        return user


class Profile(BaseModel):
    username: str
    phone: str | None = None


@app.put("/me")
def change(given: Profile, user: User = Depends(service.get_current_super_admin), db: Session = Depends(database)) -> None:
    found = by_name(db, given.username)
    for name, value in given.model_dump(exclude={"username"}).items():
        setattr(found, name, value)
    db.commit()
