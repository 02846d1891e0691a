import logging
import secrets

from fastapi import FastAPI

log = logging.getLogger(__name__)
app = FastAPI()


def send(number: str, digits: str) -> None:
    log.info("codes for one password: %s", len(digits))


@app.post("/codes")
def code(number: str) -> None:
    send(number, str(secrets.randbelow(10**8)))
