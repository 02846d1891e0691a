from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from crud import crud_users

app = FastAPI()
router = APIRouter(prefix="/users")


class UserCreate(BaseModel):
    email: str
    password: str


@router.post("/")
async def create(given: UserCreate) -> dict:
    return await crud_users.create(object=given)


app.include_router(router, prefix="/api/v1")
