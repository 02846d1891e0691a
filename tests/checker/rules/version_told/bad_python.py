import sys

from fastapi import APIRouter, FastAPI

router = APIRouter()


@router.get("/info")
def info():
    told = {"python": sys.version}
    return told


app = FastAPI()
app.include_router(router)
