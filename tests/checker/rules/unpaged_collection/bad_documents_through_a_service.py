from fastapi import APIRouter, FastAPI

from shop.database import collection

router = APIRouter()


class Notes:
    async def every(self) -> list[dict]:
        return await collection.find().to_list(None)


@router.get("/notes")
async def notes() -> list[dict]:
    return await Notes().every()


app = FastAPI()
app.include_router(router)
