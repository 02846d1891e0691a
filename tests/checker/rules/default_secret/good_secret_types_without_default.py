from pydantic import SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    session_key: SecretStr
    webhook: SecretStr | None = None
    mail_key: SecretStr = SecretStr("")
