from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, FastAPI
from jose import jwt

from settings import KEY

app = FastAPI()
router = APIRouter(prefix="/auth")


def create_access_token(data: dict) -> str:
    return jwt.encode({**data, "exp": datetime.now(UTC) + timedelta(minutes=5)}, KEY, algorithm="HS256")


@router.get("/token/{user_id}")
def token(user_id: int) -> dict:
    return {"access_token": create_access_token({"sub": str(user_id)})}


app.include_router(router)
