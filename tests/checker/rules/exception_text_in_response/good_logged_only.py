import logging

from fastapi import FastAPI, HTTPException

app = FastAPI()
log = logging.getLogger(__name__)


@app.get("/buy")
def buy() -> int:
    try:
        return 1
    except Exception as error:
        log.warning("buying failed: %s", error)
        raise HTTPException(500, detail="Buying failed") from error
