from fastapi import APIRouter, FastAPI, Request

from shop.database import pool

router = APIRouter()


@router.get("/people")
async def people(request: Request) -> list[dict]:
    conditions = ["deleted = false"]
    for key, value in request.query_params.items():
        conditions.append(f"{key} = '{value}'")
    query = "SELECT id, name FROM people WHERE " + " AND ".join(conditions)
    async with pool.acquire() as connection:
        return [dict(row) for row in await connection.fetch(query)]


app = FastAPI()
app.include_router(router, prefix="/v1")
