from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse

router = APIRouter()


@router.get("/about")
def about():
    return HTMLResponse("<p>About</p>")


app = FastAPI()
app.include_router(router)
