import re
from typing import Annotated

from fastapi import FastAPI
from pydantic import AfterValidator, BaseModel

app = FastAPI()
SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


def slug(value: str) -> str:
    if SLUG.match(value) is None:
        raise ValueError("letters and hyphens")
    return value


class Page(BaseModel):
    address: Annotated[str, AfterValidator(slug)]


@app.post("/pages")
def pages(page: Page) -> str:
    return page.address
