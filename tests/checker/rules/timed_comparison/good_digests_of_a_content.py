import hashlib

from fastapi import FastAPI, HTTPException

app = FastAPI()


@app.post("/saves")
def save(content: bytes, expected_sha256: str) -> None:
    if hashlib.sha256(content).hexdigest() != expected_sha256:
        raise HTTPException(422)
