from pydantic_settings import BaseSettings


class Torrents(BaseSettings):
    enabled: bool = True
    host: str = "localhost"
    password: str = "adminadmin"
