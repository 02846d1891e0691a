import subprocess

from fastapi import FastAPI

app = FastAPI()


@app.get("/disk")
def disk(parameters: str) -> bytes:
    return subprocess.run(["bash", "-c", "df -h " + parameters], capture_output=True).stdout
