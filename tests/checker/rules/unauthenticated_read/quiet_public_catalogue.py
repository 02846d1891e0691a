from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column()


class Shown(BaseModel):
    id: int
    name: str


app = FastAPI()


def database() -> Session:
    return Session()


@app.get("/products", response_model=list[Shown])
def products(db: Session = Depends(database)):
    return db.query(Product).all()


@app.get("/health")
def health(db: Session = Depends(database)) -> str:
    db.execute("SELECT 1")
    return "ok"
