import logging

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

logger = logging.getLogger(__name__)


class Settings(BaseSettings):
    secret_key: SecretStr = Field(default=SecretStr("change-me-in-production"))

    @field_validator("secret_key")
    @classmethod
    def warn(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() == "change-me-in-production":
            logger.warning("the default key is in use")
        return value
