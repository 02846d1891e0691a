from fastapi import Depends, FastAPI
from jinja2 import Environment
from pydantic import BaseModel

from shop.accounts import current_user

app = FastAPI(dependencies=[Depends(current_user)])
environment = Environment(autoescape=True)


class Letter(BaseModel):
    subject: str
    body: str


@app.post("/letters")
def letter(given: Letter) -> str:
    return environment.from_string(given.body).render(subject=given.subject)
