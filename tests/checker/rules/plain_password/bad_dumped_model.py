from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import Session, declarative_base

app = FastAPI()
Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    password = Column(String)


class NewUser(BaseModel):
    name: str
    password: str


def get_db() -> Session: ...


@app.post("/users")
def create(user: NewUser, db: Session = Depends(get_db)) -> None:
    db.add(User(**user.model_dump()))
    db.commit()
