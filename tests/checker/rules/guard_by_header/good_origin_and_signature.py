import hashlib
import hmac
import os

from fastapi import FastAPI, HTTPException, Request

app = FastAPI()


@app.post("/webhook")
async def hook(request: Request) -> None:
    if request.headers.get("origin") not in {None, "https://app.example.com"}:
        raise HTTPException(403)
    wanted = hmac.new(os.environb[b"KEY"], await request.body(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers.get("x-signature", ""), wanted):
        raise HTTPException(401)
