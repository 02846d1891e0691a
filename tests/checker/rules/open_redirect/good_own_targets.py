from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse

from shop.links import is_safe_redirect, links
from shop.settings import settings

app = FastAPI()


@app.get("/own")
def own(request: Request) -> RedirectResponse:
    return RedirectResponse(request.url_for("home"))


@app.get("/slash")
def slash(request: Request) -> RedirectResponse:
    return RedirectResponse(str(request.url.replace(scheme="https")))


@app.get("/path")
def path(order: str) -> RedirectResponse:
    return RedirectResponse(f"/orders/{order}")


@app.get("/configured")
def configured(token: str) -> RedirectResponse:
    return RedirectResponse(f"{settings.frontend_url}/reset?token={token}")


@app.get("/tested")
def tested(to: str) -> RedirectResponse:
    if not is_safe_redirect(to):
        raise HTTPException(400)
    return RedirectResponse(to)


@app.get("/{short}")
def stored(short: str) -> RedirectResponse:
    return RedirectResponse(links[short])
