from fastapi import FastAPI
from paramiko.pkey import PublicBlob

app = FastAPI()


@app.post("/keys")
def key(text: str) -> str:
    return PublicBlob.from_string(text).key_type
