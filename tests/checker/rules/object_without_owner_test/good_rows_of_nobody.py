import os

import jwt
from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="token")


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column()


def database() -> Session:
    return Session()


def current_user(token: str = Depends(bearer)) -> str:
    return str(jwt.decode(token, os.environ["TOKEN_KEY"], algorithms=["HS256"])["sub"])


@app.get("/products/{product_id}")
def read(product_id: int, db: Session = Depends(database), user: str = Depends(current_user)) -> str:
    return db.get(Product, product_id).name
