from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()


class Page:
    def __init__(self, page: int = 1, per_page: int | None = 20) -> None:
        self.page, self.per_page = page, per_page


@app.get("/rows")
def rows(page: Annotated[Page, Depends()]) -> dict[str, int | None]:
    return {"page": page.page, "per_page": page.per_page}
