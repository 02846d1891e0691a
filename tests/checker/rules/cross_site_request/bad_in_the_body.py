import os

from fastapi import APIRouter, FastAPI, HTTPException, Request
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware

router = APIRouter()
notes: list[str] = []


@router.delete("/notes")
def clear(request: Request) -> None:
    if not request.session.get("user"):
        raise HTTPException(status_code=401)
    notes.clear()


app = FastAPI(
    middleware=[Middleware(SessionMiddleware, secret_key=os.environ["KEY"], https_only=True, same_site="none")]
)
app.include_router(router)
