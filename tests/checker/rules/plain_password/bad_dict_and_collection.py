from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
users: dict[str, dict] = {}


class NewUser(BaseModel):
    name: str
    password: str


@app.post("/users")
def create(given: NewUser) -> None:
    users[given.name] = {"name": given.name, "password": given.password}
