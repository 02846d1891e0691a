from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

router = APIRouter()
COOKIE = "access_token"


@router.get("/enter")
def enter():
    answer = JSONResponse({})
    answer.set_cookie(key=COOKIE, value="made elsewhere", httponly=True, secure=False, max_age=600)
    return answer


app = FastAPI()
app.include_router(router)
