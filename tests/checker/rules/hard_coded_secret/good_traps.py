import os
from enum import Enum

from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings

oauth2 = OAuth2PasswordBearer(tokenUrl="auth/access-token")
TOKEN_TYPE = "bearer"
DUMMY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
PASSWORD_RESET_TOKEN_EXPIRE = "60"
ERROR_PASSWORD = "The password is wrong"
API_KEY_HEADER = "X-API-Key"
SECRET_NAME = "projects/shop/secrets/key"
REDACTED_SECRET = "[REDACTED_SECRET]"
RAW_SECRET_HANDLING = "block"
POSTHOG_API_KEY = "phc_bVT2ugnZhMHRWqMvSRHPdeTjaPxQqT3QSsI3r5FlQ00"
STRIPE_PUBLISHABLE_KEY = "pk_live_51H8abcdef"
API_KEY = os.environ["API_KEY"]
PASSWORD_FIELD = "password"
SESSION_COOKIE = "session"
DATABASE_URL = f"postgresql://{os.environ['DB_USER']}:{os.environ['DB_PASSWORD']}@db/shop"
ROLES = {"password": "textbox", "email": "textbox"}
MODULES = {"WorkflowItem_Credential": ".types", "Parameter_Secret": ".parameters"}


class Grant(str, Enum):
    PASSWORD = "password"
    CLIENT_SECRET = "client_secret_basic"


class Settings(BaseSettings):
    smtp_password: SecretStr
    api_key: str | None = None
    stripe_secret: str = ""


class Login(BaseModel):
    username: str
    password: str = Field(examples=["correct horse"])
    token_type: str = "bearer"


def unknown_user(context, given: str) -> bool:
    dummy = context.hash_password("dummy-password-1")
    return context.verify(given, dummy)


class Shown(BaseModel):
    email: str
    password: str

    class Config:
        json_schema_extra = {"example": {"email": "ada@example.com", "password": "weakpassword"}}


class ShownNewer(BaseModel):
    email: str
    password: str

    model_config = {"json_schema_extra": {"examples": [{"email": "ada@example.com", "password": "3xt3m#"}]}}


BODY_EXAMPLES = {"first": {"value": {"email": "ada@example.com", "password": "weakpassword"}}}
