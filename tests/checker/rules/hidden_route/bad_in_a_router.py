import sqlite3

from fastapi import APIRouter, FastAPI

router = APIRouter(prefix="/internal", include_in_schema=False)


@router.get("/jobs")
def jobs() -> list:
    cursor = sqlite3.connect("jobs.db").cursor()
    return cursor.execute("SELECT id FROM jobs").fetchall()


app = FastAPI()
app.include_router(router)
