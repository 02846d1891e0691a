from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import OAuth2PasswordRequestForm

app = FastAPI()
router = APIRouter(prefix="/auth")


@router.post("/signup")
async def signup(form: OAuth2PasswordRequestForm = Depends()) -> dict:
    return {"user": form.username}


app.include_router(router, prefix="/api")
