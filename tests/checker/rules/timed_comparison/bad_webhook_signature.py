import hashlib
import hmac
import os

from fastapi import FastAPI, HTTPException, Request

app = FastAPI()


def compute_signature(body: bytes) -> str:
    return hmac.new(os.environ["HOOK"].encode(), body, hashlib.sha256).hexdigest()


@app.post("/hooks")
async def hook(request: Request) -> None:
    given = request.headers.get("x-signature")
    if given != compute_signature(await request.body()):
        raise HTTPException(401)
