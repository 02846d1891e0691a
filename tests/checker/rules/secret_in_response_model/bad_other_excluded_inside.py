from fastapi import FastAPI
from pydantic import BaseModel


class Access(BaseModel):
    user: str
    private_key: str


class Policy(BaseModel):
    name: str
    auth: Access


class Scope(BaseModel):
    id: int
    policy: Policy


app = FastAPI()
scopes: dict[int, Scope] = {}


@app.get("/scopes/{scope_id}", response_model=Scope, response_model_exclude={"policy": {"name"}})
def scope(scope_id: int):
    return scopes[scope_id]
