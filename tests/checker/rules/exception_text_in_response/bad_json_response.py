from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

router = APIRouter()


def save() -> None:
    pass


@router.get("/save")
async def run():
    try:
        save()
    except SQLAlchemyError as exc:
        message = "database: " + str(exc)
        return JSONResponse(status_code=500, content={"error": message})
    return {}


app = FastAPI()
app.include_router(router)
