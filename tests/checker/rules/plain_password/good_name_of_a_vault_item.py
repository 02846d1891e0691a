from fastapi import FastAPI
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shop.database import db


class Base(DeclarativeBase):
    pass


class Vault(Base):
    __tablename__ = "vaults"
    id: Mapped[int] = mapped_column(primary_key=True)
    master_password_aws_secret_key: Mapped[str] = mapped_column()


app = FastAPI()


@app.post("/vaults")
def add(master_password_aws_secret_key: str) -> None:
    db.add(Vault(master_password_aws_secret_key=master_password_aws_secret_key))
