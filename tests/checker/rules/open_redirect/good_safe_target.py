from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from shop.urls import get_safe_return_url

app = FastAPI()


@app.get("/back")
def back(next: str) -> RedirectResponse:
    return RedirectResponse(get_safe_return_url(next))
