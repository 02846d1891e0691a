from collections import deque

from fastapi import FastAPI

app = FastAPI()
lines: deque[str] = deque(maxlen=500)


@app.get("/log")
def log(limit: int = 50) -> list[str]:
    return list(lines)[-limit:]
