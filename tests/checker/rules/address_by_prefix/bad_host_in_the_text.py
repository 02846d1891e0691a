from fastapi import FastAPI, HTTPException
from fastapi.responses import RedirectResponse

app = FastAPI()


@app.get("/leave")
def leave(to: str) -> RedirectResponse:
    if "shop.example.com" not in to:
        raise HTTPException(400)
    return RedirectResponse(to)
