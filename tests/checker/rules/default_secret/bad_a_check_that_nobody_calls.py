from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    secret_key: str = "shop-secret"

    def validate_secret(self) -> None:
        if self.secret_key == "shop-secret":
            raise RuntimeError("change it")
