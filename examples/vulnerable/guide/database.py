from sqlalchemy import Boolean, Column, Integer, String, create_engine
from sqlalchemy.orm import Session, declarative_base, sessionmaker

from .settings import settings

engine = create_engine(settings.database_url)
SessionLocal = sessionmaker(bind=engine)
Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String, unique=True)
    name = Column(String)
    hashed_password = Column(String)
    role = Column(String, default="user")
    is_active = Column(Boolean, default=True)


def get_session():
    session = SessionLocal()
    try:
        yield session
    finally:
        session.close()


async def get_user_by_id(user_id: str) -> User | None:
    with SessionLocal() as session:
        return session.get(User, int(user_id))


async def delete_user(user_id: str) -> None:
    with SessionLocal() as session:
        session.delete(session.get(User, int(user_id)))
        session.commit()


def find_by_email(session: Session, email: str) -> User | None:
    return session.query(User).filter(User.email == email).first()
