from pydantic_settings import BaseSettings


class Torrents(BaseSettings):
    enabled: bool = False
    host: str = "localhost"
    password: str = "adminadmin"
