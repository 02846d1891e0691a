from fastapi import Depends, FastAPI
from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import Session, declarative_base

app = FastAPI()
Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    password = Column(String)


def get_db() -> Session: ...


@app.post("/login")
def login(name: str, password: str, db: Session = Depends(get_db)) -> dict:
    user = db.query(User).filter(User.name == name, User.password == password).first()
    return {"id": user.id}
