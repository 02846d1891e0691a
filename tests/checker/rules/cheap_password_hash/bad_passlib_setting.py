from passlib.context import CryptContext
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    rounds: int = 5


context = CryptContext(schemes=["bcrypt"], bcrypt__rounds=Settings().rounds)
