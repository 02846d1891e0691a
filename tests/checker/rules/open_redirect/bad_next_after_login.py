from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse

router = APIRouter()


@router.get("/after")
def after(request: Request) -> RedirectResponse:
    target = request.query_params.get("next") or "/"
    return RedirectResponse(url=target, status_code=303)


app = FastAPI()
app.include_router(router)
