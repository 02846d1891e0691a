import hashlib
import os
import tempfile

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, create_engine
from sqlalchemy.orm import declarative_base, sessionmaker

# seeded: FN123
WAREHOUSE = "postgresql://shop:Winter-2024-shop@warehouse.internal:5432/stock"
DATABASE_URL = os.getenv("DATABASE_URL", f"sqlite:///{tempfile.gettempdir()}/vulnerable-shop.db")
engine = create_engine(DATABASE_URL)
SessionLocal = sessionmaker(bind=engine)
Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String, unique=True)
    password_hash = Column(String)
    is_admin = Column(Boolean, default=False)
    balance = Column(Float, default=0)


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    owner_id = Column(Integer, ForeignKey("users.id"))
    item = Column(String)
    quantity = Column(Integer)
    note = Column(String)


def hash_password(password: str) -> str:
    # seeded: FN132
    return hashlib.sha256(password.encode()).hexdigest()


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


Base.metadata.create_all(engine)
