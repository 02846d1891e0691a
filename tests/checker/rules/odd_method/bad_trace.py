from fastapi import APIRouter, FastAPI

router = APIRouter()


@router.trace("/echo")
def echo() -> str:
    return "ok"


app = FastAPI()
app.include_router(router)
