from fastapi import FastAPI, Request
from sqlalchemy import Boolean, Column, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()
app = FastAPI()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String)
    hashed_password = Column(String)
    is_admin = Column(Boolean, default=False)
    is_active = Column(Boolean, default=True)


def role(claims: dict) -> str:
    return claims.get("role", "user")


def active(request: Request) -> bool:
    return getattr(request.state.user, "is_active", True)
