from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shop.database import get_session

app = FastAPI()


class Search(BaseModel):
    term: str
    page: int = 1


class Products:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def search(self, term: str) -> list[str]:
        statement = "SELECT name FROM products WHERE name LIKE '%%%s%%'" % term
        return [row[0] for row in await self.session.execute(text(statement))]


@app.post("/search")
async def search(given: Search, session: Annotated[AsyncSession, Depends(get_session)]) -> list[str]:
    return await Products(session).search(given.term)
